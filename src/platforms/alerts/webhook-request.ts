import { openDispatcher } from '../../network/dispatcher.ts';
import { fetch } from '../../network/fetch.ts';
import { type Environment, networkSettings } from '../../network/settings.ts';
import { type Attempt, type Dialect, type Patience, patienceOf, sendPatiently } from '../api-answer.ts';
import { boundedFetch, type Fetch, TransportFailure } from '../bounded-fetch.ts';

/** Answers of webhooks are a word or two. */
const ANSWER_MAX_BYTES = 64 * 1024;
const ANSWER_MAX_CHARACTERS = 120;

export interface WebhookRequest {
  /** A secret itself: whoever has it can post. */
  readonly url: string;
  readonly body: string;
  /** Made anew for every attempt: signatures have a time. */
  readonly headers: () => Readonly<Record<string, string>>;
  /** The receiver drops what it saw before, so that a lost answer may be asked for again. */
  readonly isRepeatable: boolean;
  readonly userAgent: string;
  /** Says how to reach others, see networkSettings. */
  readonly environment: Environment;
}

export type WebhookOutcome =
  | { readonly kind: 'arrived' }
  | { readonly kind: 'failed'; readonly reason: string };

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/u.test(host);

/**
 * Why an address cannot be used, without a part of it; null where it can. The address of a chat's webhook lets anybody
 * post who reads it on its way: it goes over TLS only.
 */
export function addressProblem(text: string, mayBePlain: boolean): string | null {
  if (!URL.canParse(text)) return 'does not hold an address';
  const { protocol, hostname } = new URL(text);
  if (protocol === 'https:' || (protocol === 'http:' && (mayBePlain || isLoopback(hostname)))) return null;
  return protocol === 'http:'
    ? 'holds an address without TLS (http:)'
    : 'holds something else than an https address';
}

/**
 * Posts JSON through the proxy of the environment, bounded in time and size, with retries where they make sense.
 * Redirects are not followed. Never throws for what the other side does; it may quote what it was sent: mask it.
 */
export async function postWebhook(request: WebhookRequest, patience: Patience): Promise<WebhookOutcome> {
  const { url } = request;
  const dispatcher = openDispatcher(networkSettings(request.environment));
  const direct = ((input, init) =>
    fetch(input, { ...(init as object), dispatcher, redirect: 'manual' })) as Fetch;
  const bounded = boundedFetch(direct, { ...patienceOf(patience), maxBodyBytes: ANSWER_MAX_BYTES });
  const send = async (): Promise<Attempt> => {
    try {
      const answer = await bounded(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'user-agent': request.userAgent,
          ...request.headers(),
        },
        body: request.body,
      });
      return {
        kind: 'answer',
        answer: {
          status: answer.status,
          headers: Object.fromEntries(answer.headers),
          data: await answer.text(),
        },
      };
    } catch (thrown) {
      return {
        kind: 'broken',
        reason: thrown instanceof TransportFailure ? thrown.reason : 'the request could not be made',
      };
    }
  };
  const dialect: Dialect = {
    isRateLimit: ({ status }) => status === 429,
    resetSeconds: () => null,
    messageOf: data =>
      typeof data === 'string' && data !== '' ? data.slice(0, ANSWER_MAX_CHARACTERS) : null,
    hasNextPage: () => false,
    redact: text => text.replaceAll(url, '***'),
  };
  const outcome = await sendPatiently(send, request.isRepeatable, dialect, patience);
  await dispatcher.close();
  if (outcome.kind !== 'ok') return { kind: 'failed', reason: outcome.reason };
  return outcome.status < 300
    ? { kind: 'arrived' }
    : { kind: 'failed', reason: `HTTP ${outcome.status}: redirects are not followed` };
}
