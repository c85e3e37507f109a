import { markdownTable } from 'markdown-table';
import { escapeMermaid, markdownCode, shortenText } from './escape.ts';
import { formatSignedPercent, formatTransition, formatValue } from './format-values.ts';
import { metricHistory } from './history-line.ts';
import { comparesLayers, formatLayerDifference, layerDifferenceMs, slowestLayers } from './layer-changes.ts';
import type { LayerRow, ModelLayers, ModelReport } from './report.ts';
import { type StructureChange, structureChanges } from './structure-diff.ts';

const LAYERS_MAX = 8;
const SLICES_MAX = 6;
const CHANGES_MAX = 24;
const NAME_MAX_CHARACTERS = 50;
const HISTORY_MAX = 20;
const KIND_WORDS: Readonly<Record<StructureChange['kind'], string>> = {
  size: '',
  operator: 'operator ',
  weights: 'weights in ',
  opset: 'opset ',
};

const code = (name: string): string => markdownCode(shortenText(name, NAME_MAX_CHARACTERS));

function differenceWords({ base, candidate }: StructureChange): string {
  if (base === null) return 'new';
  if (candidate === null) return 'gone';
  return base === 0 ? '' : formatSignedPercent(candidate / base - 1);
}

/** Operators, weights and sizes that differ, as a table; null where none does. */
export function structureTable(model: ModelReport): string | null {
  const changes = structureChanges(model.base, model.candidate);
  if (changes.length === 0) return null;
  const rows = changes
    .slice(0, CHANGES_MAX)
    .map(change => [
      change.kind === 'size' ? change.name : `${KIND_WORDS[change.kind]}${code(change.name)}`,
      formatTransition(change.base, change.candidate, change.unit),
      differenceWords(change),
    ]);
  const table = markdownTable([['in the file', 'base → candidate', 'difference'], ...rows], {
    align: ['l', 'r', 'r'],
    alignDelimiters: false,
  });
  const hidden = changes.length - rows.length;
  return hidden > 0 ? `${table}\n\n… and ${hidden} more.` : table;
}

const time = (ms: number | null): string => (ms === null ? '' : formatValue(ms, 'ms'));

function layerRow(row: LayerRow, compares: boolean): readonly string[] {
  const hasMacs = (row.baseMacs ?? 0) !== 0 || (row.candidateMacs ?? 0) !== 0;
  return [
    `${code(row.name)} ${code(row.operator)}`,
    ...(compares ? [time(row.baseMs)] : []),
    time(row.candidateMs),
    ...(compares ? [formatLayerDifference(row)] : []),
    hasMacs ? formatTransition(row.baseMacs, row.candidateMacs, 'count') : '',
  ];
}

/** The layers that changed most, or the slowest ones where there is nothing to compare with; null without layers. */
export function layersTable(layers: ModelLayers): string | null {
  if (layers.rows.length === 0) return null;
  const compares = comparesLayers(layers);
  const chosen = compares
    ? layers.rows
        .toSorted((a, b) => Math.abs(layerDifferenceMs(b)) - Math.abs(layerDifferenceMs(a)))
        .slice(0, LAYERS_MAX)
    : slowestLayers(layers, LAYERS_MAX);
  const count = layers.others.count + layers.rows.length - chosen.length;
  const head = [
    layers.workload === undefined ? 'layer' : `layer, with ${code(layers.workload)}`,
    ...(compares ? ['base'] : []),
    'candidate',
    ...(compares ? ['difference'] : []),
    'multiply-accumulates',
  ];
  const table = markdownTable([head, ...chosen.map(row => [...layerRow(row, compares)])], {
    align: ['l', ...head.slice(1).map(() => 'r' as const)],
    alignDelimiters: false,
  });
  return count > 0 ? `${table}\n\n… and ${count} other ${count === 1 ? 'layer' : 'layers'}.` : table;
}

const fence = (lines: readonly string[]): string => ['```mermaid', ...lines, '```'].join('\n');

/** Where the candidate's time goes, as a mermaid pie, which GitHub and GitLab draw; null for less than two. */
export function layersChart(layers: ModelLayers): string | null {
  const slowest = slowestLayers(layers, SLICES_MAX);
  if (slowest.length < 2) return null;
  const shown = new Set(slowest);
  const rest = slowestLayers(layers, Number.POSITIVE_INFINITY)
    .filter(row => !shown.has(row))
    .reduce((sum, { candidateMs }) => sum + (candidateMs ?? 0), layers.others.candidateMs ?? 0);
  const slices = [
    ...slowest.map(({ name, operator, candidateMs }) => ({
      label: `${shortenText(name, 30)} ${shortenText(operator, 20)}`,
      us: (candidateMs ?? 0) * 1000,
    })),
    ...(rest > 0 ? [{ label: 'others', us: rest * 1000 }] : []),
  ].filter(({ us }) => us > 0);
  return fence([
    'pie showData',
    `  title Time by layer of the candidate, µs${layers.workload === undefined ? '' : ` (${escapeMermaid(layers.workload)})`}`,
    ...slices.map(({ label, us }) => `  "${escapeMermaid(label)}" : ${Number(us.toPrecision(4))}`),
  ]);
}

/** The latency over the recorded measurements as a mermaid chart; null where there is no trend to show. */
export function historyChart(model: ModelReport): string | null {
  const history = metricHistory(model, 'latency', HISTORY_MAX);
  if (history === null) return null;
  const values = [
    ...history.points.map(({ value }) => value),
    ...(history.now === null ? [] : [history.now]),
  ].map(value => Number((value * 1000).toPrecision(4)));
  const names = history.points.map(({ point }, index) =>
    escapeMermaid(shortenText(point.version ?? point.commit?.slice(0, 7) ?? String(index + 1), 12)),
  );
  const labels = [...names, ...(history.now === null ? [] : ['now'])];
  return fence([
    'xychart-beta',
    '  title "Latency on this kind of machine, µs"',
    `  x-axis [${labels.map(label => `"${label}"`).join(', ')}]`,
    `  y-axis "µs" 0 --> ${Number((Math.max(...values) * 1.1).toPrecision(3))}`,
    `  line [${values.join(', ')}]`,
  ]);
}
