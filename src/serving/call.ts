import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** A request as everybody but the socket sees it: the head, before any byte of the body was read. */
export interface Call {
  /** Of `X-Request-Id` where it is harmless, else made here; sent back in every answer. */
  readonly id: string;
  readonly method: string;
  /** Without the query; percent-encoded as it came. */
  readonly path: string;
  /** Without its question mark; empty where there is none. */
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  /** Address of the peer of the connection. */
  readonly clientAddress: string;
  /** On the monotonic clock, in milliseconds. */
  readonly startedAtMs: number;
}

/** A whole answer. `content-length`, `x-request-id` and `date` are added where it is sent. */
export interface Reply {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string | Uint8Array;
}

/** A reply that says what went wrong, as `{"error": "..."}`. */
export const errorReply = (status: number, message: string, headers: OutgoingHttpHeaders = {}): Reply => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify({ error: message }),
});

/** There is no room for what a request would hold. */
export const NO_ROOM: Reply = errorReply(503, 'the server holds as many bytes as it may', {
  'retry-after': '1',
});

export const jsonReply = (document: unknown, status = 200): Reply => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(document),
});

/**
 * Who may see a route. `open`: everybody, also without a key (health, which probes ask for). `inference`: runs a model.
 * `watching`: metrics and the live page. `reading`: everything else.
 */
export type Audience = 'open' | 'reading' | 'inference' | 'watching';

interface RouteHead {
  readonly method: 'GET' | 'POST';
  /** `/health`; a part in braces stands for one segment: `/v2/models/{name}/infer`. */
  readonly path: string;
  readonly audience: Audience;
}

/** A body that was read within the limits, in the chunks that it came in. */
export interface RequestBody {
  readonly chunks: readonly Uint8Array[];
  readonly bytes: number;
  /** Called where the client goes away before the answer. */
  onGone(listener: () => void): void;
}

/** Segments of the path that stand for a name, decoded. */
export type PathParameters = Readonly<Record<string, string>>;

/**
 * `reply`: answers from the head alone. `body`: the body is read first, within the limits. `stream`: writes the response
 * itself and as long as it likes (server-sent events), or gives a reply that refuses to begin; the connection counts as
 * idle when the server drains, unless the route asks for its end to be waited for. The request is `response.req`.
 */
export type Route =
  | (RouteHead & {
      readonly kind: 'reply';
      readonly answer: (call: Call, parameters: PathParameters) => Reply | Promise<Reply>;
    })
  | (RouteHead & {
      readonly kind: 'body';
      readonly answer: (
        call: Call,
        body: RequestBody,
        parameters: PathParameters,
        note: ServedNote,
      ) => Reply | Promise<Reply>;
    })
  | (RouteHead & {
      readonly kind: 'stream';
      readonly isAwaited?: boolean;
      readonly open: (call: Call, response: ServerResponse, parameters: PathParameters) => Reply | null;
    });

/** What the answer to a request tells of it beside the reply: goes into its `Served` record. */
export interface ServedNote {
  inference: InferenceNote | null;
}

export interface InferenceNote {
  readonly model: string;
  readonly version: string;
  /** From the last byte of the request until a worker took it. */
  readonly queueMs: number;
  /** Requests that went through the session together. */
  readonly batchSize: number;
  /** Of the session's run, shared by the whole batch. */
  readonly inferenceMs: number;
}

/** `answered`: the reply ends the matter (refusals, preflight requests). */
export type AdmissionDecision =
  | { readonly kind: 'admitted'; readonly keyName: string | null }
  | { readonly kind: 'answered'; readonly keyName: string | null; readonly reply: Reply };

/** Decides on a request before its body is read. */
export interface Admission {
  /** @param route null: no route has this path and method (preflight requests come so). */
  admit(call: Call, route: Route | null): AdmissionDecision | Promise<AdmissionDecision>;
  /** Headers that every answer to this call gets (security, CORS); those of the reply itself win. */
  replyHeaders(call: Call): OutgoingHttpHeaders;
}
