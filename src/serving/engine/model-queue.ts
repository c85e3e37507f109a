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
  dropSpare(): boolean;
}

/** A list whose front is taken off often: the start moves, and the array is cut now and then. */
export function createModelQueue(
  model: { readonly key: string; readonly name: string; readonly version: string },
  maxBatch: number,
  targetMs: number,
): ModelQueue {
  let jobs: Job[] = [];
  let first = 0;
  const limit = createBatchLimit(maxBatch, targetMs);

  const skipAbandoned = (): void => {
    while (first < jobs.length && jobs[first]?.abandoned === true) first += 1;
    if (first > 1024 && first * 2 > jobs.length) {
      jobs = jobs.slice(first);
      first = 0;
    }
  };
  const queue: ModelQueue = {
    ...model,
    limit,
    batching: { kind: 'none', reason: 'no worker has loaded it yet' },
    running: 0,
    get waiting() {
      skipAbandoned();
      return jobs.length - first;
    },
    get oldestMs() {
      skipAbandoned();
      return jobs[first]?.enqueuedMs ?? Number.POSITIVE_INFINITY;
    },
    get isRetryNext() {
      skipAbandoned();
      return (jobs[first]?.attempts ?? 0) > 0;
    },
    push: job => void jobs.push(job),
    putBack(job) {
      jobs = [job, ...jobs.slice(first)];
      first = 0;
    },
    take(count) {
      const taken: Job[] = [];
      while (taken.length < count && first < jobs.length) {
        const job = jobs[first];
        first += 1;
        if (job === undefined || job.abandoned) continue;
        taken.push(job);
        // Tried again: alone, so that it can only take itself along.
        if (job.attempts > 0) break;
        if (jobs[first]?.attempts !== 0) break;
      }
      skipAbandoned();
      return taken;
    },
    expire(beforeMs) {
      const gone: Job[] = [];
      while (first < jobs.length) {
        const job = jobs[first];
        if (job === undefined || job.enqueuedMs >= beforeMs) break;
        first += 1;
        if (!job.abandoned) gone.push(job);
      }
      return gone;
    },
    dropSpare() {
      const index = jobs.findIndex(
        (job, at) => at >= first && job.request.isSpare === true && !job.abandoned,
      );
      const job = jobs[index];
      if (job === undefined) return false;
      job.abandoned = true;
      job.settle({ kind: 'failed', failure: { kind: 'full', retryAfterSeconds: 1 } });
      jobs.splice(index, 1);
      return true;
    },
  };
  return queue;
}
