import type { LaunchPair } from '../../src/benchmark/measurement.ts';
import { mean, standardDeviation } from '../../src/benchmark/statistics.ts';
import { studentQuantile, studentTail } from '../../src/benchmark/student-t.ts';
import { median } from '../../src/shared/quantile.ts';

/** What other tools would have said, given the same timings. */
export interface RuleInput {
  readonly launches: readonly LaunchPair[];
  /** Launch medians of the same base from earlier trials, oldest first. */
  readonly history: readonly number[];
}

/** null: the rule had not enough to say anything. */
export type Rule = (input: RuleInput) => boolean | null;

/**
 * Others measure the base in one run of the job and the candidate in another: here the base is taken from the first
 * half of the launches and the candidate from the second.
 */
function sequential({ launches }: RuleInput): {
  readonly base: readonly number[];
  readonly candidate: readonly number[];
} {
  const half = Math.floor(launches.length / 2);
  return {
    base: launches.slice(0, half).flatMap(({ baseBlocksMs }) => baseBlocksMs),
    candidate: launches.slice(half, 2 * half).flatMap(({ candidateBlocksMs }) => candidateBlocksMs),
  };
}

const single = ({ launches }: RuleInput): readonly [number, number] | null => {
  const [first, second] = launches;
  return first === undefined || second === undefined
    ? null
    : [median(first.baseBlocksMs), median(second.candidateBlocksMs)];
};

const ratioAbove =
  (limit: number): Rule =>
  input => {
    const values = single(input);
    return values === null ? null : values[1] / values[0] > limit;
  };

/** Error function by Abramowitz and Stegun 7.1.26; absolute error below 1.5e-7. */
function normalTail(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const series =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = 0.5 * series * Math.exp(-x * x);
  return z >= 0 ? tail : 1 - tail;
}

/** Two-sided p of the Mann-Whitney U test, normal approximation; times have practically no ties. */
export function mannWhitney(one: readonly number[], other: readonly number[]): number {
  const u = one.reduce((sum, value) => sum + other.filter(each => each < value).length, 0);
  const [n, m] = [one.length, other.length];
  const spread = Math.sqrt((n * m * (n + m + 1)) / 12);
  return 2 * normalTail(Math.abs(u - (n * m) / 2) / spread);
}

/** One-sided p of Welch's t test that `other` is larger. */
export function welch(one: readonly number[], other: readonly number[]): number {
  const [a, b] = [standardDeviation(one) ** 2 / one.length, standardDeviation(other) ** 2 / other.length];
  const t = (mean(other) - mean(one)) / Math.sqrt(a + b);
  const degrees = (a + b) ** 2 / (a ** 2 / (one.length - 1) + b ** 2 / (other.length - 1));
  const tail = studentTail(Math.abs(t), degrees);
  return t > 0 ? tail : 1 - tail;
}

const asv: Rule = input => {
  const { base, candidate } = sequential(input);
  if (base.length < 5 || candidate.length < 5) return null;
  return mannWhitney(base, candidate) < 0.002 && median(candidate) > 1.1 * median(base);
};

const predictionInterval: Rule = input => {
  const values = single(input);
  const points = input.history.slice(-20);
  if (values === null || points.length < 20) return null;
  const limit =
    mean(points) + studentQuantile(0.01, 19) * standardDeviation(points) * Math.sqrt(1 + 1 / points.length);
  return values[1] > limit;
};

const welchRule: Rule = input => {
  const { base, candidate } = sequential(input);
  return base.length < 5 || candidate.length < 5 ? null : welch(base, candidate) < 0.05;
};

export const EXISTING_RULES: Readonly<Record<string, Rule>> = {
  'github-action-benchmark, 200 % (default)': ratioAbove(2),
  'the same at 110 %': ratioAbove(1.1),
  'the same at 105 %': ratioAbove(1.05),
  'asv (Mann-Whitney p < .002 and factor 1.1)': asv,
  't prediction interval over 20 points, 99 % (Bencher-like)': predictionInterval,
  'Welch on sequential samples, p < .05': welchRule,
};
