import { HISTORY_POINTS_MIN, judgeHistory, trendOf } from './history.ts';
import type { MetricPolicy } from './verdict.ts';

/** What a metric is held against: a level of its own history, in the metric's unit. */
export interface Reference {
  readonly typical: number;
  /** Bounds of the 99 % prediction interval of one more measurement. */
  readonly low: number;
  readonly high: number;
  /** How many measurements it comes from. */
  readonly points: number;
}

/** How a metric of a model in production stands to its own history on the same kind of machine. */
export type MetricHealth =
  /** Too few measurements for an interval. */
  | { readonly kind: 'learning'; readonly points: number; readonly needed: number }
  | { readonly kind: 'steady' | 'better'; readonly reference: Reference }
  /** Worse, but not yet in as many runs as have to agree. */
  | { readonly kind: 'suspected'; readonly reference: Reference; readonly runs: number }
  | { readonly kind: 'worse'; readonly reference: Reference };

export interface ProductionJudgement {
  /** Recorded values, oldest first, in the metric's unit; without those of times when it was worse. */
  readonly earlier: readonly number[];
  readonly now: number;
  /** Largest tolerated increase, as a ratio. */
  readonly maxRegression: number;
  /** The level before it got worse, where it is worse already: that, not the new habit, is what it has to come back to. */
  readonly standing: Reference | null;
  /** Runs in a row that have to agree, this one included; at least 1. */
  readonly after: number;
}

const change = (now: number, { typical }: Reference): number => now / typical - 1;

const isWorse = (now: number, reference: Reference, maxRegression: number): boolean =>
  now > reference.high && change(now, reference) > maxRegression;

function referenceOf(earlier: readonly number[], now: number): Reference | null {
  const verdict = judgeHistory(earlier, now);
  if (verdict.kind === 'too-few') return null;
  const { typical, low, high, points } = verdict;
  return { typical, low, high, points };
}

/**
 * Judges one metric. Worse is what lies above the prediction interval and beyond what is tolerated. What is worse
 * stays so until it is back inside the interval and within what is tolerated: in between nothing changes, so that a
 * value at the limit does not go to and fro.
 */
export function judgeProduction(judgement: ProductionJudgement): MetricHealth {
  const { earlier, now, maxRegression, standing, after } = judgement;
  if (standing !== null) {
    const isBack = now <= standing.high && change(now, standing) <= maxRegression;
    return { kind: isBack ? 'steady' : 'worse', reference: standing };
  }
  const reference = referenceOf(earlier, now);
  if (reference === null)
    return {
      kind: 'learning',
      points: earlier.length,
      needed: Math.max(0, HISTORY_POINTS_MIN - earlier.length),
    };
  if (!isWorse(now, reference, maxRegression))
    return { kind: now < reference.low ? 'better' : 'steady', reference };
  return confirmedBefore(earlier, now, maxRegression, after) ?? { kind: 'worse', reference };
}

/** With `after` above 1: whether the runs before this one were worse too, than what came before them. null: they were. */
function confirmedBefore(
  earlier: readonly number[],
  now: number,
  maxRegression: number,
  after: number,
): MetricHealth | null {
  const before = earlier.slice(0, Math.max(0, earlier.length - (after - 1)));
  const reference = after === 1 ? null : referenceOf(before, now);
  if (reference === null) return after === 1 ? null : suspected(earlier, now, 1);
  const runs = 1 + trailing(earlier, value => isWorse(value, reference, maxRegression));
  return runs >= after ? null : suspected(earlier, now, runs);
}

function suspected(earlier: readonly number[], now: number, runs: number): MetricHealth {
  const reference = referenceOf(earlier, now);
  if (reference === null) return { kind: 'learning', points: earlier.length, needed: 0 };
  return { kind: 'suspected', reference, runs };
}

function trailing(values: readonly number[], holds: (value: number) => boolean): number {
  const last = values.findLastIndex(value => !holds(value));
  return values.length - 1 - last;
}

/**
 * Where a metric came to the level that it has now: the position in `values` of the first measurement of that level, by
 * the last change point, or where that is too young to be one, the first of the last ones that are worse. null: nowhere.
 * @param values oldest first, the present one last
 */
export function onsetOf(values: readonly number[], reference: Reference): number | null {
  const above = trailing(values, value => value > reference.high);
  const last = trendOf(values).changes.at(-1);
  const isOfThisLevel =
    last !== undefined &&
    (values.slice(last).toSorted((a, b) => a - b)[Math.floor((values.length - last) / 2)] ?? 0) >
      reference.high;
  if (isOfThisLevel) return last;
  return above === 0 ? null : values.length - above;
}

/** Whether a metric is judged at all. */
export const isJudged = ({ gate, maxRegression }: MetricPolicy): boolean =>
  gate !== 'off' && maxRegression !== null;
