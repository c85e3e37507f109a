import type {
  PairEvidence,
  PairMeasurement,
  SoloMeasurement,
  ValueBounds,
} from '../benchmark/measurement.ts';
import { limitOutcome } from './limits.ts';
import { decisionOutcome } from './timed.ts';
import type { MetricComparison, MetricOutcome, MetricPolicy, RelativeDifference } from './verdict.ts';

const WITHIN_LIMITS: MetricOutcome = { kind: 'within-limits' };

/** Rows a second of one stream in which a run of `rows` rows takes so many milliseconds. */
const perSecond = (rows: number, latencyMs: number): number => (rows * 1000) / latencyMs;

const boundsOf = (rows: number, latency: ValueBounds | null): ValueBounds | null =>
  latency === null ? null : { low: perSecond(rows, latency.high), high: perSecond(rows, latency.low) };

/** base / candidate - 1 from candidate / base - 1. */
function inverted(difference: PairEvidence['difference']): RelativeDifference | null {
  if (difference === null) return null;
  const { estimate, low, high, confidence } = difference;
  const invert = (ratio: number): number => 1 / (1 + ratio) - 1;
  return { estimate: invert(estimate), low: invert(high), high: invert(low), confidence };
}

/**
 * Rows a second from the measured latency. One stream has no more to say than its latency: the difference is the inverse
 * of that, and the verdict is left to it, so that one change is not blamed twice nor counted twice among the errors of
 * a check. Only the limit is the throughput's own. (Under concurrent load, `--scenario throughput` has its own test.)
 * @param rows of one run, at least 1.
 */
export function judgeThroughput(
  measurement: PairMeasurement | SoloMeasurement,
  rows: number,
  policy: MetricPolicy,
): MetricComparison {
  const common = { metric: 'throughput', unit: 'per-second', policy } as const;
  const samplesOf = (latencies: readonly number[]): readonly number[] =>
    latencies.map(each => perSecond(rows, each));
  if (measurement.kind === 'solo') {
    const candidate = perSecond(rows, measurement.latencyMs);
    const limit = limitOutcome(candidate, boundsOf(rows, measurement.bounds.latencyMs), policy);
    return {
      ...common,
      base: null,
      candidate,
      difference: null,
      outcome: limit ?? WITHIN_LIMITS,
      samples: { base: [], candidate: samplesOf(measurement.samples.latencyMs) },
    };
  }
  const { latency } = measurement;
  const candidate = latency.candidate === null ? null : perSecond(rows, latency.candidate);
  const limit = limitOutcome(candidate, boundsOf(rows, latency.candidateBounds), policy);
  return {
    ...common,
    base: latency.base === null ? null : perSecond(rows, latency.base),
    candidate,
    difference: inverted(latency.difference),
    outcome: limit ?? (latency.candidate === null ? decisionOutcome(latency) : WITHIN_LIMITS),
    samples: { base: samplesOf(latency.samples.base), candidate: samplesOf(latency.samples.candidate) },
  };
}
