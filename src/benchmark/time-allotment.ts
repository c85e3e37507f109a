/** Hands out the time of a whole check, model by model. */
export interface TimeAllotment {
  /** Milliseconds for the next model, of at most `ownMs`, its own budget. */
  next(ownMs: number): number;
  /** Milliseconds that are left of the whole; null: it has no limit of its own. */
  leftMs(): number | null;
}

/**
 * Divides the time of a check over the models that will be measured, by their own budgets. What a model leaves goes to
 * those after it, so that time is spent where there is doubt: a clear model is decided after the fewest launches.
 * @param totalMs of the whole check; null: only each model's own budget counts.
 * @param budgetsMs the own budgets of the models that will be measured.
 * @param now monotonic clock, milliseconds.
 */
export function allotTime(
  totalMs: number | null,
  budgetsMs: readonly number[],
  now: () => number,
): TimeAllotment {
  if (totalMs === null) return { next: ownMs => ownMs, leftMs: () => null };
  const start = now();
  let waitingMs = budgetsMs.reduce((sum, each) => sum + each, 0);
  const leftMs = (): number => Math.max(0, totalMs - (now() - start));
  return {
    next: ownMs => {
      const share = waitingMs <= ownMs ? leftMs() : (leftMs() * ownMs) / waitingMs;
      waitingMs = Math.max(0, waitingMs - ownMs);
      return Math.min(ownMs, share);
    },
    leftMs,
  };
}
