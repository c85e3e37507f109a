import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import { messageOf } from '../../shared/errors.ts';
import {
  type Admission,
  type Call,
  errorReply,
  NO_ROOM,
  type PathParameters,
  type Reply,
  type Route,
  type ServedNote,
} from '../call.ts';
import type { HeldBytes } from '../held-bytes.ts';
import type { ServingLimits } from '../settings.ts';
import type { Watcher } from '../watcher.ts';
import { AnswerSender, type Exchange } from './answer-sender.ts';
import { readBody } from './body-reader.ts';
import { requestIdOf } from './request-id.ts';
import { createRouteTable } from './route-table.ts';

export interface FrontOptions {
  readonly limits: ServingLimits;
  /** Of bodies and of answers that nobody has taken yet, beside what streams hold of it. */
  readonly room: HeldBytes;
  readonly routes: readonly Route[];
  readonly admission: Admission;
  /** Asked before the body of an inference is read: a reply refuses it. */
  readonly overload: () => Reply | null;
  readonly watcher: Watcher;
  readonly nowMs: () => number;
  readonly newId: () => string;
  /** Of what is a bug of ours; the client gets 500 and no details. */
  readonly reportBug: (error: unknown) => void;
}

/** nginx's status for a client that closed the connection before the answer. */
const CLIENT_GONE = 499;
const CHECK_INTERVAL_MS = 1000;
const MAX_HEADER_BYTES = 32 * 1024;
const ignore = (): void => undefined;

/** Listens, finds routes, reads bodies within the limits, answers, and tells the watcher of every request. */
export class HttpFront {
  readonly #options: FrontOptions;
  readonly #server: Server;
  readonly #find: ReturnType<typeof createRouteTable>;
  readonly #room: HeldBytes;
  readonly #sender: AnswerSender;
  readonly #sockets = new Set<Socket>();
  #inFlight = 0;
  #draining = false;

  constructor(options: FrontOptions) {
    this.#options = options;
    const { limits } = options;
    this.#find = createRouteTable(options.routes);
    this.#room = options.room;
    const { admission, nowMs } = options;
    this.#sender = new AnswerSender({ admission, room: options.room, nowMs, writeMs: limits.writeMs });
    this.#server = createServer({
      // Bodies have their own time (readBody); streams take as long as they go on.
      requestTimeout: 0,
      headersTimeout: Math.min(limits.requestMs, 10_000),
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      // Of connections that vanished without a word.
      keepAlive: true,
      keepAliveInitialDelay: limits.idleMs,
    });
    this.#server.maxConnections = limits.connections;
    this.#server.on('connection', socket => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('request', (request, response) => this.#take(request, response));
    this.#server.on('checkContinue', (request, response) => {
      // Answered before the body is asked for: see #answer.
      this.#take(request, response);
    });
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      if (!socket.writable || error.code === 'ECONNRESET') {
        socket.destroy();
        return;
      }
      const status =
        error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
          ? '408 Request Timeout'
          : error.code === 'HPE_HEADER_OVERFLOW'
            ? '431 Request Header Fields Too Large'
            : '400 Bad Request';
      socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    });
  }

  get connections(): number {
    return this.#sockets.size;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** @returns where it listens. @throws of the socket: EADDRINUSE, EACCES, ... */
  listen(host: string, port: number): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, backlog: 4096 }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', error => this.#options.reportBug(error));
        resolve(this.#server.address() as AddressInfo);
      });
    });
  }

  /**
   * Takes no more connections, answers what comes on open ones for a moment yet with `Connection: close`, waits for
   * what is being answered, and then closes all.
   */
  async drain(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    this.#sender.endConnections();
    const { lingerMs, drainMs } = this.#options.limits;
    const { nowMs } = this.#options;
    const begin = nowMs();
    // Not http's own close(), which cuts idle connections at once: a request may be on its way in one of them.
    NetServer.prototype.close.call(this.#server);
    await new Promise<void>(resolve => {
      const look = setInterval(() => {
        const waited = nowMs() - begin;
        const isQuiet = this.#inFlight === 0 && (waited >= lingerMs || this.#sockets.size === 0);
        if (!isQuiet && waited < drainMs) return;
        clearInterval(look);
        resolve();
      }, 20);
    });
    this.#server.closeAllConnections();
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const { nowMs, watcher, newId } = this.#options;
    const url = request.url ?? '/';
    const mark = url.indexOf('?');
    const call: Call = {
      id: requestIdOf(request.headers['x-request-id']) ?? newId(),
      method: request.method ?? 'GET',
      path: mark < 0 ? url : url.slice(0, mark),
      query: mark < 0 ? '' : url.slice(mark + 1),
      headers: request.headers,
      clientAddress: request.socket.remoteAddress ?? '',
      startedAtMs: nowMs(),
    };
    const exchange: Exchange = {
      call,
      request,
      response,
      trace: watcher.begin(call),
      note: { inference: null },
      route: null,
      keyName: null,
      bytesIn: 0,
      bytesOut: 0,
      isCounted: false,
      heldBytes: 0,
      gone: null,
    };
    response.once('close', () => this.#closed(exchange));
    // A body that is refused goes on coming: errors of a cut connection have been dealt with.
    request.on('error', ignore);
    response.on('error', ignore);
    this.#answer(exchange).catch(error => {
      this.#options.reportBug(error);
      if (response.headersSent) response.destroy();
      else this.#sender.send(exchange, errorReply(500, 'the server failed; its log says more'));
    });
  }

  async #answer(exchange: Exchange): Promise<void> {
    const { call, request, response, note } = exchange;
    const found = this.#find(call.method, call.path);
    const route = found.kind === 'route' ? found.route : null;
    exchange.route = route;
    exchange.isCounted = route?.kind !== 'stream' || route.isAwaited === true;
    if (exchange.isCounted) this.#inFlight += 1;
    const decided = this.#options.admission.admit(call, route);
    // Most decide at once: no turn of the event loop for those.
    const decision = decided instanceof Promise ? await decided : decided;
    exchange.keyName = decision.keyName;
    if (decision.kind === 'answered') {
      this.#sender.sendPaced(exchange, decision.reply);
      return;
    }
    const { 'content-encoding': encoding = 'identity' } = request.headers;
    if (found.kind === 'none') {
      this.#sender.send(exchange, errorReply(404, 'there is nothing at this path'));
    } else if (found.kind === 'wrong-method') {
      const headers = { allow: found.allowed.join(', ') };
      this.#sender.send(exchange, errorReply(405, `use ${found.allowed.join(' or ')} here`, headers));
    } else if (encoding !== 'identity') {
      this.#sender.send(exchange, errorReply(415, `bodies with content-encoding ${encoding} are not taken`));
    } else if (found.route.kind === 'reply') {
      const reply = found.route.answer(call, found.parameters);
      this.#sender.send(exchange, reply instanceof Promise ? await reply : reply);
    } else if (found.route.kind === 'stream') {
      this.#sender.prepare(exchange);
      if (request.headers.expect !== undefined) response.writeContinue();
      const refusal = found.route.open(call, response, found.parameters);
      if (refusal !== null) this.#sender.sendPaced(exchange, refusal);
    } else {
      await this.#answerBody(exchange, found.route, found.parameters, note);
    }
  }

  async #answerBody(
    exchange: Exchange,
    route: Extract<Route, { kind: 'body' }>,
    parameters: PathParameters,
    note: ServedNote,
  ): Promise<void> {
    const { call, request, response } = exchange;
    const { bodyBytes, requestMs } = this.#options.limits;
    const refusal = route.audience === 'inference' ? this.#options.overload() : null;
    if (refusal !== null) {
      this.#sender.sendPaced(exchange, refusal);
      return;
    }
    if (request.headers.expect !== undefined && Number(request.headers['content-length'] ?? 0) <= bodyBytes)
      response.writeContinue();
    const reading = await readBody(request, bodyBytes, requestMs, this.#room);
    switch (reading.kind) {
      case 'too-large':
        this.#sender.send(exchange, errorReply(413, `a body may have ${bodyBytes} bytes`));
        return;
      case 'no-room':
        this.#sender.sendPaced(exchange, NO_ROOM);
        return;
      case 'too-slow':
        this.#sender.send(exchange, errorReply(408, `the body did not come within ${requestMs} ms`));
        return;
      case 'gone':
        return;
      case 'read': {
        exchange.bytesIn = reading.bytes;
        const { chunks, bytes } = reading;
        if (response.closed) this.#room.release(bytes);
        else exchange.heldBytes = bytes;
        const body = {
          chunks,
          bytes,
          onGone: (listener: () => void) => {
            exchange.gone = listener;
          },
        };
        const reply = route.answer(call, body, parameters, note);
        this.#sender.sendPaced(exchange, reply instanceof Promise ? await reply : reply);
      }
    }
  }

  #closed(exchange: Exchange): void {
    const { call, response, route, note, trace, keyName, bytesIn, bytesOut } = exchange;
    const { nowMs, watcher, reportBug } = this.#options;
    if (exchange.isCounted) this.#inFlight -= 1;
    this.#room.release(exchange.heldBytes);
    if (!response.writableFinished) exchange.gone?.();
    try {
      watcher.served({
        requestId: call.id,
        method: call.method,
        route: route?.path ?? null,
        status: response.writableFinished || route?.kind === 'stream' ? response.statusCode : CLIENT_GONE,
        clientAddress: call.clientAddress,
        bytesIn,
        bytesOut,
        totalMs: nowMs() - call.startedAtMs,
        inference: note.inference,
        keyName,
        trace,
      });
    } catch (error) {
      reportBug(new Error(`a watcher failed: ${messageOf(error)}`, { cause: error }));
    }
  }
}
