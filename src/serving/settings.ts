/** A model file under a name and version. */
export interface ModelSource {
  readonly name: string;
  readonly version: string;
  /** Absolute. */
  readonly path: string;
}

/** What the server never exceeds, whatever is asked of it. */
export interface ServingLimits {
  readonly bodyBytes: number;
  /** Of all bodies and untaken answers together that are held at a time, and what streams hold, which is half of it at most. */
  readonly heldBytes: number;
  /** Requests of one model that wait. */
  readonly queue: number;
  /** Longest wait for a worker. */
  readonly waitMs: number;
  /** Longest time of a batch in a worker before its process counts as hung. */
  readonly runMs: number;
  readonly loadMs: number;
  /** From the first byte of a request to the last of its body; of a stream, of each line. */
  readonly requestMs: number;
  /** An answer that nobody takes. */
  readonly writeMs: number;
  /** An open connection without a request. */
  readonly idleMs: number;
  readonly connections: number;
  /** Longest side of a tensor. */
  readonly dimension: number;
  /** Resident memory of one worker; null: no limit. */
  readonly workerMemoryBytes: number | null;
  /** From SIGTERM to the end, at most. */
  readonly drainMs: number;
  /** After SIGTERM: open connections are still answered, so that no request is lost that was on its way. */
  readonly lingerMs: number;
}

export interface BatchingSettings {
  readonly enabled: boolean;
  readonly maxRequests: number;
  /** A batch should take no longer. */
  readonly targetMs: number;
}

export interface ServingSettings {
  readonly host: string;
  readonly port: number;
  readonly models: readonly ModelSource[];
  readonly workers: number;
  readonly threads: number;
  readonly provider: string;
  readonly limits: ServingLimits;
  readonly batching: BatchingSettings;
  readonly interfaces: {
    /** `POST /model/benchmark` */
    readonly benchmark: boolean;
    /** `/ping` and `/invocations` */
    readonly sageMaker: boolean;
    /** Paths of Vertex AI (`AIP_HEALTH_ROUTE`, `AIP_PREDICT_ROUTE`); null: none. */
    readonly vertex: { readonly healthRoute: string; readonly predictRoute: string } | null;
  };
  /** Sections of the settings file that belong to other parts, by key. */
  readonly sections: Readonly<Record<string, unknown>>;
}

export const DEFAULT_LIMITS: ServingLimits = {
  bodyBytes: 32 * 2 ** 20,
  heldBytes: 256 * 2 ** 20,
  queue: 2048,
  waitMs: 10_000,
  runMs: 30_000,
  loadMs: 300_000,
  requestMs: 30_000,
  writeMs: 30_000,
  idleMs: 75_000,
  connections: 20_000,
  dimension: 2 ** 24,
  workerMemoryBytes: null,
  drainMs: 25_000,
  lingerMs: 1000,
};

export const DEFAULT_BATCHING: BatchingSettings = {
  enabled: true,
  maxRequests: 32,
  targetMs: 25,
};
