import { changePoints } from './change-points.ts';

/** Older points say little about today's machines. */
export const HISTORY_WINDOW = 20;
/** Fewer points since the last change give no interval that deserves the name. */
export const HISTORY_POINTS_MIN = 8;
/** Consistency factor of the median absolute deviation for normal data. */
const MAD_TO_DEVIATION = 1.4826;
/** Machines of the same fingerprint differ at least so much from day to day, whatever few points say. */
const SMALLEST_SPREAD = 0.01;
/**
 * The median absolute deviation of n normal values is as sure as a standard deviation of 0.37 n (Rousseeuw and Croux
 * 1993): so many degrees of freedom has Student's t, here for 0.5 % a side and 3 to 7 degrees.
 */
const MAD_EFFICIENCY = 0.37;
const T_QUANTILES = [5.841, 4.604, 4.032, 3.707, 3.499] as const;
/** Times the logarithm of the number of points: with noise that is itself estimated, 3 is too little. */
const PENALTY = 6;
/** A single point so many deviations from its neighbours' median is an outlier and no change of the level. */
const OUTLIER_DEVIATIONS = 4;

/** What earlier measurements of the same fingerprint say of a new one. It was not measured beside them. */
export type HistoryVerdict =
  | { readonly kind: 'too-few'; readonly points: number; readonly needed: number }
  | {
      readonly kind: 'above' | 'below' | 'within';
      /** Points since the last change, at most HISTORY_WINDOW. */
      readonly points: number;
      readonly typical: number;
      /** The 99 % prediction interval of one more point. */
      readonly low: number;
      readonly high: number;
    };

export interface HistoryTrend {
  /** Positions in the series at which its level changed. */
  readonly changes: readonly number[];
  /** Ratio of the last level to the one before, minus 1; null where it never changed. */
  readonly lastStep: number | null;
}

const middle = (values: readonly number[]): number => {
  const sorted = values.toSorted((one, other) => one - other);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? upper) + upper) / 2;
};

const spreadAround = (values: readonly number[], centre: number): number =>
  Math.max(SMALLEST_SPREAD, MAD_TO_DEVIATION * middle(values.map(value => Math.abs(value - centre))));

/** Noise from neighbours' differences, which a change of level touches only once. */
const noiseOf = (logs: readonly number[]): number => {
  const steps = logs.slice(1).map((value, index) => value - (logs[index] ?? value));
  return Math.max(SMALLEST_SPREAD, (MAD_TO_DEVIATION * middle(steps.map(Math.abs).concat(0))) / Math.SQRT2);
};

/** Outliers replaced by the median of their five neighbours (Hampel 1974). */
function withoutOutliers(logs: readonly number[], noise: number): readonly number[] {
  return logs.map((value, index) => {
    const from = Math.max(0, Math.min(index - 2, logs.length - 5));
    const centre = middle(logs.slice(from, from + 5));
    return Math.abs(value - centre) > OUTLIER_DEVIATIONS * noise ? centre : value;
  });
}

const usable = (values: readonly number[]): readonly number[] =>
  values.filter(value => Number.isFinite(value) && value > 0);

/** Where the level of a series of times or sizes changed. @param values oldest first, above 0. */
export function trendOf(values: readonly number[]): HistoryTrend {
  const logs = usable(values).map(Math.log);
  if (logs.length < HISTORY_POINTS_MIN) return { changes: [], lastStep: null };
  const noise = noiseOf(logs);
  const changes = changePoints(withoutOutliers(logs, noise), noise, {
    penalty: PENALTY * Math.log(logs.length),
  });
  const last = changes.at(-1);
  if (last === undefined) return { changes, lastStep: null };
  const before = middle(logs.slice(changes.at(-2) ?? 0, last));
  return { changes, lastStep: Math.expm1(middle(logs.slice(last)) - before) };
}

/**
 * Holds a new value against earlier ones of the same machine: a robust prediction interval (median and median absolute
 * deviation of the logarithms, Student's t) over the last HISTORY_WINDOW points since the level last changed. Weaker than
 * measuring both sides in turns: machines of one fingerprint differ, and their neighbours do.
 * @param values oldest first
 */
export function judgeHistory(values: readonly number[], now: number): HistoryVerdict {
  const known = usable(values);
  const { changes } = trendOf(known);
  const window = known.slice(changes.at(-1) ?? 0).slice(-HISTORY_WINDOW);
  if (window.length < HISTORY_POINTS_MIN || !(now > 0)) {
    return { kind: 'too-few', points: window.length, needed: HISTORY_POINTS_MIN };
  }
  const logs = window.map(Math.log);
  const centre = middle(logs);
  const t = T_QUANTILES[Math.round(MAD_EFFICIENCY * window.length) - 3] ?? T_QUANTILES[0];
  const half = t * spreadAround(logs, centre) * Math.sqrt(1 + 1 / window.length);
  const [low, high] = [Math.exp(centre - half), Math.exp(centre + half)];
  const kind = now > high ? 'above' : now < low ? 'below' : 'within';
  return { kind, points: window.length, typical: Math.exp(centre), low, high };
}
