import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBatchLimit } from '../../../src/serving/engine/batch-limit.ts';
import type { Job, JobOutcome } from '../../../src/serving/engine/job.ts';
import { createModelQueue } from '../../../src/serving/engine/model-queue.ts';
import { createRefusalPace } from '../../../src/serving/http/refusal-pace.ts';

const queueOf = () => createModelQueue({ key: 'm@1', name: 'm', version: '1' }, 32, 25);

function jobOf(enqueuedMs: number, change: { readonly attempts?: number; readonly isSpare?: boolean } = {}) {
  const outcomes: JobOutcome[] = [];
  const job: Job = {
    request: {
      head: { kind: 'predict', bytes: 0, headerBytes: null },
      body: [],
      ...(change.isSpare === undefined ? {} : { isSpare: change.isSpare }),
    },
    enqueuedMs,
    attempts: change.attempts ?? 0,
    state: 'queued',
    startedMs: 0,
    settle: outcome => void outcomes.push(outcome),
  };
  return { job, outcomes };
}

describe('the queue of a model', () => {
  it('gives jobs in the order in which they came, and knows how long the oldest waits', () => {
    const queue = queueOf();
    for (const at of [5, 6, 7]) queue.push(jobOf(at).job);
    expect(queue.oldestMs).toBe(5);
    expect(queue.take(2).map(({ enqueuedMs }) => enqueuedMs)).toEqual([5, 6]);
    expect(queue).toMatchObject({ waiting: 1, oldestMs: 7 });
    expect(queue.take(5)).toHaveLength(1);
    expect(queue).toMatchObject({ waiting: 0, oldestMs: Number.POSITIVE_INFINITY });
  });

  it('gives what is tried again first and alone, so that it takes nobody along', () => {
    const queue = queueOf();
    queue.push(jobOf(2).job);
    queue.putBack(jobOf(1, { attempts: 1 }).job);
    expect(queue.isRetryNext).toBe(true);
    expect(queue.take(8).map(({ enqueuedMs }) => enqueuedMs)).toEqual([1]);
    queue.push(jobOf(3, { attempts: 1 }).job);
    expect(queue.take(8).map(({ enqueuedMs }) => enqueuedMs)).toEqual([2]);
  });

  it('does not count, run or expire what was given up, and leaves alone what runs already', () => {
    const queue = queueOf();
    const jobs = [1, 2, 3].map(at => jobOf(at).job);
    for (const job of jobs) queue.push(job);
    queue.abandon(jobs[1]!);
    queue.abandon(jobs[1]!);
    expect(queue.waiting).toBe(2);
    expect(queue.take(1)).toEqual([jobs[0]]);
    queue.abandon(jobs[0]!);
    expect(queue.waiting).toBe(1);
    expect(queue.expire(10)).toEqual([jobs[2]]);
    expect(queue.waiting).toBe(0);
  });

  it('drops copies for requests, and tells whoever waits for them', () => {
    const queue = queueOf();
    const copy = jobOf(1, { isSpare: true });
    queue.push(copy.job);
    queue.push(jobOf(2).job);
    expect(queue.spare).toBe(1);
    expect(queue.dropSpare()).toBe(true);
    expect(copy.outcomes).toEqual([{ kind: 'failed', failure: { kind: 'full', retryAfterSeconds: 1 } }]);
    expect(queue).toMatchObject({ spare: 0, waiting: 1 });
    expect(queue.dropSpare()).toBe(false);
    expect(queue.take(8).map(({ enqueuedMs }) => enqueuedMs)).toEqual([2]);
  });

  it('never loses or repeats a job, whatever is done with it', () => {
    const action = fc.oneof(
      fc.constant({ kind: 'push' } as const),
      fc.record({ kind: fc.constant('take' as const), count: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ kind: fc.constant('abandon' as const), which: fc.nat(40) }),
      fc.record({ kind: fc.constant('expire' as const), age: fc.nat(10) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), actions => {
        const queue = queueOf();
        const jobs: Job[] = [];
        const seen = new Set<Job>();
        const out = (list: readonly Job[]): void => {
          for (const job of list) {
            expect(seen.has(job)).toBe(false);
            seen.add(job);
          }
        };
        for (const [now, each] of actions.entries()) {
          if (each.kind === 'push') {
            const { job } = jobOf(now);
            jobs.push(job);
            queue.push(job);
          } else if (each.kind === 'take') out(queue.take(each.count));
          else if (each.kind === 'expire') out(queue.expire(now - each.age));
          else {
            const job = jobs[each.which];
            if (job === undefined) continue;
            if (job.state === 'queued') seen.add(job);
            queue.abandon(job);
          }
          expect(queue.waiting).toBe(jobs.length - seen.size);
        }
        out(queue.take(jobs.length + 1));
        expect(seen.size).toBe(jobs.length);
      }),
    );
  });
});

describe('the limit of a batch', () => {
  it('grows while full batches stay within the target, up to the most', () => {
    const limit = createBatchLimit(6, 25);
    for (let batch = 0; batch < 10; batch++) limit.record(limit.limit, 10);
    expect(limit.limit).toBe(6);
  });

  it('does not grow by batches that had room', () => {
    const limit = createBatchLimit(32, 25);
    limit.record(1, 1);
    expect(limit.limit).toBe(4);
  });

  it('shrinks where a batch takes too long, never below one', () => {
    const limit = createBatchLimit(32, 25);
    limit.record(4, 80);
    expect(limit.limit).toBe(3);
    for (let batch = 0; batch < 10; batch++) limit.record(limit.limit, 80);
    expect(limit.limit).toBe(1);
  });
});

describe('the pace of refusals', () => {
  it('lets the first leave at once, spreads what is over the rate, and lets nobody wait longer than the limit', () => {
    let now = 0;
    const waitMs = createRefusalPace({ perSecond: 100, longestMs: 2000 }, () => now);
    const burst = Array.from({ length: 1000 }, waitMs);
    expect(burst.slice(0, 100)).toEqual(Array(100).fill(0));
    expect(burst[199]).toBe(1000);
    expect(Math.max(...burst)).toBe(2000);
    expect([...burst].sort((one, other) => one - other)).toEqual(burst);
    now = 10_000;
    expect(waitMs()).toBe(0);
  });

  it('lets all leave at once that keep to the rate', () => {
    let now = 0;
    const waitMs = createRefusalPace({ perSecond: 100, longestMs: 2000 }, () => now);
    for (let count = 0; count < 500; count++) {
      now += 10;
      expect(waitMs()).toBe(0);
    }
  });
});
