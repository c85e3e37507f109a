/** One description of a running server, from which the manifests of every target are written. */
export interface Deployment {
  /** Also the name of what is created: lower-case letters, digits and dashes. */
  readonly name: string;
  /** With its registry; best by digest. */
  readonly image: string;
  /** Of the model, for labels; null: not known. */
  readonly version: string | null;
  readonly port: number;
  readonly replicas: { readonly min: number; readonly max: number };
  readonly size: ReplicaSize;
}

/** What one copy of the server gets. */
export interface ReplicaSize {
  /** Processors; a quarter is the smallest step that all targets know. */
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Processes that run the model, each with so many threads. */
  readonly workers: number;
  readonly threads: number;
  /** A copy that is not ready by then has failed. */
  readonly startSeconds: number;
}

/** A file to be written or shown. */
export interface Manifest {
  readonly name: string;
  readonly text: string;
}

/** What all targets give to the server: settings.ts of serving/ reads them. */
export const environmentOf = ({ size }: Deployment): Readonly<Record<string, string>> => ({
  QUICKSERVEML_WORKERS: String(size.workers),
  QUICKSERVEML_THREADS: String(size.threads),
});

/** Paths of the server that say how it is. */
export const LIVE_PATH = '/v2/health/live';
export const READY_PATH = '/v2/health/ready';
/** As the image says it, too. */
export const USER_ID = 65_532;
/** Share of the processors at which another copy is added. */
export const TARGET_UTILISATION = 0.6;
/** The server answers what it has begun: more than its own limit for that. */
export const STOP_SECONDS = 60;

export const MIB = 2 ** 20;
export const mebibytes = (sizeBytes: number): number => Math.ceil(sizeBytes / MIB);
