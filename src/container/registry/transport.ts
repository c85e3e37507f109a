import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { type Dispatcher, openDispatcher, request } from '../../network/dispatcher.ts';
import { networkSettings } from '../../network/settings.ts';
import { messageOf, QuickServeError, systemCodeOf } from '../../shared/errors.ts';

/** Bytes to send: whole, or made anew for every attempt. */
export type RequestBody =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'stream'; readonly sizeBytes: number; readonly open: () => AsyncIterable<Uint8Array> };

export interface WireRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent to the origin of `url` only, never along a redirect to another. */
  readonly authorization?: string | null;
  readonly body?: RequestBody;
}

/** An answer whose body is still to be read, or dumped. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Where it came from, after redirects. */
  readonly url: URL;
  readonly body: Dispatcher.ResponseData['body'];
}

/** No answer came, or none that can be followed; another attempt may have more luck unless `lasting`. */
export class ConnectionFailure extends Error {
  readonly lasting: boolean;
  constructor(reason: string, lasting: boolean, cause?: unknown) {
    super(reason, { cause });
    this.name = 'ConnectionFailure';
    this.lasting = lasting;
  }
}

export interface TransportOptions {
  /** Certificates (PEM) to trust besides the usual ones. */
  readonly certificates: readonly string[];
  /** Host name whose certificate may be any; those that it redirects to, and its token server, must prove themselves. */
  readonly trustedHost: string | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly userAgent: string;
  /** How long an answer may take to begin. Default: a minute. */
  readonly answerTimeoutMs?: number;
}

export interface Transport {
  /** One attempt. @throws ConnectionFailure. */
  send(request: WireRequest): Promise<WireAnswer>;
  close(): Promise<void>;
}

const MOST_REDIRECTS = 5;
const ANSWER_TIMEOUT_MS = 60_000;
/** A registry may hash many gigabytes again before it answers the last request of an upload. */
const UPLOAD_ANSWER_TIMEOUT_MS = 600_000;

/** Failures that no further attempt mends: names, certificates, and peers that do not speak TLS. */
const LASTING =
  /ENOTFOUND|CERT|SELF_SIGNED|ALTNAME|UNABLE_TO_|ISSUER|EPROTO|ERR_SSL|ERR_TLS|wrong version number/i;

function createDispatcher({ environment, certificates }: TransportOptions, trustAny: boolean): Dispatcher {
  const network = networkSettings(environment);
  return openDispatcher(
    { ...network, certificates: [...network.certificates, ...certificates] },
    { keepAliveMs: 10_000, trustAny },
  );
}

function isRedirect(method: WireRequest['method'], status: number): boolean {
  const reading = method === 'GET' || method === 'HEAD';
  return (
    status === 307 || status === 308 || (reading && (status === 301 || status === 302 || status === 303))
  );
}

function reasonOf(error: unknown): string {
  const text = messageOf(error);
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const code = systemCodeOf(cause);
    // OpenSSL's own texts name source files; the code says it.
    if (code !== undefined)
      return code === 'ERR_SSL_WRONG_VERSION_NUMBER' ? 'EPROTO: wrong version number' : code;
  }
  return text;
}

/**
 * HTTP to one registry and wherever it redirects. Redirects are followed by hand: Authorization stays with the origin it
 * was given for, https never becomes http.
 */
export function createTransport(options: TransportOptions): Transport {
  const strict = createDispatcher(options, false);
  const trusting = options.trustedHost === null ? strict : createDispatcher(options, true);
  const answerTimeoutMs = options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS;

  const attempt = async (wanted: WireRequest, url: URL): Promise<Dispatcher.ResponseData> => {
    const { method, authorization, body } = wanted;
    const mayAuthorize = url.origin === wanted.url.origin;
    const headers = {
      'user-agent': options.userAgent,
      ...wanted.headers,
      ...(mayAuthorize && authorization ? { authorization } : {}),
      ...(body?.kind === 'stream' ? { 'content-length': String(body.sizeBytes) } : {}),
    };
    // Over connecting too: a peer that closes every connection at once would be tried for ever.
    const patience = new AbortController();
    const stalled = new Error(`no answer within ${answerTimeoutMs / 1000} s`);
    const timer = body === undefined ? setTimeout(() => patience.abort(stalled), answerTimeoutMs) : null;
    try {
      return await request(url, {
        method,
        dispatcher: url.hostname === options.trustedHost ? trusting : strict,
        signal: patience.signal,
        headers,
        headersTimeout: body === undefined ? answerTimeoutMs : UPLOAD_ANSWER_TIMEOUT_MS,
        body:
          body === undefined
            ? null
            : body.kind === 'bytes'
              ? body.bytes
              : Readable.from(body.open(), { objectMode: false }),
      });
    } catch (error) {
      // What was wrong with the bytes to send, not with the way.
      if (error instanceof QuickServeError) throw error;
      const reason = reasonOf(error);
      throw new ConnectionFailure(reason, LASTING.test(reason), error);
    } finally {
      if (timer !== null) clearTimeout(timer);
    }
  };

  return {
    async send(wanted) {
      let url = wanted.url;
      for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
        const answer = await attempt(wanted, url);
        const location = answer.headers['location'];
        if (!isRedirect(wanted.method, answer.statusCode) || typeof location !== 'string') {
          return { status: answer.statusCode, headers: answer.headers, url, body: answer.body };
        }
        await answer.body.dump();
        const next = URL.canParse(location, url.href) ? new URL(location, url) : null;
        if (next === null || !/^https?:$/.test(next.protocol)) {
          throw new ConnectionFailure('it redirects to what is no address', true);
        }
        if (url.protocol === 'https:' && next.protocol === 'http:') {
          throw new ConnectionFailure(`it redirects from https to ${next.origin}`, true);
        }
        url = next;
      }
      throw new ConnectionFailure('it redirects without end', true);
    },
    async close() {
      await Promise.all([strict, trusting].map(dispatcher => dispatcher.destroy()));
    },
  };
}

/** Reads at most so many bytes of an answer; the rest is thrown away with the connection. */
export async function readAtMost(body: WireAnswer['body'], mostBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of body) {
      const bytes = Buffer.from(chunk);
      chunks.push(bytes);
      sizeBytes += bytes.length;
      if (sizeBytes > mostBytes) break;
    }
  } catch (error) {
    const reason = reasonOf(error);
    throw new ConnectionFailure(`the answer was cut off: ${reason}`, false, error);
  }
  return Buffer.concat(chunks).subarray(0, mostBytes);
}
