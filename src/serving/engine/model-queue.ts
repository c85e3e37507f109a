import { type BatchLimit, createBatchLimit } from './batch-limit.ts';
import type { Job } from './job.ts';
import type { LoadedModel } from './worker-messages.ts';

/** The jobs of one model and version that wait for a worker, oldest first. */
export interface ModelQueue {
  readonly key: string;
  readonly name: string;
  readonly version: string;
  readonly limit: BatchLimit;
  batching: LoadedModel['batching'];
  /** In workers. */
  running: number;
  readonly waiting: number;
  /** Of those that wait: may be dropped for others. */
  readonly spare: number;
  /** When the oldest job came; Infinity where none waits. */
  readonly oldestMs: number;
  /** The next job's worker died with it: it goes alone, and nothing goes with it. */
  readonly isRetryNext: boolean;
  push(job: Job): void;
  /** Before all others: it has waited its turn already. */
  putBack(job: Job): void;
  take(count: number): readonly Job[];
  /** Takes out what came before `beforeMs`. */
  expire(beforeMs: number): readonly Job[];
  /** Nobody waits for the job any more; no matter where one that runs is. */
  abandon(job: Job): void;
  dropSpare(): boolean;
}

/**
 * A list whose front is taken off often: the start moves, and the array is cut now and then. A job that is given up
 * stays where it is until it is passed, and does not count.
 */
export function createModelQueue(
  model: { readonly key: string; readonly name: string; readonly version: string },
  maxBatch: number,
  targetMs: number,
): ModelQueue {
  let jobs: Job[] = [];
  let first = 0;
  let waiting = 0;
  let spare = 0;
  const limit = createBatchLimit(maxBatch, targetMs);

  const count = (job: Job, by: 1 | -1): void => {
    waiting += by;
    if (job.request.isSpare === true) spare += by;
  };
  const skipSettled = (): void => {
    while (first < jobs.length && jobs[first]?.state !== 'queued') first += 1;
    if (first > 1024 && first * 2 > jobs.length) {
      jobs = jobs.slice(first);
      first = 0;
    }
  };
  /** The oldest that waits. */
  const head = (): Job | undefined => {
    skipSettled();
    return jobs[first];
  };
  const remove = (job: Job, state: 'running' | 'settled'): void => {
    count(job, -1);
    job.state = state;
  };
  return {
    ...model,
    limit,
    batching: { kind: 'none', reason: 'no worker has loaded it yet' },
    running: 0,
    get waiting() {
      return waiting;
    },
    get spare() {
      return spare;
    },
    get oldestMs() {
      return head()?.enqueuedMs ?? Number.POSITIVE_INFINITY;
    },
    get isRetryNext() {
      return (head()?.attempts ?? 0) > 0;
    },
    push(job) {
      count(job, 1);
      jobs.push(job);
    },
    putBack(job) {
      job.state = 'queued';
      count(job, 1);
      jobs = [job, ...jobs.slice(first)];
      first = 0;
    },
    take(most) {
      const taken: Job[] = [];
      for (let job = head(); job !== undefined && taken.length < most; job = head()) {
        // Tried again: alone, so that it can only take itself along.
        if (job.attempts > 0 && taken.length > 0) break;
        remove(job, 'running');
        taken.push(job);
        if (job.attempts > 0) break;
      }
      return taken;
    },
    expire(beforeMs) {
      const gone: Job[] = [];
      for (let job = head(); job !== undefined && job.enqueuedMs < beforeMs; job = head()) {
        remove(job, 'settled');
        gone.push(job);
      }
      return gone;
    },
    abandon(job) {
      if (job.state === 'queued') remove(job, 'settled');
    },
    dropSpare() {
      if (spare === 0) return false;
      const job = jobs.find(({ request, state }) => state === 'queued' && request.isSpare === true);
      if (job === undefined) return false;
      remove(job, 'settled');
      job.settle({ kind: 'failed', failure: { kind: 'full', retryAfterSeconds: 1 } });
      return true;
    },
  };
}
