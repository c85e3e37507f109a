/** What is compared. Times and memory are measured; the others are counted and compared exactly. */
export type MetricName =
  | 'latency'
  | 'load-time'
  | 'memory'
  | 'throughput'
  | 'file-size'
  | 'parameters'
  | 'nodes';

export type MetricUnit = 'ms' | 'bytes' | 'count' | 'per-second';

/** A ratio candidate/base - 1 with its interval: `{estimate: 0.2, low: 0.19, high: 0.21}` is +20 % (+19 ... +21). */
export interface RelativeDifference {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  /** Two-sided confidence of the interval, 0.98 for one-sided bounds of 99 %. */
  readonly confidence: number;
}

/** The outcome for one metric of one model. */
export type MetricOutcome =
  | { readonly kind: 'regressed'; readonly confirmed: boolean }
  | { readonly kind: 'improved' }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'inconclusive'; readonly reason: string }
  | { readonly kind: 'over-limit'; readonly limit: number }
  | { readonly kind: 'under-limit'; readonly limit: number }
  /** Only the limits are the metric's own: whether it changed is said by the one that it follows from. */
  | { readonly kind: 'within-limits' }
  | {
      readonly kind: 'no-baseline';
      /** Of `watch`: how many earlier measurements there are, and how many it takes. */
      readonly history?: { readonly points: number; readonly wanted: number };
    }
  /** The base has it, the candidate does not. */
  | { readonly kind: 'disappeared'; readonly reason: string }
  /** The model could not be loaded or run; a finding says what that means for the gate. */
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'not-measured'; readonly reason: string };

/** What the team wants of a metric. Ratios: 0.05 is 5 %. */
export interface MetricPolicy {
  readonly gate: 'hard' | 'warn' | 'off';
  /** Largest tolerated increase relative to the base, or null. */
  readonly maxRegression: number | null;
  /** Largest tolerated absolute value in the metric's unit, or null. */
  readonly max: number | null;
  /** Smallest tolerated absolute value; left out: none. */
  readonly min?: number;
}

export interface MetricComparison {
  readonly metric: MetricName;
  /** Name of the inputs it was measured with; left out where there is only one set of them, or they do not matter. */
  readonly workload?: string;
  readonly unit: MetricUnit;
  readonly base: number | null;
  readonly candidate: number | null;
  readonly difference: RelativeDifference | null;
  readonly policy: MetricPolicy;
  readonly outcome: MetricOutcome;
  /** Launch statistics in the metric's unit, for plots; absent for counted metrics. */
  readonly samples?: { readonly base: readonly number[]; readonly candidate: readonly number[] };
}

/** passed: nothing against it; warned: only soft gates; failed: a hard gate; no-verdict: it could not be decided. */
export type Gate = 'passed' | 'warned' | 'failed' | 'no-verdict';
