import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the proxy does with a request instead of handing it on. */
export type Fault =
  /** Answers by itself. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** Takes so many bytes of the body, then closes the connection. */
  | { readonly kind: 'cut-request'; readonly afterBytes: number }
  /** Hands on so many bytes of the answer, then closes the connection. */
  | { readonly kind: 'cut-answer'; readonly afterBytes: number }
  /** The request takes effect; its answer is lost. */
  | { readonly kind: 'lose-answer' }
  /** Hands the request on with another body or path, or the answer with other headers. */
  | {
      readonly kind: 'change';
      readonly body?: (bytes: Buffer) => Buffer;
      readonly answerBody?: (bytes: Buffer) => Buffer;
      readonly path?: string;
      readonly answerHeaders?: Readonly<Record<string, string | undefined>>;
    };

export interface SeenRequest {
  readonly index: number;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly sizeBytes: number;
}

export interface FaultProxy extends AsyncDisposable {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  readonly requests: readonly SeenRequest[];
}

/**
 * A proxy before a registry that hurts the requests that `faultOf` picks (they are counted from 0). Locations and
 * challenges come out as the registry wrote them, with the proxy's host in place of its own.
 */
export async function startFaultProxy(
  upstream: string,
  faultOf: (seen: SeenRequest) => Fault | null,
): Promise<FaultProxy> {
  const requests: SeenRequest[] = [];
  const read = async (
    stream: AsyncIterable<Buffer>,
    mostBytes = Number.POSITIVE_INFINITY,
  ): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    for await (const chunk of stream) {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes >= mostBytes) break;
    }
    return Buffer.concat(chunks);
  };
  const forward = (incoming: IncomingMessage, path: string, body: Buffer): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const [host, port] = upstream.split(':');
      // The registry then makes its addresses with the name of the proxy.
      const headers = { ...incoming.headers, host: self(), 'content-length': String(body.length) };
      const hasBody = incoming.method !== 'GET' && incoming.method !== 'HEAD';
      if (!hasBody) delete (headers as Record<string, unknown>)['content-length'];
      const outgoing = httpRequest({ host, port, method: incoming.method, path, headers }, resolve);
      outgoing.on('error', reject);
      outgoing.end(hasBody ? body : undefined);
    });
  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = incoming.url ?? '/';
    const { socket } = incoming;
    const seen: SeenRequest = {
      index: requests.length,
      method: incoming.method ?? '',
      path,
      headers: incoming.headers,
      sizeBytes: Number(incoming.headers['content-length'] ?? 0),
    };
    requests.push(seen);
    const fault = faultOf(seen);
    if (fault?.kind === 'cut-request') {
      if (fault.afterBytes > 0) await read(incoming, fault.afterBytes);
      socket.destroy();
      return;
    }
    const body = await read(incoming);
    if (fault?.kind === 'answer') {
      response.writeHead(fault.status, fault.headers).end(fault.body ?? '');
      return;
    }
    const change = fault?.kind === 'change' ? fault : null;
    const answer = await forward(incoming, change?.path ?? path, change?.body?.(body) ?? body);
    const received = await read(answer);
    const answered = change?.answerBody?.(received) ?? received;
    if (fault?.kind === 'lose-answer') {
      socket.destroy();
      return;
    }
    const headers: Record<string, unknown> = { ...answer.headers, ...change?.answerHeaders };
    for (const [name, value] of Object.entries(headers)) if (value === undefined) delete headers[name];
    response.writeHead(answer.statusCode ?? 500, headers as never);
    if (fault?.kind === 'cut-answer') {
      response.write(answered.subarray(0, fault.afterBytes), () => socket.destroy());
      return;
    }
    response.end(answered);
  };
  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => response.destroy());
  });
  const self = (): string => `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    host: self(),
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
