import type { SequenceRules } from '../launch-sequence.ts';
import type { PairEvidence } from '../measurement.ts';
import { conclude, evidenceOf, runSeries, type Track } from '../series.ts';

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

/** A regression that was found late may use so much more than the budget to be measured again. */
const CONFIRMATION_SHARE = 0.5;

/**
 * Compares one statistic of base and candidate that are measured apart: pairs in alternating order, judged by the same
 * sequential test as models in one process. A regression is measured again.
 * @throws as `measure` does.
 */
export async function compareInTurns<T>(input: TurnsInput<T>): Promise<PairEvidence> {
  const { measure, statisticOf, rulesOf, alpha, budgetMs, now } = input;
  const deadline = now() + budgetMs;
  const track: Track<Turn<T>> = {
    ratioOf: ({ base, candidate }) => Math.log(statisticOf(candidate) / statisticOf(base)),
    rulesOf: turns => rulesOf(turns.map(({ base }) => statisticOf(base))),
  };
  const series = (until: number) =>
    runSeries<Turn<T>>({
      tracks: [track],
      deadline: until,
      now,
      onLaunch: (done, planned) => input.onTurn?.(done, planned),
      launch: async (index, timeLimitMs) => {
        const end = now() + timeLimitMs;
        const left = (): number => Math.max(1, end - now());
        if (index % 2 === 0) {
          const base = await measure('base', left());
          return { base, candidate: await measure('candidate', left()) };
        }
        const candidate = await measure('candidate', left());
        return { base: await measure('base', left()), candidate };
      },
    });
  const first = await series(deadline);
  const isRegressed = conclude(first, track).kind === 'regressed';
  const again = isRegressed ? await series(deadline + CONFIRMATION_SHARE * budgetMs) : null;
  return evidenceOf(
    first,
    again,
    track,
    { base: ({ base }) => statisticOf(base), candidate: ({ candidate }) => statisticOf(candidate) },
    alpha,
  );
}
