import type { ContractChange } from '../contract/comparison.ts';
import type { Inspection, ValueInfo } from '../model/inspection.ts';
import type { MetricComparison } from '../regression/verdict.ts';
import { typeWords } from './comment-details.ts';
import { intervalFigure, samplesFigure } from './dot-plot.ts';
import { escapeHtml, fileLink, htmlProse, separateLines, shortenText } from './escape.ts';
import { formatDifference, formatPercent, formatTransition, formatValue } from './format-values.ts';
import { historyFigure, layersFigure } from './html-charts.ts';
import { graphFigure } from './html-graph.ts';
import { layerParts, structureParts, type TableParts } from './html-structure.ts';
import { layerSetsOf } from './layer-changes.ts';
import { acceptanceWords, measurementWords, otherFileOf } from './measurement-words.ts';
import { metricLabel } from './metric-words.ts';
import { type JudgedModel, metricOf } from './model-verdict.ts';
import { type ConfigRemedy, type Problem, problemsOf } from './problems.ts';
import type { ModelReport } from './report.ts';

const TEXT_MAX_CHARACTERS = 1_000;
const ROWS_MAX = 200;

const text = (raw: string, maxCharacters = TEXT_MAX_CHARACTERS): string =>
  escapeHtml(shortenText(raw, maxCharacters));
const prose = (raw: string): string => htmlProse(shortenText(raw, TEXT_MAX_CHARACTERS));
export const htmlName = (raw: string): string => `<code>${text(raw, 200)}</code>`;

/** A table that scrolls sideways where it is too wide, by keyboard too. `head` and cells are HTML. */
export function htmlTable(caption: string, head: readonly string[], rows: readonly string[]): string {
  const heads = head.map(cell => (cell.startsWith('<th') ? cell : `<th scope="col">${cell}</th>`)).join('');
  return `<div class="scroll" role="group" tabindex="0" aria-label="${caption}"><table><caption>${caption}</caption><thead><tr>${heads}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

export const numericHead = (label: string): string => `<th scope="col" class="num">${escapeHtml(label)}</th>`;

function configWords({ key, now, add }: ConfigRemedy): string {
  const current = now === null ? '' : ` (now ${text(now)})`;
  return add === null
    ? ` Configuration: <code>${text(key)}</code>${current}.`
    : ` Configuration: add <code>${text(add, 200)}</code> to <code>${text(key)}</code>.`;
}

/** What is wrong and what to do, as a list. */
export function problemList(problems: readonly Problem[], withModel: boolean): string {
  const items = problems.slice(0, ROWS_MAX).map(problem => {
    const name = withModel && problem.model !== null ? `${htmlName(problem.model)} ` : '';
    const label =
      problem.remedy.label === null || problem.severity !== 'error'
        ? ''
        : ` Accept it with the label <code>${text(problem.remedy.label)}</code>.`;
    const config = problem.remedy.config === null ? '' : configWords(problem.remedy.config);
    const severity =
      problem.severity === 'error' ? 'Fails' : problem.severity === 'warning' ? 'Warning' : 'Note';
    // As in the comment: a model's name makes no lines of its own.
    const message = problem.model === null ? separateLines(problem.message, prose) : prose(problem.message);
    return `<li class="${problem.severity}"><p><strong>${severity}</strong> ${name}<code>${text(problem.code, 80)}</code></p><p>${message}</p><p class="now">${prose(problem.remedy.hint)}${label}${config}</p></li>`;
  });
  const hidden = problems.length - items.length;
  return `<ul class="problems">${items.join('')}${hidden > 0 ? `<li>… and ${hidden} more.</li>` : ''}</ul>`;
}

function outcomeCell({ outcome, policy }: MetricComparison): string {
  switch (outcome.kind) {
    case 'regressed':
      return policy.gate === 'off'
        ? 'more'
        : `<span class="worse">worse${outcome.confirmed ? ', confirmed' : ''}</span>`;
    case 'improved':
      return '<span class="better">better</span>';
    case 'unchanged':
      return 'no change';
    case 'within-limits':
      return 'within its limits';
    case 'inconclusive':
      return `<span class="doubt">inconclusive</span><small>${text(outcome.reason)}</small>`;
    case 'over-limit':
      return '<span class="worse">over the limit</span>';
    case 'under-limit':
      return '<span class="worse">under the limit</span>';
    case 'no-baseline':
      return 'no baseline';
    case 'disappeared':
      return `<span class="doubt">disappeared</span><small>${text(outcome.reason)}</small>`;
    case 'failed':
      return `<span class="worse">failed</span><small>${text(outcome.reason)}</small>`;
    case 'not-measured':
      return `not measured<small>${text(outcome.reason)}</small>`;
  }
}

function policyCell({ policy, unit }: MetricComparison): string {
  if (policy.gate === 'off') return 'only shown';
  const limits = [
    ...(policy.maxRegression === null ? [] : [`+${formatPercent(policy.maxRegression)}`]),
    ...(policy.max === null ? [] : [`at most ${formatValue(policy.max, unit)}`]),
    ...(policy.min === undefined ? [] : [`at least ${formatValue(policy.min, unit)}`]),
  ];
  return `${escapeHtml(limits.length === 0 ? 'no limit' : limits.join(', '))}${policy.gate === 'warn' ? ' <small>only warns</small>' : ''}`;
}

function metricsTable(model: ModelReport): string {
  const rows = model.metrics.map(comparison => {
    const difference =
      comparison.difference === null ? '' : escapeHtml(formatDifference(comparison.difference));
    const values = escapeHtml(formatTransition(comparison.base, comparison.candidate, comparison.unit));
    return `<tr><th scope="row">${text(metricLabel(comparison))}</th><td class="num">${values}</td><td class="num">${difference}</td><td>${policyCell(comparison)}</td><td>${outcomeCell(comparison)}</td></tr>`;
  });
  return htmlTable(
    'Metrics: base against candidate',
    ['metric', numericHead('base → candidate'), numericHead('difference'), 'tolerated', 'outcome'],
    rows,
  );
}

const typeCell = (value: ValueInfo | null): string =>
  value === null ? '' : `<code>${text(typeWords(value), 200)}</code>`;

function contractTable(changes: readonly ContractChange[]): string {
  const rows = changes.slice(0, ROWS_MAX).map(change => {
    const effect = change.effect === 'breaking' ? '<span class="worse">breaking</span>' : 'compatible';
    const what = change.side === 'model' ? 'model' : `${change.side} ${htmlName(change.name)}`;
    return `<tr><th scope="row">${what}</th><td>${effect}</td><td>${typeCell(change.base)}</td><td>${typeCell(change.candidate)}</td><td>${prose(change.message)}</td></tr>`;
  });
  return htmlTable('Changes of the interface', ['what', 'effect', 'base', 'candidate', 'meaning'], rows);
}

function interfaceDetails(inspection: Inspection): string {
  const rows = [
    ...inspection.inputs.map(value => ({ value, side: 'input' })),
    ...inspection.outputs.map(value => ({ value, side: 'output' })),
  ]
    .slice(0, ROWS_MAX)
    .map(
      ({ value, side }) =>
        `<tr><td>${side}</td><th scope="row">${htmlName(value.name)}</th><td>${typeCell(value)}</td></tr>`,
    );
  const operators = Object.entries(inspection.operators)
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, 12)
    .map(([name, count]) => `${text(name, 80)} × ${count}`);
  const opsets = Object.entries(inspection.opsets)
    .slice(0, 20)
    .map(([domain, version]) => `${text(domain, 80)} ${version}`);
  const producer = `${inspection.producer.name} ${inspection.producer.version}`.trim();
  const facts = [
    ['Operators', operators.join(', ')],
    ['Opsets', opsets.join(', ')],
    ['Producer', text(producer, 200)],
    ['sha256', inspection.sha256 === null ? '' : `<code>${text(inspection.sha256)}</code>`],
  ].filter(([, value]) => value !== '');
  return `<details><summary>Interface and structure of the candidate</summary>${htmlTable('Inputs and outputs', ['side', 'name', 'type'], rows)}<dl class="note">${facts.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join('')}</dl></details>`;
}

const drawTable = (parts: TableParts | null): string =>
  parts === null
    ? ''
    : htmlTable(
        parts.caption,
        parts.head.map(({ label, numeric }) => (numeric ? numericHead(label) : escapeHtml(label))),
        parts.rows,
      );

/** Where the time goes and what it was before: charts, and the numbers behind them as tables that open. */
function insights(model: ModelReport): string {
  const sets = layerSetsOf(model);
  const charts = [
    ...sets.map(layersFigure),
    historyFigure(model, 'latency'),
    historyFigure(model, 'memory'),
  ].filter(figure => figure !== null);
  const layers = sets.map(each => drawTable(layerParts(each))).join('');
  const table = layers === '' ? '' : `<details><summary>All profiled layers</summary>${layers}</details>`;
  return `${charts.join('\n')}${table}${drawTable(structureParts(model))}`;
}

function stateNote(model: ModelReport): string {
  const { state } = model;
  const notes: string[] = [];
  if (state.kind === 'identical') notes.push('The same file as in the base.');
  if (state.kind === 'added') notes.push('New: the base has no such model, so there is no baseline.');
  if (state.kind === 'deleted') notes.push('Deleted in this change.');
  if (state.kind === 'no-base') notes.push(`No baseline: ${state.reason}.`);
  if (state.kind === 'production') {
    const since = state.since === null ? '' : ` since ${state.since.slice(0, 10)}`;
    notes.push(
      `Version ${state.version}, in production${since}; compared with its own history on this machine.`,
    );
  }
  if (state.kind === 'moved') notes.push(`Moved from ${state.from}${state.identical ? ', same bytes' : ''}.`);
  if (model.version !== null) {
    notes.push(
      `Next version ${model.version.next}${model.version.previous === null ? '' : ` (was ${model.version.previous})`}.`,
    );
  }
  return notes.map(note => text(note)).join(' ');
}

/** Everything about one model. `index` makes the anchor; a model that is alone has its problems at the top of the page already. */
export function modelArticle(
  { model, verdict }: JudgedModel,
  index: number,
  filesUrl: string | null,
  isAlone: boolean,
): string {
  const link = model.state.kind === 'deleted' ? null : fileLink(filesUrl, model.path);
  const other = otherFileOf(model);
  const against = other === null ? '' : `, compared with <code>${text(other)}</code>`;
  const path = `<code>${text(model.path)}</code>`;
  const problems = problemsOf(model).filter(({ severity }) => !isAlone || severity === 'info');
  const latency = metricOf(model, 'latency');
  const figures =
    latency === undefined
      ? []
      : [samplesFigure(latency), intervalFigure(latency)].filter(figure => figure !== null);
  const note = stateNote(model);
  const accepted = acceptanceWords(model);
  return `<article class="card" id="model-${index}" aria-labelledby="model-${index}-title">
<div class="model-head"><h2 id="model-${index}-title">${htmlName(model.name)}</h2><span class="badge ${verdict.tone}">${text(verdict.word, 60)}</span></div>
<p class="path">${link === null ? path : `<a href="${escapeHtml(link)}">${path}</a>`}${against}${note === '' ? '' : ` · ${note}`}</p>
${problems.length === 0 ? '' : `<h3>What was found</h3>${problemList(problems, false)}`}
${model.metrics.length === 0 ? '' : metricsTable(model)}
${figures.join('\n')}
<p class="note">${text(measurementWords(model.measurement))}${accepted === null ? '' : ` ${text(accepted)}`}</p>
${insights(model)}
${graphFigure(model, `graph-${index}`)}
${model.contract === null || model.contract.changes.length === 0 ? '' : contractTable(model.contract.changes)}
${model.candidate === null ? '' : interfaceDetails(model.candidate)}
</article>`;
}
