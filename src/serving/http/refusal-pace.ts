/**
 * Who is refused asks again, many at once and without a pause: reading each in its moment would take the time from the
 * requests that are served. A refusal itself leaves at once; beyond a rate, the connection that got it is read again
 * only after a rest, and no later than a limit.
 */
export interface RefusalPace {
  readonly perSecond: number;
  readonly longestMs: number;
}

/** So that the timers of thousands are of few lengths, each of which is one list. */
const STEP_MS = 25;

/** @returns how long the connection of a refusal that is made now has to rest, in milliseconds; 0: not at all. */
export function createRefusalPace({ perSecond, longestMs }: RefusalPace, nowMs: () => number): () => number {
  const eachMs = 1000 / perSecond;
  let nextMs = Number.NEGATIVE_INFINITY;
  return () => {
    const now = nowMs();
    // A second's worth may leave in one moment where there was none before.
    nextMs = Math.min(Math.max(nextMs + eachMs, now - 1000), now + longestMs);
    return Math.ceil(Math.max(0, nextMs - now) / STEP_MS) * STEP_MS;
  };
}
