import type { AccuracyMetric } from './accuracy-metrics.ts';

/** What the team wants of a metric of accuracy. */
export interface AccuracyPolicy {
  /** Below this (above, for errors such as mae) it fails; null: no limit. */
  readonly min: number | null;
  /** Largest drop against the base in the metric's own unit; null: drops are only shown. */
  readonly maxDrop: number | null;
}

/** How sure it is that the candidate is worse than the base, on the same rows. */
export interface PairedTest {
  readonly method: 'mcnemar-mid-p' | 'paired-bootstrap';
  /** One-sided: how likely such a drop is by chance where there is none. */
  readonly pValue: number;
  /** Interval of the drop; null for McNemar's test. */
  readonly interval: { readonly low: number; readonly high: number; readonly confidence: number } | null;
}

export type AccuracyOutcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'below-minimum'; readonly minimum: number }
  /** More than tolerated, and not by chance. */
  | { readonly kind: 'dropped'; readonly maxDrop: number }
  /** More than tolerated, but chance does that too with so few rows. */
  | { readonly kind: 'inconclusive'; readonly maxDrop: number }
  /** A drop is limited, and no base ran on these rows. */
  | { readonly kind: 'no-baseline'; readonly maxDrop: number }
  | { readonly kind: 'undefined'; readonly reason: string };

export interface MetricResult {
  readonly metric: AccuracyMetric;
  /** null where it is not defined for these labels (AUC with one class). */
  readonly candidate: number | null;
  readonly base: number | null;
  /** How much worse the candidate is, positive is worse, in the metric's unit; null without a base. */
  readonly drop: number | null;
  readonly test: PairedTest | null;
  readonly policy: AccuracyPolicy;
  readonly outcome: AccuracyOutcome;
}

export interface AccuracyReport {
  readonly dataset: string;
  readonly rows: number;
  readonly output: string;
  readonly metrics: readonly MetricResult[];
  /** Rows whose output was NaN: counted as wrong. */
  readonly notANumber: number;
}
