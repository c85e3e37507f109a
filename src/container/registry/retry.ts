import type { IncomingHttpHeaders } from 'node:http';
import { ConnectionFailure } from './transport.ts';

/** Time and chance, which the front door owns. */
export interface RetrySurroundings {
  readonly sleep: (durationMs: number) => Promise<void>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** How often a step is tried in all. With the waits below that is some 20 s of a registry that is down. */
export const ATTEMPTS = 6;
const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 10_000;
/** Registries that limit requests name up to a minute; a hostile one must not hold the job for a day. */
const LONGEST_RETRY_AFTER_MS = 60_000;

export const isTransientStatus = (status: number): boolean =>
  status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 505);

/** Seconds or a date (RFC 9110, 10.2.3), clamped; null where there is none. */
export function retryAfterMs(headers: IncomingHttpHeaders, now: number): number | null {
  const value = headers['retry-after'];
  if (value === undefined) return null;
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(wait) ? null : Math.min(Math.max(wait, 0), LONGEST_RETRY_AFTER_MS);
}

/** Exponential with full jitter upwards of half, so that parallel uploads do not come back together. */
export function backoffMs(attempt: number, random: () => number): number {
  const ceiling = Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS);
  return ceiling * (0.5 + random() / 2);
}

/** An answer that may be another one after a wait. */
export class TransientAnswer extends Error {
  /** What is thrown where no attempt is left. */
  readonly final: Error;
  /** As the registry asks; null: it does not say. */
  readonly waitMs: number | null;
  constructor(final: Error, waitMs: number | null) {
    super(final.message);
    this.name = 'TransientAnswer';
    this.final = final;
    this.waitMs = waitMs;
  }
}

/**
 * Runs a step until it succeeds, fails for good, or was tried ATTEMPTS times; then the last failure is thrown.
 * ConnectionFailures that do not last and TransientAnswers are tried again.
 */
export async function withRetries<T>(
  step: () => Promise<T>,
  { sleep, random }: RetrySurroundings,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await step();
    } catch (error) {
      const transient = error instanceof TransientAnswer;
      const again = transient || (error instanceof ConnectionFailure && !error.lasting);
      if (!again) throw error;
      if (attempt === ATTEMPTS) throw transient ? error.final : error;
      await sleep((transient ? error.waitMs : null) ?? backoffMs(attempt, random));
    }
  }
}
