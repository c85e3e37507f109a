/** A percentile with a distribution-free interval: the confidence holds whatever the times are distributed like. */
export interface Percentile {
  /** 0.99 for the 99th. */
  readonly p: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly confidence: number;
}

const CONFIDENCE = 0.95;

/** Binomial probabilities P(X <= k) for k = 0 ... n, by logarithms so that they do not underflow. */
function binomialCumulative(n: number, p: number): Float64Array {
  const cumulative = new Float64Array(n + 1);
  const odds = Math.log(p) - Math.log1p(-p);
  let log = n * Math.log1p(-p);
  let total = 0;
  for (let k = 0; k <= n; k += 1) {
    if (k > 0) log += Math.log(n - k + 1) - Math.log(k) + odds;
    total += Math.exp(log);
    cumulative[k] = Math.min(1, total);
  }
  return cumulative;
}

/** The smallest number of values whose largest bounds the p-quantile from above: 368 for p = 0.99 at 95 %. */
export function smallestSampleFor(p: number, confidence = CONFIDENCE): number {
  const tail = (1 - confidence) / 2;
  return Math.ceil(Math.log(tail) / Math.log(Math.max(p, 1 - p)));
}

/**
 * The p-quantile (0 < p < 1) and its interval between order statistics (Conover 1999, section 3.2; David and Nagaraja
 * 2003); null where there are fewer values than the interval needs: no p99 from 50 runs.
 */
export function percentileOf(
  values: readonly number[],
  p: number,
  confidence = CONFIDENCE,
): Percentile | null {
  const n = values.length;
  if (n < smallestSampleFor(p, confidence)) return null;
  const sorted = Float64Array.from(values).sort();
  const cumulative = binomialCumulative(n, p);
  const tail = (1 - confidence) / 2;
  // The r-th smallest lies below the quantile unless fewer than r values do.
  let lower = 0;
  while (lower + 1 < n && (cumulative[lower] ?? 1) <= tail) lower += 1;
  let upper = lower;
  while (upper < n && (cumulative[upper] ?? 1) < 1 - tail) upper += 1;
  const at = (rank: number): number => sorted[Math.min(n - 1, Math.max(0, rank))] ?? Number.NaN;
  return { p, value: at(Math.ceil(n * p) - 1), low: at(lower - 1), high: at(upper), confidence };
}
