import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { breakAnswer, type Fault } from './http-faults.ts';

export interface ReceivedMessage {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** A receiver of webhooks on loopback: keeps what it is sent and answers as Slack does, with `ok`. */
export class WebhookServer implements AsyncDisposable {
  readonly received: ReceivedMessage[] = [];
  readonly #faults: Fault[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const fault = this.#faults.shift();
        const isKept = fault === undefined || fault.afterEffect === true;
        const body = Buffer.concat(chunks).toString('utf8');
        if (isKept) this.received.push({ path: request.url ?? '', headers: request.headers, body });
        if (fault !== undefined) return breakAnswer(response, fault, null);
        response.writeHead(200, { 'content-type': 'text/plain' });
        response.end('ok');
      });
    });
  }

  static async start(): Promise<WebhookServer> {
    const server = new WebhookServer();
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  urlOf(path: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  /** The next `times` messages go wrong. */
  fail(fault: Fault, times = 1): void {
    for (let count = 0; count < times; count += 1) this.#faults.push(fault);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
