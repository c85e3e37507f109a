import type { ServerEvent, WorkerGauges, WorkerState } from '../watcher.ts';
import type { Generation } from './generation.ts';
import type { Job } from './job.ts';
import { startServingWorker, type WorkerHandle } from './worker-handle.ts';
import type { JobAnswer, LoadedModel } from './worker-messages.ts';

/** Jobs that were sent to a worker together. */
export interface SentBatch {
  readonly id: number;
  readonly key: string;
  readonly jobs: readonly Job[];
}

export interface PoolWorker {
  readonly slot: number;
  readonly generation: Generation;
  readonly handle: WorkerHandle;
  readonly batches: SentBatch[];
  state: WorkerState;
  runs: number;
  timer: NodeJS.Timeout | null;
}

export interface PoolListener {
  ready(worker: PoolWorker, models: readonly LoadedModel[]): void;
  answered(
    worker: PoolWorker,
    batch: SentBatch,
    answers: readonly JobAnswer[],
    bodies: readonly Buffer[],
    batchMs: number,
  ): void;
  /** Its jobs are in the batches; `everReady`: it had served before. */
  ended(worker: PoolWorker, reason: string, expected: boolean, everReady: boolean): void;
  happened(event: ServerEvent): void;
}

export interface PoolOptions {
  readonly loadMs: number;
  readonly runMs: number;
  readonly nowMs: () => number;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
/** A worker that lived so long was no part of a series of crashes. */
const STEADY_MS = 10_000;

/** Worker processes by slot: started, watched, replaced with growing pauses where they keep dying. */
export class WorkerPool {
  readonly #listener: PoolListener;
  readonly #options: PoolOptions;
  readonly #workers = new Set<PoolWorker>();
  readonly #restarts = new Map<number, number>();
  readonly #pauses = new Map<number, number>();
  #stopping = false;
  #batchId = 0;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(listener: PoolListener, options: PoolOptions) {
    this.#listener = listener;
    this.#options = options;
  }

  get workers(): ReadonlySet<PoolWorker> {
    return this.#workers;
  }

  start(slot: number, generation: Generation): void {
    if (this.#stopping) return;
    const startedMs = this.#options.nowMs();
    let everReady = false;
    const { loadMs } = this.#options;
    const worker: PoolWorker = {
      slot,
      generation,
      batches: [],
      state: 'starting',
      runs: 0,
      timer: setTimeout(() => worker.handle.kill(`it did not load its models within ${loadMs} ms`), loadMs),
      handle: startServingWorker(generation.launch, {
        ready: models => {
          everReady = true;
          worker.state = 'idle';
          this.#setTimer(worker);
          this.#listener.happened({
            kind: 'worker-ready',
            worker: slot,
            loadMs: this.#options.nowMs() - startedMs,
          });
          this.#listener.ready(worker, models);
        },
        answered: (id, answers, bodies, batchMs) => {
          const index = worker.batches.findIndex(batch => batch.id === id);
          const [batch] = index < 0 ? [] : worker.batches.splice(index, 1);
          if (batch === undefined) return;
          worker.runs += 1;
          if (worker.state === 'busy' && worker.batches.length === 0) worker.state = 'idle';
          this.#setTimer(worker);
          this.#listener.answered(worker, batch, answers, bodies, batchMs);
        },
        ended: reason => {
          const expected = worker.state === 'stopping';
          worker.state = 'stopping';
          if (worker.timer !== null) clearTimeout(worker.timer);
          this.#workers.delete(worker);
          const requests = worker.batches.reduce((sum, { jobs }) => sum + jobs.length, 0);
          this.#listener.happened({ kind: 'worker-ended', worker: slot, reason, requests, expected });
          if (this.#options.nowMs() - startedMs > STEADY_MS) this.#pauses.delete(slot);
          this.#listener.ended(worker, reason, expected, everReady);
        },
      }),
    };
    this.#workers.add(worker);
    this.#listener.happened({ kind: 'worker-started', worker: slot, pid: worker.handle.pid });
  }

  /** Starts a worker in place of one that died: at once the first time, then after growing pauses. */
  replace(slot: number, generation: () => Generation | null): void {
    this.#restarts.set(slot, (this.#restarts.get(slot) ?? 0) + 1);
    const pause = this.#pauses.get(slot) ?? 0;
    this.#pauses.set(slot, Math.min(LONGEST_PAUSE_MS, pause === 0 ? FIRST_PAUSE_MS : pause * 2));
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const current = generation();
      if (current !== null) this.start(slot, current);
    }, pause);
    this.#timers.add(timer);
  }

  send(worker: PoolWorker, key: string, jobs: readonly Job[]): void {
    const batch: SentBatch = { id: this.#batchId++, key, jobs };
    worker.batches.push(batch);
    if (worker.state === 'idle') worker.state = 'busy';
    if (worker.batches.length === 1) this.#setTimer(worker);
    worker.handle.send(
      batch.id,
      worker.generation.keys.indexOf(key),
      jobs.map(({ request }) => request),
    );
  }

  /** Lets it finish what it has. */
  retire(worker: PoolWorker): void {
    worker.state = 'stopping';
    if (worker.batches.length === 0) worker.handle.stop();
  }

  gauges(): readonly WorkerGauges[] {
    return [...this.#workers].map(({ slot, handle, state, runs }) => ({
      worker: slot,
      pid: handle.pid,
      state,
      residentBytes: handle.residentBytes,
      restarts: this.#restarts.get(slot) ?? 0,
      runs,
    }));
  }

  /** Ends all. @returns when the last is gone */
  stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const worker of this.#workers) {
      worker.state = 'stopping';
      worker.handle.stop();
    }
    return new Promise(resolve => {
      const look = setInterval(() => {
        if (this.#workers.size > 0) return;
        clearInterval(look);
        resolve();
      }, 10);
    });
  }

  /** The time of its oldest batch runs; none where it has nothing. */
  #setTimer(worker: PoolWorker): void {
    if (worker.timer !== null) clearTimeout(worker.timer);
    const { runMs } = this.#options;
    worker.timer =
      worker.batches.length === 0
        ? null
        : setTimeout(() => worker.handle.kill(`it did not answer within ${runMs} ms`), runMs);
  }
}
