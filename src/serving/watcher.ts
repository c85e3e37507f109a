import type { Call, InferenceNote } from './call.ts';

/** W3C Trace Context (https://www.w3.org/TR/trace-context/) of one request: lower-case hexadecimal ids. */
export interface TraceContext {
  readonly traceId: string;
  /** Of the span that this server makes. */
  readonly spanId: string;
  /** Of the caller; null: the trace starts here. */
  readonly parentSpanId: string | null;
  readonly sampled: boolean;
  /** `tracestate` as it came. */
  readonly state: string | null;
}

/** What is known of a request when it has ended. Holds nothing of a payload. */
export interface Served {
  readonly requestId: string;
  readonly method: string;
  /** The route's pattern (`/v2/models/{name}/infer`), so that there are few of them; null: no route. */
  readonly route: string | null;
  /** 499: the client went away before the answer. */
  readonly status: number;
  readonly clientAddress: string;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly totalMs: number;
  /** null: no model was run. */
  readonly inference: InferenceNote | null;
  readonly keyName: string | null;
  readonly trace: TraceContext | null;
}

/** Something that happens to the server itself, for logs and counters. */
export type ServerEvent =
  | { readonly kind: 'listening'; readonly address: string; readonly port: number }
  | { readonly kind: 'worker-started'; readonly worker: number; readonly pid: number }
  | { readonly kind: 'worker-ready'; readonly worker: number; readonly loadMs: number }
  | {
      readonly kind: 'worker-ended';
      readonly worker: number;
      readonly reason: string;
      readonly requests: number;
      readonly expected: boolean;
    }
  | { readonly kind: 'model-loaded'; readonly model: string; readonly version: string }
  | { readonly kind: 'model-unloaded'; readonly model: string; readonly version: string }
  | {
      readonly kind: 'model-failed';
      readonly model: string;
      readonly version: string;
      readonly reason: string;
    }
  | { readonly kind: 'reload-failed'; readonly reason: string }
  | { readonly kind: 'draining'; readonly inFlight: number }
  | { readonly kind: 'stopped' };

/**
 * Is told of everything, synchronously and in the process that answers requests: it must be quick and must not throw.
 * All records come from one process, so counters need no merging.
 */
export interface Watcher {
  /** At the request's head. null: it is not traced. */
  begin(call: Call): TraceContext | null;
  served(record: Served): void;
  happened(event: ServerEvent): void;
  /** Sends what it still keeps; called once, at the end of the drain. */
  close(): Promise<void>;
}

export type WorkerState = 'starting' | 'idle' | 'busy' | 'stopping';

export interface WorkerGauges {
  readonly worker: number;
  readonly pid: number;
  readonly state: WorkerState;
  readonly residentBytes: number | null;
  readonly restarts: number;
  readonly runs: number;
}

export interface QueueGauges {
  readonly model: string;
  readonly version: string;
  readonly waiting: number;
  readonly running: number;
  /** Requests that may go through the session together now; 1 where the model cannot be batched. */
  readonly batchLimit: number;
}

/** The server at this moment: what metrics, pages and health are made of. */
export interface ServerSnapshot {
  readonly ready: boolean;
  /** Why it is not ready, or what is wrong although it is; empty: all is well. */
  readonly reasons: readonly string[];
  readonly draining: boolean;
  readonly uptimeMs: number;
  readonly connections: number;
  /** Requests whose answer is not finished. */
  readonly inFlight: number;
  /** Bytes of bodies, of streams and of answers that are not taken yet. */
  readonly heldBytes: number;
  readonly workers: readonly WorkerGauges[];
  readonly queues: readonly QueueGauges[];
}

/** Read on demand: whoever shows the state asks for it. */
export interface ServerView {
  snapshot(): ServerSnapshot;
}
