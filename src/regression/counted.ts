import type { Inspection } from '../model/inspection.ts';
import type { MetricComparison, MetricName, MetricOutcome, MetricPolicy, MetricUnit } from './verdict.ts';

export type CountedMetric = Extract<MetricName, 'file-size' | 'parameters' | 'nodes'>;

export const COUNTED_METRICS = ['file-size', 'parameters', 'nodes'] as const satisfies CountedMetric[];

/** The value of a counted metric: bytes of the file with its external data; parameters; nodes with those of subgraphs. */
export function countOf(metric: CountedMetric, inspection: Inspection): number {
  switch (metric) {
    case 'file-size':
      return inspection.externalData.reduce((sum, file) => sum + (file.sizeBytes ?? 0), inspection.sizeBytes);
    case 'parameters':
      return inspection.parameterCount;
    case 'nodes':
      return inspection.nodeCount + inspection.subgraphNodeCount;
  }
}

const unitOf = (metric: CountedMetric): MetricUnit => (metric === 'file-size' ? 'bytes' : 'count');

function outcomeOf(base: number | null, candidate: number, policy: MetricPolicy): MetricOutcome {
  if (policy.max !== null && candidate > policy.max) return { kind: 'over-limit', limit: policy.max };
  if (policy.min !== undefined && candidate < policy.min) return { kind: 'under-limit', limit: policy.min };
  if (base === null) return { kind: 'no-baseline' };
  if (candidate < base) return { kind: 'improved' };
  const tolerated =
    policy.maxRegression === null ? Number.POSITIVE_INFINITY : base * (1 + policy.maxRegression);
  return candidate > tolerated ? { kind: 'regressed', confirmed: true } : { kind: 'unchanged' };
}

/**
 * Compares a counted metric exactly: over the absolute limit, else regressed when it grew by more than
 * `maxRegression` (exactly the limit still passes; null: no relative limit), improved when it is smaller.
 * @param base null: there is nothing to compare with.
 */
export function compareCounted(
  metric: CountedMetric,
  base: number | null,
  candidate: number,
  policy: MetricPolicy,
): MetricComparison {
  const estimate = base === null || base === 0 ? null : candidate / base - 1;
  return {
    metric,
    unit: unitOf(metric),
    base,
    candidate,
    difference: estimate === null ? null : { estimate, low: estimate, high: estimate, confidence: 1 },
    policy,
    outcome: outcomeOf(base, candidate, policy),
  };
}

/** A counted metric of a model that the candidate does not have any more. */
export function disappearedCount(
  metric: CountedMetric,
  base: number | null,
  policy: MetricPolicy,
  reason: string,
): MetricComparison {
  return {
    metric,
    unit: unitOf(metric),
    base,
    candidate: null,
    difference: null,
    policy,
    outcome: { kind: 'disappeared', reason },
  };
}
