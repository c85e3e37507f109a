import type { PairMeasurement, SoloMeasurement } from '../benchmark/measurement.ts';
import type { Inspection } from '../model/inspection.ts';
import { COUNTED_METRICS, compareCounted, countOf, disappearedCount } from './counted.ts';
import { judgeThroughput } from './throughput.ts';
import { judgeTimes, TIMED_METRICS, WORKLOAD_METRICS, withoutValues } from './timed.ts';
import type { MetricComparison, MetricName, MetricPolicy } from './verdict.ts';

/** What was measured of one model with one set of inputs, or why nothing was. */
export type Measured =
  | PairMeasurement
  | SoloMeasurement
  | { readonly kind: 'none'; readonly reason: string }
  /** It could not be loaded or run. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** The base was measured with these inputs, the candidate is not any more. */
  | { readonly kind: 'disappeared'; readonly reason: string };

export interface MeasuredWorkload {
  /** Empty where a model has only one set of inputs. */
  readonly name: string;
  /** Rows of one run, at least 1. */
  readonly rows: number;
  readonly measured: Measured;
}

/** The policy of every metric; from the configuration by METRIC_FIELDS. */
export type MetricPolicies = Readonly<Record<MetricName, MetricPolicy>>;

/** How many comparisons a model with so many sets of inputs takes part in: what its inputs do not change is measured once. */
export const comparisonCount = (workloads: number): number =>
  TIMED_METRICS.length + Math.max(0, workloads - 1) * WORKLOAD_METRICS.length;

const hasLimit = ({ max, min }: MetricPolicy): boolean => max !== null || min !== undefined;

function workloadComparisons(
  { name, rows, measured }: MeasuredWorkload,
  isFirst: boolean,
  policies: MetricPolicies,
): MetricComparison[] {
  const timed = (isFirst ? TIMED_METRICS : WORKLOAD_METRICS).map(metric => {
    const policy = policies[metric];
    if (measured.kind === 'pair' || measured.kind === 'solo') return judgeTimes(metric, measured, policy);
    const kind = measured.kind === 'none' ? 'not-measured' : measured.kind;
    return withoutValues(metric, policy, { kind, reason: measured.reason });
  });
  const withThroughput =
    (measured.kind === 'pair' || measured.kind === 'solo') && hasLimit(policies.throughput)
      ? [...timed, judgeThroughput(measured, rows, policies.throughput)]
      : timed;
  return withThroughput.map(comparison => ({ ...comparison, ...workloadOf(comparison.metric, name) }));
}

/** What a comparison says of its inputs: nothing where there is one set only, or the metric does not depend on them. */
export const workloadOf = (metric: MetricName, name: string): Pick<MetricComparison, 'workload'> =>
  name === '' || metric === 'load-time' ? {} : { workload: name };

/**
 * All comparisons of one model, measured ones first, by their inputs. Counted metrics are left out where the candidate
 * could not be inspected.
 */
export function comparisonsOf(
  workloads: readonly MeasuredWorkload[],
  policies: MetricPolicies,
  inspections: { readonly base: Inspection | null; readonly candidate: Inspection | null },
): MetricComparison[] {
  const timed = workloads.flatMap((workload, index) => workloadComparisons(workload, index === 0, policies));
  const { base, candidate } = inspections;
  if (candidate === null) return timed;
  const counted = COUNTED_METRICS.map(metric =>
    compareCounted(
      metric,
      base === null ? null : countOf(metric, base),
      countOf(metric, candidate),
      policies[metric],
    ),
  );
  return [...timed, ...counted];
}

/** All metrics of a model that is gone. @param base null: it could not be inspected. */
export function disappearedMetrics(
  policies: MetricPolicies,
  base: Inspection | null,
  reason: string,
): MetricComparison[] {
  return [
    ...TIMED_METRICS.map(metric => withoutValues(metric, policies[metric], { kind: 'disappeared', reason })),
    ...COUNTED_METRICS.map(metric =>
      disappearedCount(metric, base === null ? null : countOf(metric, base), policies[metric], reason),
    ),
  ];
}
