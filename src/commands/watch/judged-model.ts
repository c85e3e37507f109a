import type { SoloMeasurement } from '../../benchmark/measurement.ts';
import { METRIC_FIELDS, type Policy } from '../../config/config.ts';
import type { MeasurementRecord } from '../../registry/records.ts';
import { workloadOf } from '../../regression/comparisons.ts';
import { type Health, type HealthProblem, standingOf } from '../../regression/health.ts';
import { isJudged, judgeProduction, type MetricHealth } from '../../regression/production.ts';
import { judgeTimes, TIMED_METRICS, type TimedMetric, WORKLOAD_METRICS } from '../../regression/timed.ts';
import type { MetricComparison } from '../../regression/verdict.ts';
import { metricsWith } from '../check/history.ts';

/** One set of a model's inputs. */
export interface WatchedInputs {
  /** Empty where there is one set only. */
  readonly name: string;
  /** What does not depend on the inputs is judged with the first set. */
  readonly isFirst: boolean;
}

/** What one measurement says of one metric. */
export interface JudgedMetric {
  readonly metric: TimedMetric;
  readonly now: number;
  /** null: the policy does not judge it. */
  readonly health: MetricHealth | null;
  readonly comparison: MetricComparison;
}

export interface JudgingInput {
  readonly measured: SoloMeasurement;
  /** The set of inputs that it was measured with. */
  readonly inputs: WatchedInputs;
  readonly normal: readonly MeasurementRecord[];
  readonly told: Health | null;
  readonly policy: Policy;
  readonly after: number;
}

/** Each timed metric of one measurement against the model's own history, as a comparison that every report can show. */
export function judgeMetrics(input: JudgingInput): readonly JudgedMetric[] {
  const metrics = input.inputs.isFirst ? TIMED_METRICS : WORKLOAD_METRICS;
  return metrics.map(metric => judgeMetric(metric, input));
}

function judgeMetric(
  metric: TimedMetric,
  { measured, inputs, normal, told, policy, after }: JudgingInput,
): JudgedMetric {
  const own = policy[METRIC_FIELDS[metric]];
  const alone = { ...judgeTimes(metric, measured, own), ...workloadOf(metric, inputs.name) };
  const now = alone.candidate ?? Number.NaN;
  if (!isJudged(own) || own.maxRegression === null)
    return { metric, now, health: null, comparison: withoutHistory(alone) };
  const { isFirst } = inputs;
  const earlier = normal.flatMap(
    record => metricsWith(record, { digest: measured.feedDigest, isFirst })[metric] ?? [],
  );
  const standing = standingOf(told, metric, alone.workload);
  const health = judgeProduction({ earlier, now, maxRegression: own.maxRegression, standing, after });
  return { metric, now, health, comparison: comparisonOf(alone, health, earlier) };
}

/** Without a history there is no baseline, and a policy that fails that means another one: the check's. */
const withoutHistory = (alone: MetricComparison): MetricComparison =>
  alone.outcome.kind === 'no-baseline' ? { ...alone, outcome: { kind: 'unchanged' } } : alone;

function comparisonOf(
  alone: MetricComparison,
  health: MetricHealth,
  earlier: readonly number[],
): MetricComparison {
  const now = alone.candidate;
  if (health.kind === 'learning' && alone.outcome.kind === 'no-baseline') {
    const { points, needed } = health;
    return { ...alone, outcome: { kind: 'no-baseline', history: { points, wanted: points + needed } } };
  }
  if (health.kind === 'learning' || now === null) return alone;
  const { typical, low, high, points } = health.reference;
  const ratio = (bound: number): number => now / bound - 1;
  return {
    ...alone,
    base: typical,
    difference: { estimate: ratio(typical), low: ratio(high), high: ratio(low), confidence: 0.99 },
    outcome: alone.outcome.kind === 'no-baseline' ? outcomeOf(health) : alone.outcome,
    samples: { base: earlier.slice(-points), candidate: alone.samples?.candidate ?? [] },
  };
}

function outcomeOf(health: Exclude<MetricHealth, { kind: 'learning' }>): MetricComparison['outcome'] {
  switch (health.kind) {
    case 'worse':
      return { kind: 'regressed', confirmed: true };
    case 'suspected':
      return { kind: 'regressed', confirmed: false };
    case 'better':
      return { kind: 'improved' };
    case 'steady':
      return { kind: 'unchanged' };
  }
}

/** What is wrong by these metrics. */
export function problemsOfMetrics(metrics: readonly JudgedMetric[]): readonly HealthProblem[] {
  return metrics.flatMap(({ metric, now, health, comparison }): HealthProblem[] => {
    const { outcome, policy, workload } = comparison;
    const common = { metric, ...(workload === undefined ? {} : { workload }), now };
    return [
      ...(health?.kind === 'worse'
        ? [{ kind: 'worse', ...common, reference: health.reference } as const]
        : []),
      ...(outcome.kind === 'over-limit' && policy.gate !== 'off'
        ? [{ kind: 'over-limit', ...common, limit: outcome.limit } as const]
        : []),
    ];
  });
}

/** What a second measurement with the same inputs found too: the others were noise. */
export function confirmedBy(
  first: readonly JudgedMetric[],
  second: readonly JudgedMetric[],
): readonly JudgedMetric[] {
  return second.map(metric => {
    const before = first.find(one => one.metric === metric.metric);
    const isNew = metric.health?.kind === 'worse' && before?.health?.kind !== 'worse';
    if (!isNew || metric.health?.kind !== 'worse') return metric;
    const { reference } = metric.health;
    const { comparison } = metric;
    return {
      ...metric,
      health: { kind: 'suspected', reference, runs: 0 },
      comparison:
        comparison.outcome.kind === 'regressed'
          ? {
              ...comparison,
              outcome: {
                kind: 'inconclusive',
                reason: 'One of two measurements lies above its history, the other does not.',
              },
            }
          : comparison,
    };
  });
}
