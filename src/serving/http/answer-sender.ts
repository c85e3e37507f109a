import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Admission, Call, Reply, Route, ServedNote } from '../call.ts';
import type { HeldBytes } from '../held-bytes.ts';
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
  /** Among the requests that are waited for before the server ends. */
  isCounted: boolean;
  /** Of the body, and of an answer that is not taken at once, against what the server may hold. */
  heldBytes: number;
  /** Told where the client goes away before the answer. */
  gone: (() => void) | null;
}

export interface AnswerSenderOptions {
  readonly admission: Admission;
  /** Where answers are counted that are not taken at once, until the exchange is over. */
  readonly room: HeldBytes;
  /** An answer that nobody takes. */
  readonly writeMs: number;
  readonly nowMs: () => number;
}

/** How long a client that still sends what nobody wants gets to read the answer before the connection is cut. */
const CUT_AFTER_MS = 1000;
/**
 * A refusal costs about a tenth of a millisecond: so many take a twentieth of a processor. The longest rest is the
 * shortest Retry-After that is ever sent: who keeps to it does not notice.
 */
const REFUSALS = { perSecond: 500, longestMs: 1000 };
/** Shorter bodies go out in one piece with their head: a copy is cheaper than a second piece. */
const SHORT_BODY_BYTES = 16 * 1024;

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/** Writes answers. */
export class AnswerSender {
  readonly #options: AnswerSenderOptions;
  readonly #refusalRestMs: () => number;
  /** What ends the rest of each connection that is not read now. */
  readonly #resting = new Map<Socket, () => void>();
  #isLast = false;

  constructor(options: AnswerSenderOptions) {
    this.#options = options;
    this.#refusalRestMs = createRefusalPace(REFUSALS, options.nowMs);
  }

  /** From now on every connection ends with its answer. Those that rest are read: a request may be on its way there. */
  endConnections(): void {
    this.#isLast = true;
    for (const wake of [...this.#resting.values()]) wake();
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
    exchange.heldBytes += bytes;
    this.#options.room.add(bytes);
    const timer = setTimeout(() => response.destroy(), this.#options.writeMs);
    response.once('close', () => clearTimeout(timer));
  }

  /**
   * Sends a reply. Where it is one that turns a caller away, of too many at a time, the connection then rests: what
   * comes next on it stays with the kernel of either side, and costs nothing here.
   */
  sendPaced(exchange: Exchange, reply: Reply): void {
    this.send(exchange, reply);
    if (reply.status !== 429 && reply.status !== 503) return;
    const restMs = this.#refusalRestMs();
    if (restMs === 0) return;
    const { request, response } = exchange;
    // After the ticks in which node itself reads on at the end of a request, and before anything more is read: with
    // thousands of connections, setImmediate comes after dozens of rounds of reading.
    const rest = (): void =>
      process.nextTick(() => process.nextTick(() => this.#rest(request.socket, restMs)));
    response.once('close', () => {
      // A client that is still sending has to get to the answer.
      if (request.complete) rest();
      else request.once('end', rest);
    });
  }

  #rest(socket: Socket, restMs: number): void {
    if (socket.destroyed || this.#isLast || this.#resting.has(socket)) return;
    socket.pause();
    const end = (): void => {
      clearTimeout(timer);
      socket.off('close', end);
      this.#resting.delete(socket);
      socket.resume();
    };
    const timer = setTimeout(end, restMs);
    socket.once('close', end);
    this.#resting.set(socket, end);
  }

  #headersOf(call: Call): OutgoingHttpHeaders {
    const headers = { ...this.#options.admission.replyHeaders(call), 'x-request-id': call.id };
    return this.#isLast ? { ...headers, connection: 'close' } : headers;
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
