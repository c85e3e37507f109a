import type { PairEvidence, PairMeasurement, SoloMeasurement } from '../benchmark/measurement.ts';
import { limitOutcome, worseOf } from './limits.ts';
import type { MetricComparison, MetricName, MetricOutcome, MetricPolicy, MetricUnit } from './verdict.ts';

export type TimedMetric = Extract<MetricName, 'latency' | 'load-time' | 'memory'>;

/** Of one set of inputs, in the order of a report. */
export const TIMED_METRICS = ['latency', 'load-time', 'memory'] as const satisfies TimedMetric[];

/** What depends on the inputs, and is measured again for each further set of them. */
export const WORKLOAD_METRICS = ['latency', 'memory'] as const satisfies TimedMetric[];

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

/** A regression counts as confirmed where fresh launches found it again. */
export function decisionOutcome(evidence: PairEvidence): MetricOutcome {
  const { decision } = evidence;
  return decision.kind === 'regressed' ? { kind: 'regressed', confirmed: evidence.remeasured } : decision;
}

/**
 * The comparison of a measured metric from its evidence. See `worseOf` for what comes first.
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
      outcome: limitOutcome(candidate, measurement.bounds[field], policy) ?? { kind: 'no-baseline' },
      samples: { base: [], candidate: measurement.samples[field] },
    };
  }
  const evidence = measurement[EVIDENCE[metric]];
  const limit = limitOutcome(evidence.candidate, evidence.candidateBounds, policy);
  return {
    ...common,
    base: evidence.base,
    candidate: evidence.candidate,
    difference: evidence.difference,
    outcome: worseOf(limit, decisionOutcome(evidence)),
    samples: evidence.samples,
  };
}

/** A measured metric that has no values: why, as its outcome says. */
export function withoutValues(
  metric: TimedMetric,
  policy: MetricPolicy,
  outcome: Extract<MetricOutcome, { kind: 'not-measured' | 'failed' | 'disappeared' }>,
): MetricComparison {
  return { metric, unit: unitOf(metric), base: null, candidate: null, difference: null, policy, outcome };
}
