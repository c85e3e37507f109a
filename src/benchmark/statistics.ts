import { studentQuantile } from './student-t.ts';

export function mean(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('mean of no values');
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Sample standard deviation (n - 1); 0 for fewer than two values. */
export function standardDeviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * The mean's two one-sided Student-t bounds, each with error `alpha`: together an interval of confidence 1 - 2 alpha.
 * Values are taken as independent and roughly normal (one a process launch). Infinite for fewer than two values.
 */
export function meanBounds(values: readonly number[], alpha: number): Interval {
  if (values.length < 2) return { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const centre = mean(values);
  const half =
    (studentQuantile(alpha, values.length - 1) * standardDeviation(values)) / Math.sqrt(values.length);
  return { low: centre - half, high: centre + half };
}

/** Wilson's (1927) score interval of a proportion; `z` 1.96 gives 95 %. No trials: [0, 1]. */
export function wilsonInterval(successes: number, trials: number, z = 1.959963984540054): Interval {
  if (trials === 0) return { low: 0, high: 1 };
  const share = successes / trials;
  const scale = 1 + (z * z) / trials;
  const centre = (share + (z * z) / (2 * trials)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / trials + (z * z) / (4 * trials * trials));
  return {
    low: successes === 0 ? 0 : Math.max(0, centre - half),
    high: successes === trials ? 1 : Math.min(1, centre + half),
  };
}

/**
 * One-sided bounds (error `alpha` each) of the typical value of a positive quantity, by the t bounds on its logarithms;
 * null for fewer than two values.
 */
export function typicalBounds(values: readonly number[], alpha: number): Interval | null {
  if (values.length < 2) return null;
  const { low, high } = meanBounds(values.map(Math.log), alpha);
  return { low: Math.exp(low), high: Math.exp(high) };
}

/**
 * candidate / base - 1 from ln(candidate / base), with one-sided bounds of error `alpha` each; null for fewer than two.
 */
export function relativeDifference(
  logRatios: readonly number[],
  alpha: number,
): (Interval & { readonly estimate: number; readonly confidence: number }) | null {
  if (logRatios.length < 2) return null;
  const { low, high } = meanBounds(logRatios, alpha);
  return {
    estimate: Math.expm1(mean(logRatios)),
    low: Math.expm1(low),
    high: Math.expm1(high),
    confidence: 1 - 2 * alpha,
  };
}
