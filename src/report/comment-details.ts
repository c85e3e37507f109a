import { markdownTable } from 'markdown-table';
import type { ContractChange } from '../contract/comparison.ts';
import type { ValueInfo } from '../model/inspection.ts';
import type { MetricComparison } from '../regression/verdict.ts';
import { casesBlocks } from './comment-cases.ts';
import { historyChart, layersChart, layersTable, structureTable } from './comment-structure.ts';
import { escapeHtml, escapeMarkdown, markdownCode, markdownProse, shortenText } from './escape.ts';
import {
  formatDifference,
  formatInterval,
  formatPercent,
  formatShape,
  formatSignedPercent,
  formatTransition,
  formatValue,
} from './format-values.ts';
import { historyBars } from './history-line.ts';
import { layerSetsOf } from './layer-changes.ts';
import { acceptanceWords, measurementWords } from './measurement-words.ts';
import { metricLabel } from './metric-words.ts';
import { type JudgedModel, metricOf } from './model-verdict.ts';
import type { ModelReport } from './report.ts';
import { stripPlot } from './strip-plot.ts';

const NAME_MAX_CHARACTERS = 60;
const MESSAGE_MAX_CHARACTERS = 500;
const ROWS_MAX = 30;
const FINDINGS_MAX = 20;
const HISTORY_MAX = 40;

/** A name inside raw HTML of a comment: a code element, in which the platforms look for no mention and no reference. */
const htmlCode = (text: string): string =>
  `<code>${escapeHtml(shortenText(text, NAME_MAX_CHARACTERS))}</code>`;

/** A collapsed part. `summary` is HTML, `body` markdown. */
export const collapsed = (summary: string, body: string): string =>
  `<details><summary>${summary}</summary>\n\n${body}\n</details>`;

function outcomeWords({ outcome, policy, unit }: MetricComparison): string {
  switch (outcome.kind) {
    case 'regressed':
      if (policy.gate === 'off') return 'more';
      if (unit === 'count') return '**more**';
      return outcome.confirmed ? '**worse**, confirmed' : '**worse**';
    case 'improved':
      return 'better';
    case 'unchanged':
      return 'no change';
    case 'within-limits':
      return 'within its limits';
    case 'inconclusive':
      return `inconclusive: ${escapeMarkdown(shortenText(outcome.reason, 200))}`;
    case 'over-limit':
      return '**over the limit**';
    case 'under-limit':
      return '**under the limit**';
    case 'no-baseline':
      return 'no baseline';
    case 'disappeared':
      return `**disappeared**: ${escapeMarkdown(shortenText(outcome.reason, 200))}`;
    case 'failed':
      return `**failed**: ${escapeMarkdown(shortenText(outcome.reason, 200))}`;
    case 'not-measured':
      return `not measured: ${escapeMarkdown(shortenText(outcome.reason, 200))}`;
  }
}

function toleranceWords({ policy, unit }: MetricComparison): string {
  const parts = [
    ...(policy.maxRegression === null ? [] : [`+${formatPercent(policy.maxRegression)}`]),
    ...(policy.max === null ? [] : [`≤ ${formatValue(policy.max, unit)}`]),
    ...(policy.min === undefined ? [] : [`≥ ${formatValue(policy.min, unit)}`]),
  ];
  if (policy.gate === 'off') return 'only shown';
  const limits = parts.length === 0 ? 'no limit' : parts.join(', ');
  return policy.gate === 'warn' ? `${limits}, warns` : limits;
}

export function metricsTable(metrics: readonly MetricComparison[]): string {
  const rows = metrics.map(comparison => [
    escapeMarkdown(metricLabel(comparison)),
    formatTransition(comparison.base, comparison.candidate, comparison.unit),
    comparison.difference === null ? '' : formatDifference(comparison.difference),
    toleranceWords(comparison),
    outcomeWords(comparison),
  ]);
  return markdownTable([['metric', 'base → candidate', 'difference', 'tolerated', 'outcome'], ...rows], {
    align: ['l', 'r', 'r', 'l', 'l'],
    alignDelimiters: false,
  });
}

/** `float32[1, N]`. */
export const typeWords = (value: ValueInfo): string =>
  value.type === undefined ? `${value.dtype}${formatShape(value.shape)}` : value.type;

const typeCell = (value: ValueInfo | null): string =>
  value === null ? '' : markdownCode(shortenText(typeWords(value), 80));

function contractTable(changes: readonly ContractChange[]): string {
  const rows = changes
    .slice(0, ROWS_MAX)
    .map(change => [
      change.effect === 'breaking' ? '❌ **breaking**' : 'compatible',
      change.side === 'model'
        ? 'model'
        : `${change.side} ${markdownCode(shortenText(change.name, NAME_MAX_CHARACTERS))}`,
      typeCell(change.base),
      typeCell(change.candidate),
      markdownProse(shortenText(change.message, MESSAGE_MAX_CHARACTERS)),
    ]);
  const table = markdownTable([['effect', 'what', 'base', 'candidate', 'meaning'], ...rows], {
    alignDelimiters: false,
  });
  return changes.length > ROWS_MAX
    ? `${table}\n\n… and ${changes.length - ROWS_MAX} more changes of the interface.`
    : table;
}

export function latencyPlot(model: ModelReport): string | null {
  const latency = metricOf(model, 'latency');
  const lines = stripPlot(
    [
      { label: 'base', values: latency?.samples?.base ?? [] },
      { label: 'candidate', values: latency?.samples?.candidate ?? [] },
    ],
    'latency',
    'ms',
  );
  const bars = historyBars(model, 'latency', HISTORY_MAX);
  const history = bars === null ? [] : [`history    ${bars}`];
  const all = [...lines, ...history];
  return all.length === 0 ? null : `\`\`\`text\n${all.join('\n')}\n\`\`\``;
}

function findingLines(model: ModelReport): readonly string[] {
  const lines = model.findings.slice(0, FINDINGS_MAX).map(finding => {
    const icon = finding.severity === 'error' ? '❌' : finding.severity === 'warning' ? '⚠️' : 'ℹ️';
    const message = markdownProse(shortenText(finding.message, MESSAGE_MAX_CHARACTERS));
    const hint =
      finding.hint === '' ? '' : ` ${markdownProse(shortenText(finding.hint, MESSAGE_MAX_CHARACTERS))}`;
    return `- ${icon} ${markdownCode(shortenText(finding.code, 60))} ${message}${hint}`;
  });
  const hidden = model.findings.length - lines.length;
  return hidden > 0 ? [...lines, `- … and ${hidden} more.`] : lines;
}

function summaryLine({ model, verdict }: JudgedModel): string {
  const parts = [`<b>${htmlCode(model.name)}</b>`];
  const latency = metricOf(model, 'latency');
  if (model.contract !== null && model.contract.kind !== 'unchanged') {
    const { kind } = model.contract;
    parts.push(kind === 'breaking' ? 'interface breaks callers' : 'compatible interface change');
  }
  if (latency?.difference !== null && latency?.difference !== undefined) {
    const { difference } = latency;
    const interval = `${formatPercent(difference.confidence)} interval ${formatInterval(difference)}`;
    const twice =
      model.measurement.kind === 'interleaved' && model.measurement.confirmed ? ', measured twice' : '';
    parts.push(`latency ${formatSignedPercent(difference.estimate)} (${interval})${twice}`);
  } else if (parts.length === 1) parts.push(escapeHtml(verdict.word));
  if (model.version !== null) {
    const previous = model.version.previous === null ? '' : ` (was ${htmlCode(model.version.previous)})`;
    parts.push(`next version ${htmlCode(model.version.next)}${previous}`);
  }
  return parts.join(' · ');
}

/** True where the details say more than the table does. */
export function hasDetails({ model, verdict }: JudgedModel): boolean {
  return (
    verdict.tone !== 'quiet' ||
    model.findings.length > 0 ||
    model.cases !== undefined ||
    (model.contract !== null && model.contract.kind !== 'unchanged')
  );
}

/** Everything about one model, collapsed; `short` leaves out the plots and tables of what was measured. */
export function modelDetails(judged: JudgedModel, length: 'full' | 'short'): string {
  const { model } = judged;
  const blocks: string[] = [];
  const plot = latencyPlot(model);
  if (length === 'full' && plot !== null) blocks.push(plot);
  if (model.contract !== null && model.contract.changes.length > 0)
    blocks.push(contractTable(model.contract.changes));
  if (length === 'full' && model.metrics.length > 0) blocks.push(metricsTable(model.metrics));
  if (length === 'full') {
    const parts = [
      ...layerSetsOf(model).flatMap(layers => [layersTable(layers), layersChart(layers)]),
      structureTable(model),
      historyChart(model),
    ];
    blocks.push(...parts.filter(part => part !== null));
  }
  if (length === 'full' && model.cases !== undefined) blocks.push(...casesBlocks(model.cases));
  const findings = findingLines(model);
  if (findings.length > 0) blocks.push(findings.join('\n'));
  const accepted = acceptanceWords(model);
  if (accepted !== null) blocks.push(escapeMarkdown(accepted));
  blocks.push(escapeMarkdown(measurementWords(model.measurement)));
  return collapsed(summaryLine(judged), blocks.join('\n\n'));
}
