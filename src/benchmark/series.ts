import { QuickServeError } from '../shared/errors.ts';
import { median } from '../shared/quantile.ts';
import { concludeSeries, judgeSeries, nextLook, type SequenceRules } from './launch-sequence.ts';
import type { Decision, PairEvidence } from './measurement.ts';
import { relativeDifference, typicalBounds } from './statistics.ts';

/** A timer may fire so much before the clock says so. */
const TIMER_SLACK_MS = 50;

/** One metric of a series of launches: its values, how its log ratios come about, and how they are judged. */
export interface Track<T> {
  readonly base: (launch: T) => number;
  readonly candidate: (launch: T) => number;
  readonly ratioOf: (launch: T) => number;
  readonly rulesOf: (launches: readonly T[]) => SequenceRules;
}

export interface Series<T> {
  readonly launches: readonly T[];
  readonly budgetMs: number;
  readonly launchMs: number;
}

/** A regression that was found late may use so much more than its budget to be measured again, never to be found. */
export const CONFIRMATION_SHARE = 0.5;

/** Of a metric that was not asked for. */
export const NO_SERIES: Series<never> = { launches: [], budgetMs: 0, launchMs: 0 };

/** Launches until the track is decided, the looks are used up, or the next look cannot be reached by the deadline. */
export async function runSeries<T>(input: {
  readonly track: Track<T>;
  readonly launch: (index: number, timeLimitMs: number) => Promise<T>;
  readonly deadline: number;
  readonly now: () => number;
  readonly onLaunch: (done: number, planned: number) => void;
}): Promise<Series<T>> {
  const { track, launch, deadline, now, onLaunch } = input;
  const start = now();
  const launches: T[] = [];
  const meanMs = (): number => (launches.length === 0 ? 0 : (now() - start) / launches.length);
  const openLook = (): number | null => {
    const rules = track.rulesOf(launches);
    const isOpen = judgeSeries(launches.map(track.ratioOf), rules).kind === 'open';
    return isOpen ? nextLook(launches.length, rules) : null;
  };
  for (let look = openLook(); look !== null; look = openLook()) {
    const remainingMs = deadline - now();
    if (remainingMs <= 0 || meanMs() * (look - launches.length) > remainingMs) break;
    try {
      launches.push(await launch(launches.length, remainingMs));
    } catch (error) {
      // The models have loaded and run before: a launch that the deadline cut off is not a hang.
      if (
        error instanceof QuickServeError &&
        error.code === 'WORKER_TIMEOUT' &&
        now() >= deadline - TIMER_SLACK_MS
      )
        break;
      throw error;
    }
    onLaunch(launches.length, look);
  }
  return {
    launches,
    budgetMs: Math.max(0, deadline - start),
    launchMs: launches.length === 0 ? now() - start : meanMs(),
  };
}

/** A launch that measures the two sides one after the other, in alternating order. */
export const inTurns =
  <T>(measure: (side: 'base' | 'candidate', timeLimitMs: number) => Promise<T>, now: () => number) =>
  async (index: number, timeLimitMs: number): Promise<{ readonly base: T; readonly candidate: T }> => {
    const end = now() + timeLimitMs;
    const left = (): number => Math.max(1, end - now());
    if (index % 2 === 0) {
      const base = await measure('base', timeLimitMs);
      return { base, candidate: await measure('candidate', left()) };
    }
    const candidate = await measure('candidate', timeLimitMs);
    return { base: await measure('base', left()), candidate };
  };

/** What a series says of a metric when it has ended. */
const conclude = <T>(series: Series<T>, track: Track<T>): Decision =>
  concludeSeries(series.launches.map(track.ratioOf), track.rulesOf(series.launches), series);

/** A regression counts only if a second series of fresh launches finds it too. */
function confirm(first: Decision, second: Decision | null): Decision {
  if (first.kind !== 'regressed' || second === null || second.kind === 'regressed') return first;
  const again = second.kind === 'inconclusive' ? ` ${second.reason}` : ` It was ${second.kind} there.`;
  return {
    kind: 'inconclusive',
    reason: `A regression was found, but not when it was measured again with fresh launches.${again}`,
  };
}

/**
 * The base's median times the ratio of the pairs: what a machine that changes its pace does to the two medians is no
 * difference of the models, and a reader cannot make a percentage of them that is not the one beside them.
 */
function candidateOf(
  base: number | null,
  difference: PairEvidence['difference'],
  samples: readonly number[],
): number | null {
  if (base !== null && difference !== null) return base * (1 + difference.estimate);
  return samples.length === 0 ? null : median(samples);
}

/** The evidence of one metric from its series and, where a regression was measured again, the second one. */
export function evidenceOf<T>(
  first: Series<T>,
  second: Series<T> | null,
  track: Track<T>,
  alpha: number,
): PairEvidence {
  const found = conclude(first, track);
  const remeasured = found.kind === 'regressed' && second !== null;
  const decision = confirm(found, remeasured ? conclude(second, track) : null);
  // The first series was selected for showing a regression; its repetition is the unbiased one.
  const shown = remeasured && second.launches.length > 0 ? second.launches : first.launches;
  const samples = { base: shown.map(track.base), candidate: shown.map(track.candidate) };
  const logRatios = shown.map(track.ratioOf);
  const difference = relativeDifference(logRatios, alpha);
  const base = samples.base.length === 0 ? null : median(samples.base);
  return {
    decision,
    base,
    candidate: candidateOf(base, difference, samples.candidate),
    samples,
    logRatios,
    difference,
    candidateBounds: typicalBounds(samples.candidate, alpha),
    remeasured,
  };
}

/**
 * Measures a track now, and again when `confirm` is called, where a regression was found.
 * @param run the first series, or the second one
 */
export async function measureTrack<T>(
  track: Track<T>,
  run: (isAgain: boolean) => Promise<Series<T>>,
  alpha: number,
) {
  const first = await run(false);
  return {
    launches: first.launches,
    async confirm() {
      const again = conclude(first, track).kind === 'regressed' ? await run(true) : null;
      return {
        launches: [...first.launches, ...(again?.launches ?? [])],
        evidence: evidenceOf(first, again, track, alpha),
      };
    },
  };
}
