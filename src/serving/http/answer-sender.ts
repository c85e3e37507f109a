import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Admission, Call, Reply, Route, ServedNote } from '../call.ts';
import type { TraceContext } from '../watcher.ts';
import { createRefusalPace } from './refusal-pace.ts';

/** What is known of a request while it is answered. */
export interface Exchange {
  readonly call: Call;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly trace: TraceContext | null;
  readonly note: ServedNote;
  route: Route | null;
  keyName: string | null;
  bytesIn: number;
  bytesOut: number;
}

export interface AnswerSenderOptions {
  readonly admission: Admission;
  /** An answer that nobody takes. */
  readonly writeMs: number;
  readonly nowMs: () => number;
}

/** How long a client that still sends what nobody wants gets to read the answer before the connection is cut. */
const CUT_AFTER_MS = 1000;
/** A refusal costs about a tenth of a millisecond: so many take a twentieth of a processor. */
const REFUSALS = { perSecond: 500, longestMs: 2000 };
/** Shorter bodies go out in one piece with their head: a copy is cheaper than a second piece. */
const SHORT_BODY_BYTES = 16 * 1024;

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/** Writes answers. */
export class AnswerSender {
  readonly #options: AnswerSenderOptions;
  readonly #refusalWaitMs: () => number;
  /** Every connection ends with its answer, and nobody has to wait for being refused. */
  isLast = false;

  constructor(options: AnswerSenderOptions) {
    this.#options = options;
    this.#refusalWaitMs = createRefusalPace(REFUSALS, options.nowMs);
  }

  /** Sets the headers that every answer has, for a route that writes its answer itself. */
  prepare({ call, response }: Exchange): void {
    for (const [name, value] of Object.entries(this.#headersOf(call)))
      if (value !== undefined) response.setHeader(name, value);
  }

  send(exchange: Exchange, reply: Reply): void {
    const { call, request, response } = exchange;
    if (response.closed || response.headersSent) return;
    const { body } = reply;
    const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
    exchange.bytesOut = bytes;
    const headers = { ...this.#headersOf(call), ...reply.headers, 'content-length': bytes };
    // Without setHeader before it, writeHead takes them as they are.
    response.writeHead(reply.status, headers);
    if (typeof body === 'string' || bytes > SHORT_BODY_BYTES) response.end(body);
    else response.end(Buffer.from(body.buffer, body.byteOffset, bytes).toString('latin1'), 'latin1');
    if (!request.complete && hasBody(request)) this.#cutLater(request);
    if (response.writableFinished) return;
    // The kernel did not take it at once: somebody may never read it.
    const timer = setTimeout(() => response.destroy(), this.#options.writeMs);
    response.once('close', () => clearTimeout(timer));
  }

  /** Sends a reply, in its turn where it is one that turns a caller away. */
  sendInTurn(exchange: Exchange, reply: Reply): void {
    const isRefusal = reply.status === 429 || reply.status === 503;
    const waitMs = isRefusal && !this.isLast ? this.#refusalWaitMs() : 0;
    if (waitMs === 0) {
      this.send(exchange, reply);
      return;
    }
    const { request, response } = exchange;
    // What still comes of the body is dropped, not held.
    request.resume();
    const timer = setTimeout(() => this.send(exchange, reply), waitMs);
    response.once('close', () => clearTimeout(timer));
  }

  #headersOf(call: Call): OutgoingHttpHeaders {
    const headers = { ...this.#options.admission.replyHeaders(call), 'x-request-id': call.id };
    return this.isLast ? { ...headers, connection: 'close' } : headers;
  }

  /** The rest of a refused body is dropped for a moment, so that the client gets to the answer, and then cut off. */
  #cutLater(request: IncomingMessage): void {
    request.resume();
    const timer = setTimeout(() => {
      if (!request.complete) request.socket.destroy();
    }, CUT_AFTER_MS);
    // Of the request, not of its connection, which others may use after it.
    request.once('close', () => clearTimeout(timer));
  }
}
