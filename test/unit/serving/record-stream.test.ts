import type { ServerResponse } from 'node:http';
import { Readable, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Reply } from '../../../src/serving/call.ts';
import type { JobOutcome, JobRequest } from '../../../src/serving/engine/job.ts';
import { HeldBytes } from '../../../src/serving/held-bytes.ts';
import type { InferenceAccess } from '../../../src/serving/interfaces/inference-replies.ts';
import { recordStreamRoute } from '../../../src/serving/interfaces/record-stream.ts';
import { DEFAULT_LIMITS, type ServingLimits } from '../../../src/serving/settings.ts';
import { callOf } from '../../support/serving-doubles.ts';

type Answer = (request: JobRequest) => JobOutcome;

const echo: Answer = ({ body }) => ({
  kind: 'done',
  result: {
    status: 200,
    headerBytes: null,
    body: Buffer.from(`{"outputs":{"y":${Buffer.concat(body).toString()}}}`),
    queueMs: 0,
    batchSize: 1,
    inferenceMs: 0,
  },
});

const accessTo = (answer: Answer): InferenceAccess =>
  ({
    engine: {
      hold: () => () => undefined,
      submit: (_name: string, _version: string, request: JobRequest) => ({
        outcome: new Promise(resolve => setImmediate(() => resolve(answer(request)))),
        abandon: () => undefined,
      }),
    },
    chooser: { choose: () => ({ kind: 'model', model: { name: 'm', version: '1' }, mirror: null }) },
    split: null,
  }) as unknown as InferenceAccess;

/** Opens the route on a request. @returns a reply where it refuses, else null: it writes into the sink */
function open(
  source: Iterable<Buffer> | AsyncIterable<Buffer>,
  answer: Answer,
  sink: Writable,
  limits: Partial<ServingLimits> = {},
  room = new HeldBytes(DEFAULT_LIMITS.heldBytes),
): Reply | null {
  const route = recordStreamRoute(accessTo(answer), { ...DEFAULT_LIMITS, ...limits }, room);
  if (route.kind !== 'stream') throw new Error('it is a stream');
  const request = Object.assign(Readable.from(source, { highWaterMark: 1 }), {
    socket: { destroy: () => sink.destroy() },
  });
  const response = Object.assign(sink, { req: request, writeHead: () => response });
  const call = callOf({ 'content-type': 'application/x-ndjson' });
  return route.open(call, response as unknown as ServerResponse, {});
}

/** Takes everything. @returns the lines, when all are there */
function openAndCollect(
  source: Iterable<Buffer> | AsyncIterable<Buffer>,
  answer: Answer,
  limits: Partial<ServingLimits> = {},
  room?: HeldBytes,
): Promise<readonly unknown[]> {
  const pieces: Buffer[] = [];
  return new Promise((resolve, reject) => {
    const sink = new Writable({
      write: (piece, _encoding, done) => {
        pieces.push(piece as Buffer);
        done();
      },
      final: done => {
        done();
        const lines = Buffer.concat(pieces).toString().trim().split('\n');
        resolve(lines.map(line => JSON.parse(line) as unknown));
      },
    });
    const refusal = open(source, answer, sink, limits, room);
    if (refusal !== null) reject(new Error(String(refusal.body)));
  });
}

const linesOf = (
  text: string,
  answer: Answer,
  limits: Partial<ServingLimits> = {},
): Promise<readonly unknown[]> => openAndCollect([Buffer.from(text)], answer, limits);

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise(resolve => setImmediate(resolve));
};

describe('a stream of records over HTTP', () => {
  it('gets results numbered from 1, blank lines left out, and a last line that counts', async () => {
    expect(await linesOf('1\n\n2\n  \n3', echo)).toEqual([
      { record: 1, outputs: { y: 1 } },
      { record: 2, outputs: { y: 2 } },
      { record: 3, outputs: { y: 3 } },
      { records: 3, failed: 0 },
    ]);
  });

  it('goes on after a line that is too long', async () => {
    expect(await linesOf(`1\n${'9'.repeat(200)}\n3\n`, echo, { bodyBytes: 100 })).toEqual([
      { record: 1, outputs: { y: 1 } },
      { record: 2, error: { code: 'RECORD_INVALID', message: 'it is longer than 100 bytes' } },
      { record: 3, outputs: { y: 3 } },
      { records: 3, failed: 1 },
    ]);
  });

  it('waits where the queue is full instead of failing records', async () => {
    let refused = 0;
    const fullAtFirst: Answer = request => {
      if (refused++ < 3) return { kind: 'failed', failure: { kind: 'full', retryAfterSeconds: 1 } };
      return echo(request);
    };
    expect((await linesOf('1\n2\n', fullAtFirst)).at(-1)).toEqual({ records: 2, failed: 0 });
    expect(refused).toBe(5);
  });

  it('says with a code why a record has no result', async () => {
    const died: Answer = () => ({ kind: 'failed', failure: { kind: 'worker-died', message: 'signal 11' } });
    const stopping: Answer = () => ({ kind: 'failed', failure: { kind: 'stopping' } });
    expect((await linesOf('1', died))[0]).toEqual({
      record: 1,
      error: { code: 'WORKER_CRASHED', message: 'signal 11' },
    });
    expect((await linesOf('1', stopping))[0]).toEqual({
      record: 1,
      error: { code: 'RECORD_NOT_RUN', message: 'the server is stopping' },
    });
  });

  it('stops reading an endless stream while nobody takes the results, by the bytes that it took', async () => {
    const line = Buffer.from(`[${'1,'.repeat(4999)}1]\n`);
    let givenBytes = 0;
    function* endless(): Generator<Buffer> {
      for (;;) {
        givenBytes += line.length;
        yield line;
      }
    }
    const stuck: Writable = new Writable({ highWaterMark: 1024, write: () => undefined });
    const bodyBytes = 4 * line.length;
    open(endless(), echo, stuck, { bodyBytes });
    await turns(2000);
    const stoppedAt = givenBytes;
    await turns(500);
    expect(givenBytes).toBe(stoppedAt);
    // What is under way, one line past it, and what Node's own stream reads ahead.
    expect(givenBytes).toBeLessThanOrEqual(bodyBytes + 4 * line.length);
    expect(stuck.writableLength).toBeLessThanOrEqual(2 * line.length);
    stuck.destroy();
  });

  it('holds of records and answers together what it may, and gives it all back', async () => {
    const room = new HeldBytes(2000);
    let most = 0;
    const counted: Answer = request => {
      most = Math.max(most, room.held);
      return echo(request);
    };
    const lines = Array.from({ length: 300 }, (_, index) => Buffer.from(`"${'x'.repeat(index)}"\n`));
    const results = await openAndCollect(lines, counted, {}, room);
    expect(results.at(-1)).toEqual({ records: 300, failed: 0 });
    // Half of it for streams, and answers, each as long as its record, which was counted before it came.
    expect(most).toBeGreaterThan(900);
    expect(most).toBeLessThanOrEqual(1000);
    await turns(2);
    expect(room.held).toBe(0);
  });

  it('counts neither blanks nor what is too long for longer than it is kept', async () => {
    const room = new HeldBytes(2000);
    const held: number[] = [];
    async function* source(): AsyncGenerator<Buffer> {
      for (const text of [' '.repeat(300), '\n', '9'.repeat(400), '9'.repeat(400), '\n', '1\n']) {
        yield Buffer.from(text);
        await turns(5);
        held.push(room.held);
      }
    }
    const results = await openAndCollect(source(), echo, { bodyBytes: 500 }, room);
    expect(results.at(-1)).toEqual({ records: 2, failed: 1 });
    expect(held).toEqual([300, 0, 400, 0, 0, 0]);
  });

  it('reads no more while others hold the room, and goes on when it is given back', async () => {
    const room = new HeldBytes(1000);
    const others = room.openShare();
    let givenBytes = 0;
    function* given(): Generator<Buffer> {
      for (let record = 0; record < 100; record += 1) {
        givenBytes += 50;
        yield Buffer.from(`"${'x'.repeat(47)}"\n`);
      }
    }
    let answering: (() => void) | null = null;
    const first = new Promise<void>(resolve => {
      answering = resolve;
    });
    const results = openAndCollect(
      given(),
      request => {
        // A record that is as large as all of the room and not whole yet.
        if (answering !== null) void others.take(1000);
        answering?.();
        answering = null;
        return echo(request);
      },
      {},
      room,
    );
    await first;
    await turns(500);
    const stoppedAt = givenBytes;
    await turns(500);
    expect(givenBytes).toBe(stoppedAt);
    expect(stoppedAt).toBeLessThan(1000);
    others.close();
    expect((await results).at(-1)).toEqual({ records: 100, failed: 0 });
  });

  it('refuses to begin where there is no room, and says when to come again', () => {
    const room = new HeldBytes(1000);
    const others = room.openShare();
    others.add(500);
    const sink = new Writable({ write: () => undefined });
    expect(open([], echo, sink, {}, room)).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: '{"error":"the server holds as many bytes as it may"}',
    });
    others.close();
    expect(open([], echo, sink, {}, room)).toBeNull();
  });

  it('takes a record that alone is larger than what streams may hold', async () => {
    const room = new HeldBytes(100);
    const source = ['"', 'x'.repeat(60), 'x'.repeat(60), '"\n1\n'].map(text => Buffer.from(text));
    const results = await openAndCollect(source, echo, {}, room);
    expect(results.at(-1)).toEqual({ records: 2, failed: 0 });
  });

  it('lets many streams end that would all wait for each other in the middle of a record', async () => {
    const room = new HeldBytes(1000);
    let open = 0;
    const half = Buffer.from(`"${'x'.repeat(99)}`);
    async function* source(): AsyncGenerator<Buffer> {
      yield half;
      open += 1;
      // Nobody goes on before all hold a half.
      while (open < 5) await turns(1);
      for (let piece = 0; piece < 5; piece += 1) yield Buffer.from('y'.repeat(100));
      yield Buffer.from('"\n2\n');
    }
    const all = Array.from({ length: 5 }, () => openAndCollect(source(), echo, {}, room));
    for (const results of await Promise.all(all)) expect(results.at(-1)).toEqual({ records: 2, failed: 0 });
    await turns(2);
    expect(room.held).toBe(0);
  });

  it('cuts off who takes nothing while the room is full of its own answers, and gives that back', async () => {
    const room = new HeldBytes(1000);
    const stuck = new Writable({ highWaterMark: 16, write: () => undefined });
    function* endless(): Generator<Buffer> {
      for (;;) yield Buffer.from('"xxxxxxxxxxxxxxxxxx"\n');
    }
    const closed = new Promise(resolve => stuck.once('close', resolve));
    open(endless(), echo, stuck, { requestMs: 200 }, room);
    await turns(500);
    expect(room.held).toBeGreaterThan(400);
    expect(stuck.destroyed).toBe(false);
    await closed;
    expect(room.held).toBe(0);
  });

  it('cuts off who sends a line byte by byte for longer than a body may take', async () => {
    const room = new HeldBytes(1000);
    const sink = new Writable({ write: (_piece, _encoding, done) => done() });
    async function* drip(): AsyncGenerator<Buffer> {
      for (;;) {
        yield Buffer.from('1');
        await new Promise(resolve => setTimeout(resolve, 20));
      }
    }
    const closed = new Promise(resolve => sink.once('close', resolve));
    const begin = performance.now();
    open(drip(), echo, sink, { requestMs: 200 }, room);
    await closed;
    expect(performance.now() - begin).toBeGreaterThan(150);
    expect(room.held).toBe(0);
  });
});
