import type { ValueBounds } from '../benchmark/measurement.ts';
import type { MetricOutcome, MetricPolicy } from './verdict.ts';

/**
 * Whether a measured value keeps its absolute limits, or null where it does: broken only where the bound on the good
 * side is beyond the limit too (no false alarm by noise), and not decidable where just the median is.
 */
export function limitOutcome(
  value: number | null,
  bounds: ValueBounds | null,
  { max, min }: Pick<MetricPolicy, 'max' | 'min'>,
): MetricOutcome | null {
  if (value === null) return null;
  if (max !== null && value > max) {
    if (bounds !== null && bounds.low > max) return { kind: 'over-limit', limit: max };
    return doubt('over its largest');
  }
  if (min !== undefined && value < min) {
    if (bounds !== null && bounds.high < min) return { kind: 'under-limit', limit: min };
    return doubt('under its smallest');
  }
  return null;
}

const doubt = (side: string): MetricOutcome => ({
  kind: 'inconclusive',
  reason: `The median is ${side} tolerated value, but the launches differ too much to be sure.`,
});

/** A limit that is surely broken comes first, then a regression, then doubt about the limit, then the rest. */
export function worseOf(limit: MetricOutcome | null, decided: MetricOutcome): MetricOutcome {
  if (limit === null) return decided;
  return limit.kind === 'inconclusive' && decided.kind === 'regressed' ? decided : limit;
}
