import type { JobHead } from './worker-messages.ts';

/** A request's body for a worker, in the chunks that it came in. */
export interface JobRequest {
  readonly head: JobHead;
  readonly body: readonly Uint8Array[];
  /** Dropped before everything else when the server is busy (copies of requests). */
  readonly isSpare?: boolean;
}

export interface JobResult {
  readonly status: number;
  readonly headerBytes: number | null;
  readonly body: Uint8Array;
  readonly queueMs: number;
  readonly batchSize: number;
  readonly inferenceMs: number;
}

/** Why a job has no result. */
export type JobFailure =
  /** More wait already than may wait. */
  | { readonly kind: 'full'; readonly retryAfterSeconds: number }
  /** Waited longer than a request may. */
  | { readonly kind: 'expired'; readonly retryAfterSeconds: number }
  | { readonly kind: 'unknown-model'; readonly message: string }
  /** Its worker died or hung, and so did the one that tried again. */
  | { readonly kind: 'worker-died'; readonly message: string }
  | { readonly kind: 'stopping' };

export type JobOutcome =
  | { readonly kind: 'done'; readonly result: JobResult }
  | { readonly kind: 'failed'; readonly failure: JobFailure };

/** A job in a queue or in a worker. */
export interface Job {
  readonly request: JobRequest;
  readonly enqueuedMs: number;
  /** Workers that died with it. A second death ends it: it may be the cause. */
  attempts: number;
  state: 'queued' | 'running' | 'settled';
  startedMs: number;
  settle(outcome: JobOutcome): void;
}
