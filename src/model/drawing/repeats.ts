/** A stretch that occurs several times in a row: positions `start` to `start + period * count`. */
export interface Repeat {
  readonly start: number;
  readonly period: number;
  readonly count: number;
}

/** Longer stretches are not looked for: no network has blocks of so many nodes. */
const LONGEST_PERIOD = 3000;
/** Comparisons: in very long graphs only short stretches are looked for. */
const MOST_COMPARISONS = 60_000_000;
/** What is gained must be worth a frame. */
const FEWEST_SAVED = 4;

/**
 * The stretch of `labels` whose repetition covers the most, or null where nothing repeats. Of equal ones the shortest
 * period wins, since its count says more. Work grows with the length times the longest period.
 */
export function findRepeat(labels: readonly (string | number)[]): Repeat | null {
  let best: Repeat | null = null;
  let bestSaved = FEWEST_SAVED - 1;
  const longest = Math.min(
    LONGEST_PERIOD,
    Math.floor(labels.length / 2),
    Math.floor(MOST_COMPARISONS / Math.max(1, labels.length)),
  );
  for (let period = 1; period <= longest; period += 1) {
    let run = 0;
    for (let index = 0; index + period <= labels.length; index += 1) {
      const same = index + period < labels.length && labels[index] === labels[index + period];
      if (same) {
        run += 1;
        continue;
      }
      const count = Math.floor(run / period) + 1;
      const saved = period * (count - 1);
      if (count > 1 && saved > bestSaved) {
        best = { start: index - run, period, count };
        bestSaved = saved;
      }
      run = 0;
    }
  }
  return best;
}
