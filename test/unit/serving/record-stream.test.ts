import type { ServerResponse } from 'node:http';
import { Readable, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { JobOutcome, JobRequest } from '../../../src/serving/engine/job.ts';
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

/** Opens the route on a request and gives what it does with the response. */
function open(
  source: Iterable<Buffer>,
  answer: Answer,
  sink: Writable,
  limits: Partial<ServingLimits> = {},
): void {
  const route = recordStreamRoute(accessTo(answer), { ...DEFAULT_LIMITS, ...limits });
  if (route.kind !== 'stream') throw new Error('it is a stream');
  const request = Object.assign(Readable.from(source, { highWaterMark: 1 }), {
    socket: { destroy: () => undefined },
  });
  const response = Object.assign(sink, { req: request, writeHead: () => response });
  route.open(callOf({ 'content-type': 'application/x-ndjson' }), response as unknown as ServerResponse, {});
}

async function linesOf(
  text: string,
  answer: Answer,
  limits: Partial<ServingLimits> = {},
): Promise<readonly unknown[]> {
  const pieces: Buffer[] = [];
  await new Promise<void>(resolve => {
    const sink = new Writable({
      write: (piece, _encoding, done) => {
        pieces.push(piece as Buffer);
        done();
      },
      final: done => {
        done();
        resolve();
      },
    });
    open([Buffer.from(text)], answer, sink, limits);
  });
  return Buffer.concat(pieces)
    .toString()
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as unknown);
}

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
    for (let turn = 0; turn < 2000; turn += 1) await new Promise(resolve => setImmediate(resolve));
    const stoppedAt = givenBytes;
    for (let turn = 0; turn < 500; turn += 1) await new Promise(resolve => setImmediate(resolve));
    expect(givenBytes).toBe(stoppedAt);
    // What is under way, one line past it, and what Node's own stream reads ahead.
    expect(givenBytes).toBeLessThanOrEqual(bodyBytes + 4 * line.length);
    expect(stuck.writableLength).toBeLessThanOrEqual(2 * line.length);
    stuck.destroy();
  });
});
