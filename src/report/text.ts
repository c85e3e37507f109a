import type { Finding } from '../shared/finding.ts';
import { ACCEPTING_LABEL } from '../shared/finding-names.ts';
import { escapeTerminal, shortenText } from './escape.ts';
import { formatDifference, formatTransition } from './format-values.ts';
import { headlineOf } from './headline.ts';
import {
  commitWords,
  environmentWords,
  otherFileOf,
  recordingWords,
  shardWords,
  totalsWords,
} from './measurement-words.ts';
import { isWorse, metricLabel } from './metric-words.ts';
import { type JudgedModel, modelsByImportance, type Tone } from './model-verdict.ts';
import { allProblems, type Problem } from './problems.ts';
import type { Report } from './report.ts';

export interface TextOptions {
  readonly color: boolean;
}

type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan';

const SGR: Readonly<Record<Style, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };

type Paint = (style: Style, text: string) => string;

const painter =
  (color: boolean): Paint =>
  (style, text) =>
    color ? `\u001B[${SGR[style]}m${text}\u001B[0m` : text;

const TONE_SIGNS: Readonly<Record<Tone, { readonly sign: string; readonly style: Style }>> = {
  failed: { sign: '✗', style: 'red' },
  'no-verdict': { sign: '?', style: 'red' },
  warned: { sign: '!', style: 'yellow' },
  inconclusive: { sign: '~', style: 'yellow' },
  notice: { sign: '•', style: 'cyan' },
  improved: { sign: '✓', style: 'green' },
  passed: { sign: '✓', style: 'green' },
  quiet: { sign: '✓', style: 'dim' },
};

function modelLines({ model, verdict }: JudgedModel, nameWidth: number, paint: Paint): readonly string[] {
  const { sign, style } = TONE_SIGNS[verdict.tone];
  const name = escapeTerminal(shortenText(model.name, nameWidth));
  const note = verdict.note === '' ? '' : paint('dim', ` ${escapeTerminal(shortenText(verdict.note, 160))}`);
  const first = `  ${paint(style, sign)} ${paint('bold', name)}${' '.repeat(Math.max(0, nameWidth - [...name].length))}  ${paint(style, escapeTerminal(verdict.word))}${note}`;
  const metrics = model.metrics
    .filter(
      ({ base, candidate, metric }) =>
        (base ?? candidate) !== null && (base !== candidate || metric === 'latency'),
    )
    .map(comparison => {
      const label = `${escapeTerminal(metricLabel(comparison))} `.padEnd(17);
      const values = formatTransition(comparison.base, comparison.candidate, comparison.unit);
      const difference = comparison.difference === null ? '' : `  ${formatDifference(comparison.difference)}`;
      const bad = isWorse(comparison);
      const undecided = comparison.outcome.kind === 'inconclusive' ? '  inconclusive' : '';
      const line = `      ${label}${values}${difference}${undecided}`;
      return bad && comparison.policy.gate !== 'off'
        ? paint(comparison.policy.gate === 'hard' ? 'red' : 'yellow', line)
        : line;
    });
  const contract =
    model.contract === null || model.contract.kind === 'unchanged'
      ? []
      : [`      contract         ${model.contract.kind}, next version is a ${model.contract.bump} one`];
  const other = otherFileOf(model);
  const against =
    other === null ? [] : [`      ${'compared with'.padEnd(17)}${escapeTerminal(shortenText(other, 160))}`];
  return [first, ...against, ...metrics, ...contract];
}

function problemLines(problem: Problem, isLocal: boolean, paint: Paint): readonly string[] {
  const style = problem.severity === 'error' ? 'red' : 'yellow';
  const where = problem.model === null ? '' : `${shortenText(problem.model, 60)}: `;
  const remedy = [
    problem.remedy.hint,
    ...(problem.remedy.label === null || problem.severity !== 'error'
      ? []
      : isLocal
        ? [`Flag: --accept ${problem.remedy.label.slice(ACCEPTING_LABEL.length)}.`]
        : [`Label: ${problem.remedy.label}.`]),
    ...(problem.remedy.config === null
      ? []
      : [
          problem.remedy.config.add === null
            ? `Configuration: ${problem.remedy.config.key}${problem.remedy.config.now === null ? '' : ` (now ${problem.remedy.config.now})`}.`
            : `Configuration: add ${problem.remedy.config.add} to ${problem.remedy.config.key}.`,
        ]),
  ]
    .filter(part => part !== '')
    .join(' ');
  return [
    `  ${paint(style, problem.severity === 'error' ? 'error' : 'warning')} ${escapeTerminal(`${where}${problem.code}`)}`,
    `    ${escapeTerminal(shortenText(problem.message, 600))}`,
    ...(remedy === '' ? [] : [`    ${paint('dim', `→ ${escapeTerminal(shortenText(remedy, 600))}`)}`]),
  ];
}

const remarkLines = ({ message, hint }: Finding, paint: Paint): readonly string[] => [
  `  note: ${escapeTerminal(shortenText(message, 600))}`,
  ...(hint === '' ? [] : [`    ${paint('dim', `→ ${escapeTerminal(shortenText(hint, 600))}`)}`]),
];

/** A summary of the check for people at a terminal or in a log. No text of the report can act on either. */
export function renderText(report: Report, options: TextOptions): string {
  const paint = painter(options.color);
  const headline = headlineOf(report);
  const { sign, style } = TONE_SIGNS[headline.tone];
  const words = headline.parts.map(part => escapeTerminal(part.text)).join('');
  const judged = modelsByImportance(report);
  const nameWidth = Math.min(
    40,
    Math.max(8, ...report.models.map(({ name }) => [...shortenText(name, 40)].length)),
  );
  const problems = allProblems(report).filter(({ severity }) => severity !== 'info');
  const isLocal = report.change.platform === 'local';
  const remarks = report.findings.filter(({ severity }) => severity === 'info');
  const commits = [
    report.base === null ? null : `base ${commitWords(report.base)}`,
    report.head === null ? null : `head ${commitWords(report.head)}`,
  ].filter(part => part !== null);
  const environment = environmentWords(report);
  const recording = recordingWords(report);
  const foot = [
    commits.join(', '),
    environment ?? '',
    recording ?? '',
    shardWords(report) ?? '',
    totalsWords(report),
  ].filter(line => line !== '');
  return `${[
    `${paint(style, sign)} ${paint('bold', words)}`,
    ...(judged.length === 0 ? [] : ['', ...judged.flatMap(one => modelLines(one, nameWidth, paint))]),
    ...(problems.length === 0
      ? []
      : ['', ...problems.flatMap(problem => problemLines(problem, isLocal, paint))]),
    ...(remarks.length === 0 ? [] : ['', ...remarks.flatMap(finding => remarkLines(finding, paint))]),
    '',
    ...foot.map(line => paint('dim', `  ${escapeTerminal(line)}`)),
  ].join('\n')}\n`;
}
