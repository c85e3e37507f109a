import { markdownTable } from 'markdown-table';
import type { MetricComparison, MetricName } from '../regression/verdict.ts';
import { escapeMarkdown, fileLink, shortenText } from './escape.ts';
import {
  formatCount,
  formatInterval,
  formatPair,
  formatSignedPercent,
  formatTransition,
} from './format-values.ts';
import { historyBars } from './history-line.ts';
import { isWorse, MAIN_METRICS, METRIC_WORDS } from './metric-words.ts';
import { type JudgedModel, metricOf, type Tone } from './model-verdict.ts';
import type { ModelReport } from './report.ts';

export const TONE_ICONS: Readonly<Record<Tone, string>> = {
  failed: '❌',
  'no-verdict': '❔',
  warned: '⚠️',
  inconclusive: '〰️',
  notice: '🔹',
  improved: '✅',
  passed: '✅',
  quiet: '✅',
};

/** Always shown where any model has them; the other metrics only where one of them speaks against a model. */
const SIDE_METRICS: readonly MetricName[] = ['load-time', 'throughput', 'parameters', 'nodes'];
const NOTE_MAX_CHARACTERS = 140;
const NAME_MAX_CHARACTERS = 60;
const HISTORY_MAX = 12;

const isBad = (comparison: MetricComparison | undefined): boolean =>
  comparison !== undefined && comparison.policy.gate !== 'off' && isWorse(comparison);

const hasValue = (comparison: MetricComparison | undefined): boolean =>
  comparison !== undefined && (comparison.base !== null || comparison.candidate !== null);

function columnsFor(models: readonly ModelReport[]): readonly MetricName[] {
  return [
    ...MAIN_METRICS.filter(name => models.some(model => hasValue(metricOf(model, name)))),
    ...SIDE_METRICS.filter(name => models.some(model => isBad(metricOf(model, name)))),
  ];
}

/** `1.84 → **2.21 ms** **+20.1 %**` over its interval where it was measured: bold where it decides something. */
export function metricCell(comparison: MetricComparison | undefined): string {
  if (comparison === undefined) return '';
  const { workload } = comparison;
  const inputs = workload === undefined ? '' : `<br><sub>${escapeMarkdown(shortenText(workload, 40))}</sub>`;
  return `${valueCell(comparison)}${inputs}`;
}

function valueCell(comparison: MetricComparison): string {
  const { base, candidate, difference, outcome, unit } = comparison;
  if (base === null || candidate === null || base === candidate || difference === null) {
    const value = formatTransition(base, candidate, unit);
    const undecided = outcome.kind === 'inconclusive' ? '<br><sub>inconclusive</sub>' : '';
    return isBad(comparison) ? `**${value}**` : `${value}${undecided}`;
  }
  const pair = formatPair(base, candidate, unit);
  const decided = isWorse(comparison) || outcome.kind === 'improved';
  const strong = (text: string): string => (decided ? `**${text}**` : text);
  const suffix = pair.unit === '' ? '' : `\u00A0${pair.unit}`;
  // The two numbers stay on one line; the difference may go below.
  const values = `${pair.base}\u00A0→\u00A0${strong(`${pair.candidate}${suffix}`)}`;
  const interval =
    comparison.metric !== 'latency' || difference.low === difference.high
      ? ''
      : `<br><sub>${formatInterval(difference)}</sub>`;
  return `${values} ${strong(formatSignedPercent(difference.estimate))}${interval}`;
}

export function contractWords(model: ModelReport): string {
  if (model.contract === null) return '';
  switch (model.contract.kind) {
    case 'unchanged':
      return 'unchanged';
    case 'compatible':
      return `compatible, ${model.contract.bump}`;
    case 'breaking':
      return 'breaking';
  }
}

export function modelLink(model: ModelReport, filesUrl: string | null): string {
  const label = escapeMarkdown(shortenText(model.name, NAME_MAX_CHARACTERS));
  const link = model.state.kind === 'deleted' ? null : fileLink(filesUrl, model.path);
  return link === null || link.length > 600 ? label : `[${label}](${link})`;
}

function row(
  { model, verdict }: JudgedModel,
  columns: readonly MetricName[],
  withContract: boolean,
  filesUrl: string | null,
): string[] {
  const attention = verdict.tone === 'failed' || verdict.tone === 'no-verdict' || verdict.tone === 'warned';
  const word = escapeMarkdown(verdict.word);
  const cells = columns.map(name => metricCell(metricOf(model, name)));
  const bars = historyBars(model, 'latency', HISTORY_MAX);
  if (bars !== null && columns[0] === 'latency' && cells[0] !== '') cells[0] += `<br><sub>${bars}</sub>`;
  const note = verdict.note === '' ? '' : escapeMarkdown(shortenText(verdict.note, NOTE_MAX_CHARACTERS));
  // A note takes the place of numbers that are not there, else it stands behind the verdict.
  const inCell = note !== '' && columns[0] === 'latency' && cells[0] === '';
  if (inCell) cells[0] = note;
  const behind = note === '' || inCell ? '' : `<br><sub>${note}</sub>`;
  const link = modelLink(model, filesUrl);
  return [
    attention ? `**${link}**` : link,
    `${TONE_ICONS[verdict.tone]} ${attention ? `**${word}**` : word}${behind}`,
    ...cells,
    ...(withContract ? [model.contract?.kind === 'breaking' ? '**breaking**' : contractWords(model)] : []),
  ];
}

/** One row for each of `shown`; a last line says how many of `all` have none. */
export function comparisonTable(
  shown: readonly JudgedModel[],
  all: readonly JudgedModel[],
  filesUrl: string | null,
): string {
  const models = shown.map(({ model }) => model);
  const columns = columnsFor(models);
  const hasHistory = models.some(model => historyBars(model, 'latency', HISTORY_MAX) !== null);
  const withContract = models.some(model => model.contract !== null);
  const header = [
    'model',
    'verdict',
    ...columns.map(name =>
      name === 'latency' && hasHistory
        ? `${METRIC_WORDS[name].label}<br><sub>history │ now</sub>`
        : METRIC_WORDS[name].label,
    ),
    ...(withContract ? ['contract'] : []),
  ];
  const table = markdownTable(
    [header, ...shown.map(judged => row(judged, columns, withContract, filesUrl))],
    {
      align: ['l', 'l', ...columns.map(() => 'r'), 'l'].slice(0, header.length),
      alignDelimiters: false,
    },
  );
  const rows = new Set(shown);
  const hidden = all.filter(judged => !rows.has(judged));
  return hidden.length === 0 ? table : `${table}\n\n${hiddenWords(hidden)}`;
}

function hiddenWords(hidden: readonly JudgedModel[]): string {
  const counts = new Map<string, number>();
  for (const { verdict } of hidden) {
    const word =
      verdict.tone === 'failed' ? 'failed' : verdict.tone === 'warned' ? 'with warnings' : verdict.word;
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const words = [...counts].map(([word, count]) => `${count} ${escapeMarkdown(word)}`).join(', ');
  return `… and ${formatCount(hidden.length, 'other model', 'other models')}: ${words}.`;
}
