import type { SequenceRules } from '../launch-sequence.ts';
import type { PairEvidence } from '../measurement.ts';
import { CONFIRMATION_SHARE, inTurns, measureTrack, runSeries, type Track } from '../series.ts';

type Side = 'base' | 'candidate';

interface Turn<T> {
  readonly base: T;
  readonly candidate: T;
}

export interface TurnsInput<T> {
  /** Measures one side once, in at most so many milliseconds. */
  readonly measure: (side: Side, timeLimitMs: number) => Promise<T>;
  /** The statistic that is compared, above 0; more is worse. */
  readonly statisticOf: (result: T) => number;
  /** How the log ratios of the pairs so far are judged, from the values of the base. */
  readonly rulesOf: (baseValues: readonly number[]) => SequenceRules;
  readonly alpha: number;
  readonly budgetMs: number;
  /** Monotonic clock, milliseconds. */
  readonly now: () => number;
  readonly onTurn?: (done: number, planned: number) => void;
}

/**
 * Compares one statistic of base and candidate that are measured apart: pairs in alternating order, judged by the same
 * sequential test as models in one process. A regression is measured again.
 * @throws as `measure` does.
 */
export async function compareInTurns<T>(input: TurnsInput<T>): Promise<PairEvidence> {
  const { measure, statisticOf, rulesOf, alpha, budgetMs, now } = input;
  const deadline = now() + budgetMs;
  const track: Track<Turn<T>> = {
    base: ({ base }) => statisticOf(base),
    candidate: ({ candidate }) => statisticOf(candidate),
    ratioOf: ({ base, candidate }) => Math.log(statisticOf(candidate) / statisticOf(base)),
    rulesOf: turns => rulesOf(turns.map(({ base }) => statisticOf(base))),
  };
  const run = (isAgain: boolean) =>
    runSeries<Turn<T>>({
      track,
      launch: inTurns(measure, now),
      deadline: deadline + (isAgain ? CONFIRMATION_SHARE * budgetMs : 0),
      now,
      onLaunch: (done, planned) => input.onTurn?.(done, planned),
    });
  const measured = await measureTrack(track, run, alpha);
  return (await measured.confirm()).evidence;
}
