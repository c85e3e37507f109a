import { type Authorization, createAuthorization } from './authorization.ts';
import type { FindCredentials } from './credentials.ts';
import { answerError, parseErrorBody, unreachableError } from './failure.ts';
import { apiHostOf } from './reference.ts';
import {
  isTransientStatus,
  type RetrySurroundings,
  retryAfterMs,
  TransientAnswer,
  withRetries,
} from './retry.ts';
import {
  ConnectionFailure,
  createTransport,
  type RequestBody,
  readAtMost,
  type Transport,
  type WireAnswer,
  type WireRequest,
} from './transport.ts';

/** A request to a registry, in terms of its API. */
export interface ApiRequest {
  readonly method: WireRequest['method'];
  /** Below `/v2/`, or where the registry said that an upload goes on. */
  readonly to: string | URL;
  readonly scopes: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  /** Statuses that are no failure; their bodies are the caller's to read or dump. */
  readonly accept: readonly number[];
  /** What is being done, for messages: `push the manifest of acme/digits:1.0.0`. */
  readonly action: string;
  /** One attempt only: who calls begins something anew after a failure. Transient failures come as they are. */
  readonly once?: boolean;
}

/** The API of one registry: its address, authentication and patience. */
export interface Endpoint {
  readonly registry: string;
  /** @throws QuickServeError CONTAINER_REGISTRY_*; with `once` also ConnectionFailure and TransientAnswer. */
  call(request: ApiRequest): Promise<WireAnswer>;
  /** Runs steps that were called with `once` again where that may help. @throws QuickServeError. */
  persist<T>(action: string, step: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface EndpointOptions extends RetrySurroundings {
  readonly registry: string;
  /** Plain HTTP, and certificates that nobody vouches for, are all right here. */
  readonly insecure: boolean;
  readonly certificates: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly find: FindCredentials;
  readonly userAgent: string;
}

/** Error codes of an upload that has to begin anew; `DIGEST_INVALID`: the bytes were damaged on their way. */
const BEGIN_ANEW = ['DIGEST_INVALID', 'BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID'];
const LARGEST_ERROR_BYTES = 64 * 1024;
/** The first 401 asks for a scheme, the second may refuse a token that has just expired. */
const MOST_CHALLENGES = 3;

interface Opened {
  readonly base: URL;
  readonly authorization: Authorization;
}

/** The address of the API: https, or http where it was asked for and https is not spoken. */
async function probe(
  options: EndpointOptions,
  transport: Transport,
): Promise<{ base: URL; answer: WireAnswer }> {
  const host = apiHostOf(options.registry);
  const send = (base: URL): Promise<WireAnswer> =>
    transport.send({ method: 'GET', url: new URL('/v2/', base) });
  const secure = new URL(`https://${host}`);
  try {
    return { base: secure, answer: await send(secure) };
  } catch (error) {
    const mayBePlain = options.insecure && error instanceof ConnectionFailure;
    if (!mayBePlain) throw error;
    const plain = new URL(`http://${host}`);
    return { base: plain, answer: await send(plain) };
  }
}

export function openEndpoint(options: EndpointOptions): Endpoint {
  const { registry, insecure, find, now } = options;
  const transport = createTransport({
    certificates: options.certificates,
    trustedHost: insecure ? new URL(`https://${apiHostOf(registry)}`).hostname : null,
    environment: options.environment,
    userAgent: options.userAgent,
  });
  let opened: Promise<Opened> | null = null;

  const failed = (error: unknown, action: string): unknown =>
    error instanceof ConnectionFailure
      ? unreachableError(action, new URL(`https://${apiHostOf(registry)}`), error.message, error)
      : error;

  const open = async (repository: string): Promise<Opened> => {
    const { base, answer } = await withRetries(() => probe(options, transport), options);
    const authorization = createAuthorization({
      ...options,
      transport,
      origin: base,
      mayBePlain: insecure,
      find: () => find(registry, repository),
    });
    await answer.body.dump();
    if (answer.status === 401) await authorization.challenge(answer, null, []);
    return { base, authorization };
  };

  /** The error that an answer stands for; a TransientAnswer where another attempt may help. */
  const unexpected = async (
    answer: WireAnswer,
    { method, action }: ApiRequest,
    authorization: Authorization,
  ): Promise<Error> => {
    const { status, url, headers } = answer;
    const text = (await readAtMost(answer.body, LARGEST_ERROR_BYTES)).toString('utf8');
    const entries = parseErrorBody(text, authorization.secrets());
    const failure = answerError({
      method,
      url,
      status,
      entries,
      action,
      authenticated: authorization.authenticated(),
    });
    const transient = isTransientStatus(status) || entries.some(({ code }) => BEGIN_ANEW.includes(code));
    return transient ? new TransientAnswer(failure, retryAfterMs(headers, now())) : failure;
  };

  const attempt = async (request: ApiRequest, { base, authorization }: Opened): Promise<WireAnswer> => {
    const url = request.to instanceof URL ? request.to : new URL(`/v2/${request.to}`, base);
    // Uploads may go on at another host, which then has its own secret in the address and none of ours in a header.
    const isOurs = url.origin === base.origin;
    for (let challenges = 0; ; challenges++) {
      const header = isOurs ? await authorization.header(request.scopes) : null;
      const answer = await transport.send({
        method: request.method,
        url,
        ...(request.headers === undefined ? {} : { headers: request.headers }),
        ...(request.body === undefined ? {} : { body: request.body }),
        authorization: header,
      });
      if (request.accept.includes(answer.status)) return answer;
      const mayRepeat = isOurs && answer.url.origin === base.origin && challenges < MOST_CHALLENGES;
      if (
        answer.status === 401 &&
        mayRepeat &&
        (await authorization.challenge(answer, header, request.scopes))
      ) {
        await answer.body.dump();
        continue;
      }
      throw await unexpected(answer, request, authorization);
    }
  };

  const repositoryOf = (request: ApiRequest): string =>
    request.scopes[0]?.replace(/^repository:/, '').replace(/:[^:]*$/, '') ?? '';

  const ready = (request: ApiRequest): Promise<Opened> => {
    opened ??= open(repositoryOf(request)).catch(error => {
      opened = null;
      throw error;
    });
    return opened;
  };

  return {
    registry,
    async call(request) {
      const once = async (): Promise<WireAnswer> => attempt(request, await ready(request));
      if (request.once === true) return once();
      try {
        return await withRetries(once, options);
      } catch (error) {
        throw failed(error, request.action);
      }
    },
    async persist(action, step) {
      try {
        return await withRetries(step, options);
      } catch (error) {
        throw failed(error, action);
      }
    },
    close: () => transport.close(),
  };
}
