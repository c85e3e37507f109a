import type { PairMeasurement, SoloMeasurement } from '../benchmark/measurement.ts';
import type { Inspection } from '../model/inspection.ts';
import { COUNTED_METRICS, compareCounted, countOf } from './counted.ts';
import { judgeTimes, notMeasured, TIMED_METRICS } from './timed.ts';
import type { MetricComparison, MetricName, MetricPolicy } from './verdict.ts';

/** What was measured of one model, or why nothing was. */
export type Measured = PairMeasurement | SoloMeasurement | { readonly kind: 'none'; readonly reason: string };

/** The policy of every metric; from the configuration by METRIC_FIELDS. */
export type MetricPolicies = Readonly<Record<MetricName, MetricPolicy>>;

/**
 * All comparisons of one model, measured ones first. Counted metrics are left out where the candidate could not be
 * inspected.
 */
export function comparisonsOf(
  measured: Measured,
  policies: MetricPolicies,
  inspections: { readonly base: Inspection | null; readonly candidate: Inspection | null },
): MetricComparison[] {
  const timed = TIMED_METRICS.map(metric =>
    measured.kind === 'none'
      ? notMeasured(metric, policies[metric], measured.reason)
      : judgeTimes(metric, measured, policies[metric]),
  );
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
