import type { Decision } from './measurement.ts';
import { type Interval, mean, meanBounds } from './statistics.ts';

/** When the launches are looked at, and what counts as a difference. All margins are logarithms of ratios, above 0. */
export interface SequenceRules {
  /** Numbers of launches, ascending. */
  readonly looks: readonly number[];
  /** One-sided error of each bound at each look: the looks add up to at most `looks.length * alpha` (Bonferroni). */
  readonly alpha: number;
  /** Regressed when the lower bound is above this; improved when the upper bound is below its negative. */
  readonly differenceMargin: number;
  /** Not regressed when the upper bound is below this. */
  readonly passMargin: number;
}

export const LATENCY_LOOKS = [5, 7, 10, 14, 20] as const;
/**
 * Pairs of processes that only load and run once, for load time and peak memory. Memory varies so little that three
 * pairs mostly decide it, which lets models that load slowly have a verdict within the budget.
 */
export const FRESH_PROCESS_LOOKS = [3, 5, 7, 10] as const;

/** Differences up to this are within the overhead of a call and are no regression, whatever their ratio. */
export const SMALLEST_DIFFERENCE_MS = 0.001;

/** Margins of 0.4 and 1 times the tolerance: 2 % and 5 % for 0.05. */
export function rulesFor(tolerance: number, alpha: number, looks: readonly number[]): SequenceRules {
  return {
    looks,
    alpha,
    differenceMargin: Math.log1p(0.4 * tolerance),
    passMargin: Math.log1p(tolerance),
  };
}

/**
 * Widens the margins for a model of `baseMs` a run, so that a difference must also be above one microsecond: the
 * overhead of the call is itself biased by 0.2 us. Changes nothing from about 50 us (for a tolerance of 5 %) up.
 */
export function widenForTiny(rules: SequenceRules, baseMs: number): SequenceRules {
  const smallest = Math.log1p(SMALLEST_DIFFERENCE_MS / baseMs);
  const widening = Math.max(0, smallest - rules.differenceMargin);
  return {
    ...rules,
    differenceMargin: rules.differenceMargin + widening,
    passMargin: rules.passMargin + widening,
  };
}

export type SeriesState =
  | { readonly kind: 'regressed' | 'improved' | 'unchanged'; readonly launches: number }
  /** `passed`: a look has ruled out a regression, an improvement is still possible. */
  | { readonly kind: 'open'; readonly passed: boolean };

/**
 * The sequential test (looks at planned numbers of launches, one-sided Student-t bounds on the launch values).
 * At each look: lower bound above the difference margin: regressed. Upper bound below its negative: improved. Both
 * bounds within the pass margins: unchanged (two one-sided tests, Schuirmann 1987). Only the upper bound below the
 * pass margin: it has passed, and goes on only to tell an improvement from no change. Otherwise open.
 * @param logRatios ln(candidate / base), one a launch, in order.
 */
export function judgeSeries(logRatios: readonly number[], rules: SequenceRules): SeriesState {
  let passed = false;
  for (const look of rules.looks) {
    if (logRatios.length < look) break;
    const { low, high } = meanBounds(logRatios.slice(0, look), rules.alpha);
    if (!passed && low > rules.differenceMargin) return { kind: 'regressed', launches: look };
    if (high < -rules.differenceMargin) return { kind: 'improved', launches: look };
    passed ||= high < rules.passMargin;
    if (passed && low > -rules.passMargin) return { kind: 'unchanged', launches: look };
  }
  return { kind: 'open', passed };
}

/** The next planned look after so many launches, or null after the last. */
export function nextLook(launches: number, rules: SequenceRules): number | null {
  return rules.looks.find(look => look > launches) ?? null;
}

const percent = (logRatio: number): string => {
  const value = Math.expm1(logRatio) * 100;
  return `${value < 0 ? '' : '+'}${value.toFixed(1)} %`;
};

const seconds = (durationMs: number): string => `${Number((durationMs / 1000).toPrecision(3))} s`;

export interface SeriesEnd {
  readonly budgetMs: number;
  /** Mean duration of a launch so far. */
  readonly launchMs: number;
}

/** What is said of a series when there are no more launches: passed is unchanged, everything else inconclusive. */
export function concludeSeries(logRatios: readonly number[], rules: SequenceRules, end: SeriesEnd): Decision {
  const state = judgeSeries(logRatios, rules);
  if (state.kind !== 'open') return { kind: state.kind };
  if (state.passed) return { kind: 'unchanged' };
  const first = rules.looks[0] ?? 0;
  if (logRatios.length < first) {
    return {
      kind: 'inconclusive',
      reason:
        `The time of ${seconds(end.budgetMs)} was enough for ${logRatios.length} of the ${first} launches that a ` +
        `verdict needs; one took about ${seconds(end.launchMs)}.`,
    };
  }
  const { low, high }: Interval = meanBounds(logRatios, rules.alpha);
  const stopped =
    nextLook(logRatios.length, rules) === null ? '' : `, when the time of ${seconds(end.budgetMs)} ended`;
  return {
    kind: 'inconclusive',
    reason:
      `After ${logRatios.length} launches${stopped} the difference lies between ${percent(low)} and ${percent(high)} ` +
      `(estimate ${percent(mean(logRatios))}): neither a regression nor its absence is shown.`,
  };
}
