import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Route } from '../../../src/serving/call.ts';
import { HeldBytes } from '../../../src/serving/held-bytes.ts';
import { HttpFront } from '../../../src/serving/http/http-front.ts';
import { DEFAULT_LIMITS } from '../../../src/serving/settings.ts';

/** More than the kernel keeps for a client that does not read. */
const ANSWER_BYTES = 64 * 2 ** 20;
const LIMIT = 2 ** 20;

const predict: Route = {
  kind: 'body',
  method: 'POST',
  path: '/predict',
  audience: 'inference',
  answer: () => ({ status: 200, headers: {}, body: new Uint8Array(ANSWER_BYTES) }),
};

describe('an answer that its client does not take', () => {
  let front: HttpFront;
  let room: HeldBytes;
  let url: URL;
  let client: Socket;

  beforeEach(async () => {
    room = new HeldBytes(LIMIT);
    front = new HttpFront({
      limits: { ...DEFAULT_LIMITS, lingerMs: 0 },
      room,
      routes: [predict],
      admission: { admit: () => ({ kind: 'admitted', keyName: null }), replyHeaders: () => ({}) },
      overload: () => null,
      watcher: {
        begin: () => null,
        served: () => undefined,
        happened: () => undefined,
        close: async () => undefined,
      },
      nowMs: () => performance.now(),
      newId: () => 'request-1',
      reportBug: error => {
        throw error;
      },
    });
    const { port } = await front.listen('127.0.0.1', 0);
    url = new URL(`http://127.0.0.1:${port}/predict`);
    client = connect(port, '127.0.0.1');
    client.pause();
    client.write('POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}');
    await vi.waitUntil(() => room.held >= ANSWER_BYTES);
  });
  afterEach(async () => {
    client.destroy();
    await front.drain();
  });

  const ask = async (): Promise<number> => {
    const response = await fetch(url, { method: 'POST', body: '{}' });
    await response.arrayBuffer();
    return response.status;
  };

  it('counts as held, so that nothing more is taken, until it is', async () => {
    expect(room.held).toBe(ANSWER_BYTES + 2);
    expect(await ask()).toBe(503);
    client.resume();
    await vi.waitUntil(() => room.held === 0);
    expect(await ask()).toBe(200);
  });

  it('is given up with its connection', async () => {
    client.destroy();
    await vi.waitUntil(() => room.held === 0);
  });
});
