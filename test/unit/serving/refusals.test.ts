import { Agent, createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { errorReply } from '../../../src/serving/call.ts';
import { HeldBytes } from '../../../src/serving/held-bytes.ts';
import { AnswerSender } from '../../../src/serving/http/answer-sender.ts';
import { callOf } from '../../support/serving-doubles.ts';

/** So many may leave in one moment before connections have to rest: a second of the pace, and the one after it. */
const FREE = 501;

describe('many refusals in one moment', () => {
  let server: Server;
  let sender: AnswerSender;
  let agent: Agent;
  let asked: number;

  beforeEach(async () => {
    // Of rests, which nobody has to sit out; node:http has timers of its own.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    asked = 0;
    sender = new AnswerSender({
      admission: {
        admit: () => ({ kind: 'admitted', keyName: null }),
        replyHeaders: () => ({}),
      },
      room: new HeldBytes(0),
      writeMs: 1000,
      nowMs: () => 0,
    });
    server = createServer((request, response) => {
      asked += 1;
      const exchange = {
        call: callOf(),
        request,
        response,
        trace: null,
        note: { inference: null },
        route: null,
        keyName: null,
        bytesIn: 0,
        bytesOut: 0,
        isCounted: false,
        heldBytes: 0,
        gone: null,
      };
      if (request.url === '/served') sender.send(exchange, { status: 200, headers: {}, body: '' });
      else sender.sendPaced(exchange, errorReply(503, 'too many requests wait'));
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    agent = new Agent({ keepAlive: true, maxSockets: 1 });
  });
  afterEach(async () => {
    vi.useRealTimers();
    agent.destroy();
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  });

  const ask = (path: string, through: Agent): Promise<number> =>
    new Promise((resolve, reject) => {
      const { port } = server.address() as AddressInfo;
      const request = httpRequest(
        { agent: through, port, host: '127.0.0.1', path, method: 'POST' },
        response => {
          response.resume();
          response.on('end', () => resolve(response.statusCode ?? 0));
        },
      );
      request.on('error', reject);
      request.end('{"inputs":{}}');
    });
  const useUp = async (): Promise<void> => {
    for (let count = 0; count <= FREE; count += 1) expect(await ask('/refused', agent)).toBe(503);
  };

  it('are all answered at once; the connection is not read again before it has rested', async () => {
    await useUp();
    const next = ask('/refused', agent);
    // Another connection is served meanwhile, from its first byte to the last of the answer.
    const other = new Agent();
    for (let count = 0; count < 20; count += 1) expect(await ask('/served', other)).toBe(200);
    expect(asked).toBe(FREE + 1 + 20);
    vi.advanceTimersByTime(1000);
    expect(await next).toBe(503);
  });

  it('lose nothing where the server stops while connections rest: they are read, and closed with the answer', async () => {
    await useUp();
    const next = ask('/served', agent);
    sender.endConnections();
    expect(await next).toBe(200);
  });
});
