import { setTimeout as delay } from 'node:timers/promises';
import { stringAt } from '../json-values.ts';
import { boundedFetch, type Fetch, TransportFailure } from './bounded-fetch.ts';

export interface GitHubClientOptions {
  /** Not empty. */
  readonly token: string;
  /** `https://api.github.com`, or `https://HOST/api/v3` of an Enterprise Server (GITHUB_API_URL). */
  readonly apiUrl: string;
  readonly owner: string;
  readonly repo: string;
  readonly userAgent: string;
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

/** What became of a request. Nothing is thrown for what a remote does. */
export type GitHubAnswer =
  | { readonly kind: 'ok'; readonly status: number; readonly data: unknown; readonly hasNextPage: boolean }
  /** The server understood and refused (4xx): asking again does not help. */
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string }
  /** Network, time limit, server error, rate limit: after the retries that made sense. */
  | { readonly kind: 'failed'; readonly status: number | null; readonly reason: string };

export interface GitHubClient {
  readonly owner: string;
  readonly repo: string;
  /** `route` as GitHub documents it (`GET /repos/{owner}/{repo}/pulls/{pull_number}`); owner and repo are filled in. */
  request(route: string, parameters?: Readonly<Record<string, unknown>>): Promise<GitHubAnswer>;
}

const ATTEMPTS = 4;
const DEFAULTS = { timeoutMs: 20_000, maxBodyBytes: 8 * 1024 * 1024, maxWaitMs: 60_000, backoffMs: 1_000 };
const REASON_MAX_CHARACTERS = 200;

interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number | undefined>>;
  readonly data: unknown;
}

type Attempt =
  | { readonly kind: 'answer'; readonly answer: RawAnswer }
  | { readonly kind: 'broken'; readonly reason: string };

/**
 * A client for one repository of GitHub or a GitHub Enterprise Server. Loads the toolkit when it is made, not before.
 * Server errors and broken connections are retried for methods that may be repeated (not POST: the comment could be there
 * twice); rate limits for all, after `retry-after`. No answer and no error carries the token.
 */
export async function createGitHubClient(options: GitHubClientOptions): Promise<GitHubClient> {
  const { GitHub, defaults, getOctokitOptions } = await import('@actions/github/lib/utils');
  // A secret that was pasted with a line break would make an invalid header.
  const token = options.token.trim();
  const settings = { ...DEFAULTS, ...withoutUndefined(options) };
  const proxied = defaults.request?.fetch as Fetch | undefined;
  const silent = (): void => {};
  const octokit = new GitHub(
    getOctokitOptions(token, {
      baseUrl: options.apiUrl.replace(/\/+$/u, ''),
      userAgent: options.userAgent,
      log: { debug: silent, info: silent, warn: silent, error: silent },
    }),
  );
  const send = async (route: string, parameters: Readonly<Record<string, unknown>>): Promise<Attempt> => {
    let transport: string | null = null;
    const bounded = boundedFetch(proxied ?? globalThis.fetch, settings);
    const watched: Fetch = async (input, init) => {
      try {
        return await bounded(input, init);
      } catch (thrown) {
        transport = thrown instanceof TransportFailure ? thrown.reason : 'the connection failed';
        throw thrown;
      }
    };
    try {
      const answer = await octokit.request(route, {
        owner: options.owner,
        repo: options.repo,
        ...parameters,
        request: { fetch: watched },
      });
      return {
        kind: 'answer',
        answer: { status: answer.status, headers: answer.headers, data: answer.data },
      };
    } catch (thrown) {
      return transport === null ? readThrown(thrown) : { kind: 'broken', reason: transport };
    }
  };
  const sleep = options.sleep ?? (async (durationMs: number) => delay(durationMs));
  const now = options.now ?? Date.now;
  // A server may quote what it was sent; another's token looks like one too.
  const redact = (text: string): string =>
    text.replaceAll(token, '***').replace(/\b(?:gh[oprsu]_|github_pat_)\w{8,}/gu, '***');
  return {
    owner: options.owner,
    repo: options.repo,
    async request(route, parameters = {}) {
      const isRepeatable = !route.startsWith('POST ');
      let waitedMs = 0;
      for (let attempt = 1; ; attempt += 1) {
        const outcome = await send(route, parameters);
        const waitMs = retryWait(outcome, {
          attempt,
          isRepeatable,
          backoffMs: settings.backoffMs,
          nowMs: now(),
        });
        if (waitMs === null || attempt === ATTEMPTS || waitedMs + waitMs > settings.maxWaitMs) {
          return conclude(outcome, attempt, redact);
        }
        await sleep(waitMs);
        waitedMs += waitMs;
      }
    },
  };
}

function withoutUndefined(options: GitHubClientOptions): Partial<typeof DEFAULTS> {
  return Object.fromEntries(
    Object.keys(DEFAULTS).flatMap(key => {
      const value = options[key as keyof typeof DEFAULTS];
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

/** Octokit throws for every status from 400 up; the answer hangs on the error. */
function readThrown(thrown: unknown): Attempt {
  if (!(thrown instanceof Error) || !('response' in thrown))
    return { kind: 'broken', reason: 'the request could not be made' };
  const response = thrown.response;
  if (
    typeof response !== 'object' ||
    response === null ||
    !('status' in response) ||
    !('headers' in response)
  ) {
    return { kind: 'broken', reason: 'the request could not be made' };
  }
  const data = 'data' in response ? response.data : null;
  return {
    kind: 'answer',
    answer: { status: Number(response.status), headers: response.headers as RawAnswer['headers'], data },
  };
}

function isRateLimit({ status, headers, data }: RawAnswer): boolean {
  if (status === 429) return true;
  if (status !== 403) return false;
  const message = stringAt(data, 'message') ?? '';
  return (
    headers['retry-after'] !== undefined ||
    headers['x-ratelimit-remaining'] === '0' ||
    /rate limit/iu.test(message)
  );
}

interface RetryFacts {
  readonly attempt: number;
  readonly isRepeatable: boolean;
  readonly backoffMs: number;
  readonly nowMs: number;
}

/** How long to wait before asking again, or null where asking again makes no sense. */
function retryWait(outcome: Attempt, facts: RetryFacts): number | null {
  const backoff = facts.backoffMs * 2 ** (facts.attempt - 1);
  if (outcome.kind === 'broken') return facts.isRepeatable ? backoff : null;
  const { answer } = outcome;
  if (isRateLimit(answer)) {
    const seconds = Number(answer.headers['retry-after']);
    if (answer.headers['retry-after'] !== undefined && Number.isFinite(seconds) && seconds >= 0)
      return seconds * 1000;
    const reset = Number(answer.headers['x-ratelimit-reset']);
    if (answer.headers['x-ratelimit-remaining'] === '0' && Number.isFinite(reset))
      return Math.max(0, reset * 1000 - facts.nowMs);
    return backoff;
  }
  return answer.status >= 500 && facts.isRepeatable ? backoff : null;
}

function conclude(outcome: Attempt, attempts: number, redact: (text: string) => string): GitHubAnswer {
  const tries = attempts === 1 ? '' : ` after ${attempts} attempts`;
  if (outcome.kind === 'broken')
    return { kind: 'failed', status: null, reason: redact(`${outcome.reason}${tries}`) };
  const { answer } = outcome;
  const { status } = answer;
  if (status < 400)
    return {
      kind: 'ok',
      status,
      data: answer.data,
      hasNextPage: /rel="next"/u.test(String(answer.headers['link'] ?? '')),
    };
  const said = stringAt(answer.data, 'message');
  // What the server says ends up in logs: one line, bounded, without control characters.
  const message =
    said === null ? '' : `: ${said.slice(0, REASON_MAX_CHARACTERS).replace(/[^\x20-\x7E]+/gu, ' ')}`;
  const reason = redact(`HTTP ${status}${message}${tries}`);
  return status >= 500 || isRateLimit(answer)
    ? { kind: 'failed', status, reason }
    : { kind: 'refused', status, reason };
}
