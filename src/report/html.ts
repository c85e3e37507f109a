import { createHash } from 'node:crypto';
import type { MetricName } from '../regression/verdict.ts';
import { escapeHtml, linkTarget, shortenText } from './escape.ts';
import { formatCount, formatDuration, formatSignedPercent, formatTransition } from './format-values.ts';
import { headlineOf } from './headline.ts';
import { htmlName, htmlTable, modelArticle, numericHead, problemList } from './html-model.ts';
import { HTML_STYLE } from './html-style.ts';
import { commitWords, recordingWords, shardWords } from './measurement-words.ts';
import { isWorse, MAIN_METRICS, METRIC_WORDS } from './metric-words.ts';
import { type JudgedModel, metricOf, modelsByImportance } from './model-verdict.ts';
import { allProblems } from './problems.ts';
import type { ModelReport, Report } from './report.ts';

const GATE_WORDS = {
  passed: 'Passed',
  warned: 'Passed, with warnings',
  failed: 'Failed',
  'no-verdict': 'No verdict',
} as const;

const text = (raw: string, maxCharacters = 1_000): string => escapeHtml(shortenText(raw, maxCharacters));

/**
 * The report as one HTML file that needs no network and runs no script: its policy forbids both. Made for light and dark,
 * keyboard, screen readers and paper.
 */
export function renderHtml(report: Report): string {
  const judged = modelsByImportance(report);
  const headline = headlineOf(report);
  const words = headline.parts
    .map(part => (part.kind === 'name' ? htmlName(part.text) : text(part.text)))
    .join('');
  const title = headline.parts.map(part => part.text).join('');
  const styleHash = createHash('sha256').update(HTML_STYLE).digest('base64');
  const problems = allProblems(report).filter(({ severity }) => severity !== 'info');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${text(title, 160)} · QuickServeML</title>
<style>${HTML_STYLE}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the report</a>
<header class="${headline.tone}"><div class="wrap">
<p class="eyebrow">QuickServeML · ${GATE_WORDS[report.gate]}</p>
<h1>${words}</h1>
<p class="meta">${metaParts(report)
    .map(part => `<span>${part}</span>`)
    .join('')}</p>
</div></header>
<main id="main"><div class="wrap">
${problems.length === 0 ? '' : `<section aria-labelledby="found-title"><h2 class="section-title" id="found-title">What was found, and what now</h2><div class="card">${problemList(problems, true)}</div></section>`}
${judged.length === 0 ? '' : `<section aria-labelledby="models-title"><h2 class="section-title" id="models-title">Models</h2><div class="card">${overviewTable(judged)}</div></section>`}
${notes(report)}
${judged.map((one, index) => modelArticle(one, index + 1, report.change.filesUrl, judged.length === 1)).join('\n')}
${environmentSection(report)}
</div></main>
<footer><div class="wrap">QuickServeML ${text(report.tool.version, 40)} · made ${text(report.createdAt, 40)} · ${formatDuration(report.durationMs)}</div></footer>
</body>
</html>
`;
}

function metaParts(report: Report): readonly string[] {
  const { change } = report;
  const run = linkTarget(change.runUrl ?? '');
  const pullRequest = change.pullRequest === null ? '' : `, pull request ${change.pullRequest}`;
  return [
    ...(change.repository === null ? [] : [`${text(change.repository, 200)}${pullRequest}`]),
    ...(report.base === null
      ? report.models.some(({ base }) => base !== null)
        ? []
        : ['no base to compare with']
      : [`base ${text(commitWords(report.base))}`]),
    ...(report.head === null ? [] : [`candidate ${text(commitWords(report.head))}`]),
    ...(run === null ? [] : [`<a href="${escapeHtml(run)}">the run</a>`]),
  ];
}

function overviewCell(model: ModelReport, name: MetricName): string {
  const comparison = metricOf(model, name);
  if (comparison === undefined) return '<td class="num"></td>';
  const values = escapeHtml(formatTransition(comparison.base, comparison.candidate, comparison.unit));
  const { difference, outcome } = comparison;
  const isBad = isWorse(comparison);
  const style = isBad ? ' class="worse"' : outcome.kind === 'improved' ? ' class="better"' : '';
  const percent =
    difference === null || comparison.base === comparison.candidate
      ? ''
      : `<small><span${style}>${escapeHtml(formatSignedPercent(difference.estimate))}</span></small>`;
  const { workload } = comparison;
  const inputs = workload === undefined ? '' : `<small>${text(workload, 80)}</small>`;
  return `<td class="num">${values}${percent}${inputs}</td>`;
}

function overviewTable(judged: readonly JudgedModel[]): string {
  const columns = MAIN_METRICS.filter(name =>
    judged.some(({ model }) => metricOf(model, name) !== undefined),
  );
  const withContract = judged.some(({ model }) => model.contract !== null);
  const rows = judged.map(({ model, verdict }, index) => {
    const note = verdict.note === '' ? '' : `<small>${text(verdict.note, 200)}</small>`;
    const cells = columns.map(name => overviewCell(model, name)).join('');
    const contract =
      model.contract === null
        ? ''
        : model.contract.kind === 'breaking'
          ? '<span class="worse">breaking</span>'
          : model.contract.kind;
    return `<tr><th scope="row" class="model-name"><a href="#model-${index + 1}">${htmlName(model.name)}</a></th><td><span class="badge ${verdict.tone}">${text(verdict.word, 60)}</span>${note}</td>${cells}${withContract ? `<td>${contract}</td>` : ''}</tr>`;
  });
  const head = [
    'model',
    'verdict',
    ...columns.map(name => numericHead(METRIC_WORDS[name].label)),
    ...(withContract ? ['contract'] : []),
  ];
  return htmlTable(
    judged.length === 1 ? 'The model' : `${formatCount(judged.length, 'model')}, what needs attention first`,
    head,
    rows,
  );
}

function notes(report: Report): string {
  const remarks = report.findings
    .filter(({ severity }) => severity === 'info')
    .slice(0, 50)
    .map(({ message }) => text(message));
  const recording = recordingWords(report);
  const told = [recording, shardWords(report)].filter(words => words !== null);
  const all = [...remarks, ...told.map(words => text(words))];
  return all.length === 0
    ? ''
    : `<section class="card" aria-label="Notes">${all.map(note => `<p class="path">${note}</p>`).join('')}</section>`;
}

function environmentSection(report: Report): string {
  const machine = report.environment;
  if (machine === null) return '';
  const facts: readonly (readonly [string, string])[] = [
    [
      'Processor',
      `${machine.cpuModel}, ${formatCount(machine.cores, 'core')}${machine.cpuQuota === null ? '' : `, limited to ${machine.cpuQuota}`}`,
    ],
    ['Instruction sets', machine.isa],
    ['Memory', `${machine.memoryGiB} GiB`],
    ['System', `${machine.os} ${machine.kernel}, ${machine.arch}`],
    [
      'Runtime',
      `onnxruntime ${machine.runtimeVersion}, ${machine.provider} provider, ${formatCount(machine.threads, 'thread')}`,
    ],
    ...(machine.calibrationMs === undefined
      ? []
      : [['Calibration', `${machine.calibrationMs} ms for a fixed piece of work`] as const]),
    ['Node.js', machine.nodeVersion],
    ['Seed', String(report.seed)],
    ['Fingerprint', machine.key],
  ];
  const method = report.models.some(({ measurement }) => measurement.kind === 'interleaved')
    ? '<p class="note">Base and candidate run in turns in the same fresh processes, so that what disturbs one disturbs the other. Times count as worse only where the whole interval says so, in a second measurement too. What cannot be told apart is inconclusive.</p>'
    : '';
  return `<section aria-labelledby="how-title"><h2 class="section-title" id="how-title">How this was measured</h2><div class="card"><dl>${facts.map(([name, value]) => `<dt>${name}</dt><dd>${text(value, 200)}</dd>`).join('')}</dl>${method}</div></section>`;
}
