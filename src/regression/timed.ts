import type { PairEvidence, PairMeasurement, SoloMeasurement } from '../benchmark/measurement.ts';
import type { MetricComparison, MetricName, MetricOutcome, MetricPolicy, MetricUnit } from './verdict.ts';

export type TimedMetric = Extract<MetricName, 'latency' | 'load-time' | 'memory'>;

export const TIMED_METRICS = ['latency', 'load-time', 'memory'] as const satisfies TimedMetric[];

const EVIDENCE = {
  latency: 'latency',
  'load-time': 'loadTime',
  memory: 'memory',
} as const satisfies Record<TimedMetric, keyof PairMeasurement>;

const ABSOLUTE = {
  latency: 'latencyMs',
  'load-time': 'loadMs',
  memory: 'peakRssBytes',
} as const satisfies Record<TimedMetric, keyof SoloMeasurement['samples']>;

const unitOf = (metric: TimedMetric): MetricUnit => (metric === 'memory' ? 'bytes' : 'ms');

/**
 * Whether a measured value keeps an absolute limit: over it only where the lower bound is (no false alarm by noise),
 * and not decidable where just the median is.
 */
function limitOutcome(
  value: number | null,
  lowerBound: number | null,
  max: number | null,
): MetricOutcome | null {
  if (max === null || value === null || value <= max) return null;
  if (lowerBound !== null && lowerBound > max) return { kind: 'over-limit', limit: max };
  return {
    kind: 'inconclusive',
    reason: 'The median is over the absolute limit, but the launches differ too much to be sure.',
  };
}

function decisionOutcome(evidence: PairEvidence): MetricOutcome {
  const { decision } = evidence;
  return decision.kind === 'regressed' ? { kind: 'regressed', confirmed: evidence.remeasured } : decision;
}

/**
 * The comparison of a measured metric from its evidence. A sure violation of the absolute limit comes first, then a
 * regression, then doubt about the limit, then the rest of the decision.
 */
export function judgeTimes(
  metric: TimedMetric,
  measurement: PairMeasurement | SoloMeasurement,
  policy: MetricPolicy,
): MetricComparison {
  const common = { metric, unit: unitOf(metric), policy };
  if (measurement.kind === 'solo') {
    const field = ABSOLUTE[metric];
    const candidate = measurement[field];
    return {
      ...common,
      base: null,
      candidate,
      difference: null,
      outcome: limitOutcome(candidate, measurement.lowerBounds[field], policy.max) ?? { kind: 'no-baseline' },
      samples: { base: [], candidate: measurement.samples[field] },
    };
  }
  const evidence = measurement[EVIDENCE[metric]];
  const limit = limitOutcome(evidence.candidate, evidence.candidateLowerBound, policy.max);
  const decided = decisionOutcome(evidence);
  const outcome = limit?.kind === 'over-limit' || decided.kind !== 'regressed' ? (limit ?? decided) : decided;
  return {
    ...common,
    base: evidence.base,
    candidate: evidence.candidate,
    difference: evidence.difference,
    outcome,
    samples: evidence.samples,
  };
}

/** A measured metric that was not measured, and why. */
export function notMeasured(metric: TimedMetric, policy: MetricPolicy, reason: string): MetricComparison {
  return {
    metric,
    unit: unitOf(metric),
    base: null,
    candidate: null,
    difference: null,
    policy,
    outcome: { kind: 'not-measured', reason },
  };
}
