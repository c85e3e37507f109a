import { shortenText } from './escape.ts';
import { formatPercent } from './format-values.ts';
import type { LayerRow, ModelReport } from './report.ts';

/** How much longer a layer takes than in the base, milliseconds; a side without the layer counts as no time. */
export const layerDifferenceMs = (row: LayerRow): number => (row.candidateMs ?? 0) - (row.baseMs ?? 0);

/** True where both sides were profiled, so that layers can be compared and not only listed. */
export const comparesLayers = (model: ModelReport): boolean =>
  (model.layers?.rows ?? []).some(({ baseMs }) => baseMs !== null);

/**
 * The layer that most of a slow-down comes from, in one sentence of raw text (names between backticks), or null where
 * none stands out.
 */
export function layerBlame(model: ModelReport): string | null {
  const { layers } = model;
  if (layers === undefined || !comparesLayers(model)) return null;
  const others = (layers.others.candidateMs ?? 0) - (layers.others.baseMs ?? 0);
  const extra = layers.rows.map(layerDifferenceMs).filter(difference => difference > 0);
  const total = extra.reduce((sum, difference) => sum + difference, Math.max(0, others));
  const [worst] = layers.rows.toSorted((a, b) => layerDifferenceMs(b) - layerDifferenceMs(a));
  if (worst === undefined || total <= 0) return null;
  const share = layerDifferenceMs(worst) / total;
  if (share < 0.5) return null;
  const name = shortenText(worst.name, 60).replaceAll('`', "'");
  const operator = shortenText(worst.operator, 40);
  return `\`${name}\` (${operator}) takes ${formatPercent(Math.round(share * 100) / 100)} of the extra time.`;
}

/** The rows by the time that they take in the candidate, the slowest first. */
export function slowestLayers(model: ModelReport, most: number): readonly LayerRow[] {
  return (model.layers?.rows ?? [])
    .filter(({ candidateMs }) => candidateMs !== null)
    .toSorted((a, b) => (b.candidateMs ?? 0) - (a.candidateMs ?? 0))
    .slice(0, most);
}
