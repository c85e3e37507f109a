import { setTimeout as delay } from 'node:timers/promises';

/** What became of a request to a platform's API. Nothing is thrown for what a remote does. */
export type ApiAnswer =
  | { readonly kind: 'ok'; readonly status: number; readonly data: unknown; readonly hasNextPage: boolean }
  | ApiRefusal;

export type ApiRefusal =
  /** The server understood and refused (4xx): asking again does not help. */
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string }
  /** Network, time limit, server error, rate limit: after the retries that made sense. */
  | { readonly kind: 'failed'; readonly status: number | null; readonly reason: string };

/** How patient a client is. */
export interface Patience {
  /** For one request, body included. Default 20 s. */
  readonly timeoutMs?: number;
  readonly maxBodyBytes?: number;
  /** All waits for a retry of one request together. Default 60 s. */
  readonly maxWaitMs?: number;
  /** First wait before a retry when the server names none; doubles. Default 1 s. */
  readonly backoffMs?: number;
  readonly sleep?: (durationMs: number) => Promise<void>;
  readonly now?: () => number;
}

export const DEFAULT_PATIENCE = {
  timeoutMs: 20_000,
  maxBodyBytes: 8 * 1024 * 1024,
  maxWaitMs: 60_000,
  backoffMs: 1_000,
};

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number | undefined>>;
  readonly data: unknown;
}

export type Attempt =
  | { readonly kind: 'answer'; readonly answer: RawAnswer }
  | { readonly kind: 'broken'; readonly reason: string };

/** What one platform does differently. */
export interface Dialect {
  /** The answer asks to slow down, whatever its status. */
  readonly isRateLimit: (answer: RawAnswer) => boolean;
  /** End of the rate limit in seconds since the epoch, where the headers of such an answer name it. */
  readonly resetSeconds: (headers: RawAnswer['headers']) => number | null;
  /** What the server says went wrong, from the body of its answer. */
  readonly messageOf: (data: unknown) => string | null;
  readonly hasNextPage: (headers: RawAnswer['headers']) => boolean;
  /** Text without anything that looks like a credential: a server may quote what it was sent. */
  readonly redact: (text: string) => string;
}

const ATTEMPTS = 4;
const REASON_MAX_CHARACTERS = 200;

/** The given settings, and the defaults for those that are missing or undefined. */
export const patienceOf = (given: Patience): typeof DEFAULT_PATIENCE => ({
  timeoutMs: given.timeoutMs ?? DEFAULT_PATIENCE.timeoutMs,
  maxBodyBytes: given.maxBodyBytes ?? DEFAULT_PATIENCE.maxBodyBytes,
  maxWaitMs: given.maxWaitMs ?? DEFAULT_PATIENCE.maxWaitMs,
  backoffMs: given.backoffMs ?? DEFAULT_PATIENCE.backoffMs,
});

/**
 * Sends until there is an answer that asking again would not change. Server errors and broken connections are retried for
 * requests that may be repeated (a POST may not: what it made could be there twice); rate limits for all, after
 * `retry-after`.
 */
export async function sendPatiently(
  send: () => Promise<Attempt>,
  isRepeatable: boolean,
  dialect: Dialect,
  given: Patience,
): Promise<ApiAnswer> {
  const { backoffMs, maxWaitMs } = patienceOf(given);
  const sleep = given.sleep ?? (async (durationMs: number) => delay(durationMs));
  const now = given.now ?? Date.now;
  let waitedMs = 0;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await send();
    const facts = { isRepeatable, backoffMs: backoffMs * 2 ** (attempt - 1), nowMs: now() };
    const waitMs = retryWait(outcome, dialect, facts);
    if (waitMs === null || attempt === ATTEMPTS || waitedMs + waitMs > maxWaitMs)
      return conclude(outcome, attempt, dialect);
    await sleep(waitMs);
    waitedMs += waitMs;
  }
}

interface RetryFacts {
  readonly isRepeatable: boolean;
  readonly backoffMs: number;
  readonly nowMs: number;
}

/** How long to wait before asking again, or null where asking again makes no sense. */
function retryWait(outcome: Attempt, dialect: Dialect, facts: RetryFacts): number | null {
  if (outcome.kind === 'broken') return facts.isRepeatable ? facts.backoffMs : null;
  const { answer } = outcome;
  if (dialect.isRateLimit(answer)) {
    const seconds = numberIn(answer.headers, 'retry-after');
    if (seconds !== null && seconds >= 0) return seconds * 1000;
    const resetSeconds = dialect.resetSeconds(answer.headers);
    return resetSeconds === null ? facts.backoffMs : Math.max(0, resetSeconds * 1000 - facts.nowMs);
  }
  return answer.status >= 500 && facts.isRepeatable ? facts.backoffMs : null;
}

function conclude(outcome: Attempt, attempts: number, dialect: Dialect): ApiAnswer {
  const tries = attempts === 1 ? '' : ` after ${attempts} attempts`;
  if (outcome.kind === 'broken')
    return { kind: 'failed', status: null, reason: dialect.redact(`${outcome.reason}${tries}`) };
  const { answer } = outcome;
  const { status } = answer;
  if (status < 400)
    return { kind: 'ok', status, data: answer.data, hasNextPage: dialect.hasNextPage(answer.headers) };
  const said = dialect.messageOf(answer.data);
  // What the server says ends up in logs: one line, bounded, without control characters.
  const message =
    said === null ? '' : `: ${said.slice(0, REASON_MAX_CHARACTERS).replace(/[^\x20-\x7E]+/gu, ' ')}`;
  const reason = dialect.redact(`HTTP ${status}${message}${tries}`);
  return status >= 500 || dialect.isRateLimit(answer)
    ? { kind: 'failed', status, reason }
    : { kind: 'refused', status, reason };
}

/** The number in a header, null where it is missing or none. */
export function numberIn(headers: RawAnswer['headers'], name: string): number | null {
  const value = headers[name];
  const number = Number(value);
  return value === undefined || !Number.isFinite(number) ? null : number;
}

export const linksToNext = (headers: RawAnswer['headers']): boolean =>
  /rel="next"/u.test(String(headers['link'] ?? ''));
