import { shortenText } from './escape.ts';
import { formatPercent, formatValue } from './format-values.ts';
import type { LayerRow, ModelLayers, ModelReport } from './report.ts';

/** How much longer a layer takes than in the base, milliseconds; a side without the layer counts as no time. */
export const layerDifferenceMs = (row: LayerRow): number => (row.candidateMs ?? 0) - (row.baseMs ?? 0);

const isWithinNoise = (row: LayerRow): boolean => Math.abs(layerDifferenceMs(row)) <= (row.noiseMs ?? 0);

/** `+0.35 ms`; `≈` where the difference may be chance. */
export function formatLayerDifference(row: LayerRow): string {
  const difference = layerDifferenceMs(row);
  if (difference === 0) return '=';
  if (isWithinNoise(row)) return '≈';
  return `${difference < 0 ? '−' : '+'}${formatValue(Math.abs(difference), 'ms')}`;
}

/** Sets of inputs whose layers are shown: further ones are in the JSON. */
const SETS_MAX = 4;

/** The profiles of a model, with each set of inputs that is slower. */
export const layerSetsOf = ({ layers, otherLayers = [] }: ModelReport): readonly ModelLayers[] =>
  layers === undefined ? [] : [layers, ...otherLayers].slice(0, SETS_MAX);

/** True where both sides were profiled, so that layers can be compared and not only listed. */
export const comparesLayers = (layers: ModelLayers): boolean =>
  layers.rows.some(({ baseMs }) => baseMs !== null);

export interface BlamedLayer {
  readonly row: LayerRow;
  /** Of the extra time, from 0 to 1. */
  readonly share: number;
}

/** The layers that take longer by more than their own noise, the largest difference first. */
export function blamedLayers({ rows, others }: ModelLayers): readonly BlamedLayer[] {
  const isBlamed = (row: LayerRow): boolean => layerDifferenceMs(row) > 0 && !isWithinNoise(row);
  const blamed = rows.filter(isBlamed).toSorted((a, b) => layerDifferenceMs(b) - layerDifferenceMs(a));
  // What is only noise has either sign and cancels; what became faster does not make up for what became slower.
  const rest = rows
    .filter(row => isWithinNoise(row))
    .reduce((sum, row) => sum + layerDifferenceMs(row), (others.candidateMs ?? 0) - (others.baseMs ?? 0));
  const total = blamed.reduce((sum, row) => sum + layerDifferenceMs(row), Math.max(0, rest));
  return blamed.map(row => ({ row, share: layerDifferenceMs(row) / total }));
}

/** Beyond so many names a sentence says less than the table. */
const NAMED_MAX = 3;

/**
 * The layers that most of a slow-down comes from, in one sentence of raw text (names between backticks), or null where
 * none stands out: one that has half of it, else the two or three that together have.
 */
export function layerBlame(layers: ModelLayers): string | null {
  if (!comparesLayers(layers)) return null;
  const blamed = blamedLayers(layers);
  let share = 0;
  for (const [index, each] of blamed.slice(0, NAMED_MAX).entries()) {
    share += each.share;
    if (share < 0.5) continue;
    const names = blamed.slice(0, index + 1).map(({ row }) => nameOf(row));
    const list = names.length === 1 ? names[0] : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
    const verb = names.length === 1 ? 'takes' : 'take';
    return `${list} ${verb} ${formatPercent(Math.round(share * 100) / 100)} of the extra time.`;
  }
  return null;
}

function nameOf({ name, operator }: LayerRow): string {
  return `\`${shortenText(name, 60).replaceAll('`', "'")}\` (${shortenText(operator, 40)})`;
}

/** The rows by the time that they take in the candidate, the slowest first. */
export function slowestLayers({ rows }: ModelLayers, most: number): readonly LayerRow[] {
  return rows
    .filter(({ candidateMs }) => candidateMs !== null)
    .toSorted((a, b) => (b.candidateMs ?? 0) - (a.candidateMs ?? 0))
    .slice(0, most);
}
