import type { ServedModel } from '../served-model.ts';
import type { ServingSettings } from '../settings.ts';
import type { QueueGauges, ServerEvent, WorkerGauges } from '../watcher.ts';
import {
  createGeneration,
  type Generation,
  type GenerationOptions,
  keyOf,
  type ModelFacts,
} from './generation.ts';
import type { Job, JobFailure, JobOutcome, JobRequest } from './job.ts';
import { createModelQueue, type ModelQueue } from './model-queue.ts';
import { VersionHolds } from './version-holds.ts';
import type { JobAnswer, LoadedModel } from './worker-messages.ts';
import { type PoolWorker, type SentBatch, WorkerPool } from './worker-pool.ts';

export interface EngineOptions extends GenerationOptions {
  readonly settings: GenerationOptions['settings'] & Pick<ServingSettings, 'workers'>;
  readonly nowMs: () => number;
  readonly happened: (event: ServerEvent) => void;
}

/** A submitted job: its outcome, and how it is given up. */
export interface Submission {
  readonly outcome: Promise<JobOutcome>;
  abandon(): void;
}

const EXPIRY_INTERVAL_MS = 250;

const isAble = ({ state }: PoolWorker): boolean => state === 'idle' || state === 'busy';

const failed = (failure: JobFailure): JobOutcome => ({ kind: 'failed', failure });
const done = ({ startedMs, enqueuedMs }: Job, answer: JobAnswer, body: Uint8Array): JobOutcome => {
  const { bytes: _bytes, ...facts } = answer;
  return { kind: 'done', result: { ...facts, body, queueMs: startedMs - enqueuedMs } };
};

/** Queues by model in front of a pool of workers; hands batches out, tries again what a dead worker had. */
export class ServingEngine {
  readonly #options: EngineOptions;
  readonly #pool: WorkerPool;
  readonly #queues = new Map<string, ModelQueue>();
  readonly #expiry: NodeJS.Timeout;
  readonly #holds = new VersionHolds();
  #models: readonly ModelFacts[] = [];
  #generation: Generation | null = null;
  #rollover: { readonly next: Generation; readonly done: (error: Error | null) => void } | null = null;
  #scheduled = false;
  #stopping = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    const { limits } = options.settings;
    this.#pool = new WorkerPool(
      {
        ready: (worker, models) => this.#ready(worker, models),
        answered: (worker, batch, answers, bodies, batchMs) => {
          const queue = this.#queues.get(batch.key);
          for (const [index, job] of batch.jobs.entries()) {
            const [answer, body] = [answers[index], bodies[index]];
            if (answer === undefined || body === undefined) continue;
            job.settle(done(job, answer, body));
          }
          if (queue !== undefined) {
            queue.running -= batch.jobs.length;
            // As the worker saw it: the way there and back grows with what the front has to do, and says nothing of the model.
            queue.limit.record(batch.jobs.length, batchMs);
          }
          if (worker.state === 'stopping' && worker.batches.length === 0) worker.handle.stop();
          this.#retireOld();
          this.#schedule();
        },
        ended: (worker, reason, expected, everReady) => this.#ended(worker, reason, expected, everReady),
        happened: options.happened,
      },
      { loadMs: limits.loadMs, runMs: limits.runMs, nowMs: options.nowMs },
    );
    this.#expiry = setInterval(() => this.#expire(), EXPIRY_INTERVAL_MS).unref();
  }

  /** Newest last within a name, in the order that they were given. */
  models(): readonly ServedModel[] {
    return this.#models.map(({ path: _path, ...model }) => ({
      ...model,
      batching: this.#queues.get(keyOf(model.name, model.version))?.batching ?? {
        kind: 'none',
        reason: 'no worker has loaded it yet',
      },
    }));
  }

  get ready(): boolean {
    return [...this.#pool.workers].some(isAble);
  }

  workers(): readonly WorkerGauges[] {
    return this.#pool.gauges();
  }

  queues(): readonly QueueGauges[] {
    return [...this.#queues.values()].map(({ name, version, waiting, running, limit, batching }) => ({
      model: name,
      version,
      waiting,
      running,
      batchLimit: batching.kind === 'rows' ? limit.limit : 1,
    }));
  }

  /**
   * Serves exactly these models from now on. New workers load them beside the old ones, which go on until the new ones
   * are ready; where a model is refused, all stays as it was.
   * @throws Error with the reason
   */
  serve(models: readonly ModelFacts[]): Promise<void> {
    if (this.#rollover !== null) return Promise.reject(new Error('models are being replaced already'));
    const next = createGeneration((this.#generation?.number ?? 0) + 1, models, this.#options);
    return new Promise((resolve, reject) => {
      this.#rollover = {
        next,
        done: error => {
          this.#rollover = null;
          if (error !== null) {
            reject(error);
            return;
          }
          this.#adopt(next, models);
          resolve();
        },
      };
      // The first alone: a model that is refused is refused once, and memory for one more worker is enough.
      this.#pool.start(0, next);
    });
  }

  /** Why no model can take a request now, before its body is read; null: one can. */
  overload(): JobFailure | null {
    const { queue: most } = this.#options.settings.limits;
    let fullest: ModelQueue | null = null;
    for (const queue of this.#queues.values()) {
      if (queue.waiting - queue.spare < most) return null;
      fullest = queue;
    }
    return fullest === null ? null : { kind: 'full', retryAfterSeconds: this.#retryAfter(fullest) };
  }

  /** Puts a job into the queue of a model; it settles in every case. */
  submit(name: string, version: string, request: JobRequest): Submission {
    const queue = this.#queues.get(keyOf(name, version));
    const now = this.#options.nowMs();
    const { limits } = this.#options.settings;
    const refuse = (failure: JobFailure): Submission => ({
      outcome: Promise.resolve(failed(failure)),
      abandon: () => undefined,
    });
    if (this.#stopping) return refuse({ kind: 'stopping' });
    if (queue === undefined)
      return refuse({ kind: 'unknown-model', message: `there is no model "${name}" in version ${version}` });
    if (queue.waiting >= limits.queue && !queue.dropSpare())
      return refuse({ kind: 'full', retryAfterSeconds: this.#retryAfter(queue) });
    let abandon = (): void => undefined;
    const outcome = new Promise<JobOutcome>(resolve => {
      const job: Job = {
        request,
        enqueuedMs: now,
        attempts: 0,
        state: 'queued',
        startedMs: now,
        settle: resolve,
      };
      abandon = () => queue.abandon(job);
      queue.push(job);
    });
    this.#schedule();
    return { outcome, abandon };
  }

  /**
   * Keeps a version that is loaded until it is released, also where others take its place meanwhile: who answers a long
   * stream with one version ends it with that version.
   * @returns releases it; to be called once
   */
  hold(name: string, version: string): () => void {
    const release = this.#holds.take(keyOf(name, version));
    return () => {
      release();
      this.#retireOld();
    };
  }

  async close(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    clearInterval(this.#expiry);
    for (const queue of this.#queues.values()) {
      for (const job of queue.expire(Number.POSITIVE_INFINITY)) job.settle(failed({ kind: 'stopping' }));
    }
    await this.#pool.stop();
  }

  #retryAfter(queue: ModelQueue): number {
    const workers = Math.max(1, this.#pool.workers.size);
    return Math.min(30, Math.max(1, Math.ceil((queue.waiting * queue.limit.requestMs) / workers / 1000)));
  }

  #ready(worker: PoolWorker, models: readonly LoadedModel[]): void {
    for (const [index, key] of worker.generation.keys.entries()) {
      const loaded = models[index];
      const [name = '', version = ''] = [
        key.slice(0, key.lastIndexOf('@')),
        key.slice(key.lastIndexOf('@') + 1),
      ];
      const { batching } = this.#options.settings;
      const queue =
        this.#queues.get(key) ??
        createModelQueue({ key, name, version }, batching.maxRequests, batching.targetMs);
      if (loaded !== undefined) queue.batching = loaded.batching;
      this.#queues.set(key, queue);
    }
    if (this.#rollover?.next === worker.generation) this.#rollover.done(null);
    this.#schedule();
  }

  /** A generation's first worker is ready: the others follow, and those of the generation before go. */
  #adopt(next: Generation, models: readonly ModelFacts[]): void {
    const gone = this.#models.filter(({ name, version }) => !next.keys.includes(keyOf(name, version)));
    const known = new Set(this.#models.map(({ name, version }) => keyOf(name, version)));
    this.#generation = next;
    this.#models = models;
    for (const { name, version } of models) {
      if (!known.has(keyOf(name, version)))
        this.#options.happened({ kind: 'model-loaded', model: name, version });
    }
    for (let slot = 1; slot < this.#options.settings.workers; slot++) this.#pool.start(slot, next);
    for (const { name, version } of gone)
      this.#options.happened({ kind: 'model-unloaded', model: name, version });
    this.#retireOld();
  }

  /** Workers of generations before go when nothing waits, or may yet come, that only they can run. */
  #retireOld(): void {
    const current = this.#generation;
    if (current === null || this.#stopping) return;
    const old = [...this.#pool.workers].filter(({ generation }) => generation.number < current.number);
    const left = [...this.#queues].filter(([key]) => !current.keys.includes(key));
    const isNeeded = (key: string, { waiting }: ModelQueue): boolean => waiting > 0 || this.#holds.has(key);
    for (const [key, queue] of left) {
      const isRunnable = old.some(worker => isAble(worker) && worker.generation.keys.includes(key));
      if (isNeeded(key, queue) && isRunnable) continue;
      const message = `version ${queue.version} of "${queue.name}" has just been taken away`;
      for (const job of queue.expire(Number.POSITIVE_INFINITY))
        job.settle(failed({ kind: 'unknown-model', message }));
      // What runs may come back, where its worker dies.
      if (queue.running === 0) this.#queues.delete(key);
    }
    for (const worker of old.filter(isAble)) {
      const { keys } = worker.generation;
      if (!left.some(([key, queue]) => isNeeded(key, queue) && keys.includes(key))) this.#pool.retire(worker);
    }
  }

  #ended(worker: PoolWorker, reason: string, expected: boolean, everReady: boolean): void {
    for (const batch of worker.batches) this.#retry(batch, reason);
    worker.batches.length = 0;
    this.#retireOld();
    if (this.#rollover?.next === worker.generation && !everReady) {
      this.#rollover.done(new Error(reason));
      return;
    }
    if (expected || this.#stopping || worker.generation !== this.#generation) return;
    this.#pool.replace(worker.slot, () => this.#generation);
    this.#schedule();
  }

  /** What a dead worker had is tried once more, each alone: a run has no effect but its answer. */
  #retry(batch: SentBatch, reason: string): void {
    const queue = this.#queues.get(batch.key);
    if (queue !== undefined) queue.running -= batch.jobs.length;
    for (const job of [...batch.jobs].reverse()) {
      job.attempts += 1;
      if (queue !== undefined && job.attempts < 2 && !this.#stopping) queue.putBack(job);
      else
        job.settle(
          failed({ kind: 'worker-died', message: `the process that ran the request ended (${reason})` }),
        );
    }
  }

  #expire(): void {
    const { waitMs } = this.#options.settings.limits;
    for (const queue of this.#queues.values()) {
      for (const job of queue.expire(this.#options.nowMs() - waitMs)) {
        job.settle(failed({ kind: 'expired', retryAfterSeconds: this.#retryAfter(queue) }));
      }
    }
    this.#retireOld();
  }

  /** Once for all requests of this turn of the event loop: those that come together go together. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    for (;;) {
      let queue: ModelQueue | null = null;
      for (const each of this.#queues.values()) {
        if (each.waiting > 0 && (queue === null || each.oldestMs < queue.oldestMs)) queue = each;
      }
      if (queue === null) return;
      const { key } = queue;
      const able = [...this.#pool.workers].filter(
        worker => isAble(worker) && worker.generation.keys.includes(key),
      );
      const idle = able.filter(({ state }) => state === 'idle');
      const worker = idle[0] ?? (queue.isRetryNext ? undefined : this.#prefetching(queue, able));
      // Another model's may wait for the same workers: it is not let past the oldest.
      if (worker === undefined) return;
      // Idle workers share what waits: two at work are faster than one with twice as much.
      const share = Math.ceil(queue.waiting / Math.max(1, idle.length));
      const jobs = queue.take(Math.max(1, Math.min(this.#batchLimit(queue), share)));
      if (jobs.length === 0) continue;
      const now = this.#options.nowMs();
      for (const job of jobs) job.startedMs = now;
      queue.running += jobs.length;
      this.#pool.send(worker, key, jobs);
    }
  }

  /**
   * A worker that is at work, but for so short a time that the next batch should lie ready in its pipe: a worker that
   * waits for a busy front is time lost.
   */
  #prefetching(queue: ModelQueue, able: readonly PoolWorker[]): PoolWorker | undefined {
    const expectedMs = queue.limit.requestMs * this.#batchLimit(queue);
    if (expectedMs === 0 || expectedMs > this.#options.settings.batching.targetMs) return undefined;
    return able.find(({ batches }) => batches.length === 1 && batches[0]?.jobs[0]?.attempts === 0);
  }

  #batchLimit(queue: ModelQueue): number {
    return queue.batching.kind === 'rows' ? queue.limit.limit : 1;
  }
}
