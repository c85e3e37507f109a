import { MIB, mebibytes, type ReplicaSize, TARGET_UTILISATION } from './deployment.ts';

/** What the registry's records say of a model on one kind of machine. */
export interface MeasuredModel {
  /** Milliseconds of one run. */
  readonly latencyMs: number;
  /** Peak resident size of a process with the model. */
  readonly memoryBytes: number | null;
  readonly loadMs: number | null;
  readonly threads: number;
  /** The machine, for people. */
  readonly machine: string;
}

/** What people set themselves; null: it follows from the measurement. */
export interface WantedSize {
  /** Predictions a second that are to be answered. */
  readonly loadPerSecond: number | null;
  readonly minReplicas: number | null;
  readonly maxReplicas: number | null;
  readonly cpus: number | null;
  readonly memoryBytes: number | null;
}

export interface Sizing {
  readonly size: ReplicaSize;
  readonly replicas: { readonly min: number; readonly max: number };
  /** Predictions a second of one copy at the target utilisation; null: nothing was measured. */
  readonly capacityPerSecond: number | null;
  /** What the numbers rest on, and what they leave out. */
  readonly reasons: readonly string[];
}

/** Node and the server beside the processes that hold the model. */
const SERVER_BYTES = 160 * MIB;
/** Other inputs, longer queues: so much above the peak that was measured. */
const MEMORY_MARGIN = 1.5;
/** Slower disks and neighbours: so many times the load time that was measured. */
const LOAD_MARGIN = 10;
const STEP_BYTES = 64 * MIB;

const DEFAULT_MEMORY_BYTES = 1024 * MIB;
const DEFAULT_START_SECONDS = 60;

function memoryOf(measured: MeasuredModel | null, workers: number): number {
  const { memoryBytes = null } = measured ?? {};
  if (memoryBytes === null) return DEFAULT_MEMORY_BYTES;
  const wanted = SERVER_BYTES + workers * memoryBytes * MEMORY_MARGIN;
  return Math.ceil(wanted / STEP_BYTES) * STEP_BYTES;
}

function startSecondsOf(measured: MeasuredModel | null): number {
  const { loadMs = null } = measured ?? {};
  return loadMs === null ? DEFAULT_START_SECONDS : 30 + Math.ceil((loadMs * LOAD_MARGIN) / 1000);
}

/**
 * How many copies of which size. One process answers 1000 / latency predictions a second when nothing else is in the
 * way; of that a copy is planned to do 60 %, since waiting times grow without bound as utilisation goes to 1.
 */
export function planSize(measured: MeasuredModel | null, wanted: WantedSize): Sizing {
  const threads = measured?.threads ?? 1;
  const cpus = wanted.cpus ?? threads;
  const workers = Math.max(1, Math.floor(cpus / threads));
  // Less processor than the measurement had is so much slower.
  const share = Math.min(1, cpus / threads);
  const capacity =
    measured === null ? null : (workers * share * TARGET_UTILISATION * 1000) / measured.latencyMs;
  const needed =
    capacity === null || wanted.loadPerSecond === null ? null : Math.ceil(wanted.loadPerSecond / capacity);
  // Two, so that one may be gone.
  const min = wanted.minReplicas ?? Math.max(2, needed ?? 2);
  const max = Math.max(min, wanted.maxReplicas ?? Math.max(2 * min, needed ?? 0));
  const memoryBytes = wanted.memoryBytes ?? memoryOf(measured, workers);
  const reasons = [
    measured === null
      ? 'Nothing was measured of this model: sizes are defaults.'
      : `One run took ${Number(measured.latencyMs.toPrecision(3))} ms with ${threads} thread${threads === 1 ? '' : 's'} on ${measured.machine}; another machine, the network and JSON are not in it.`,
    ...(capacity === null
      ? []
      : [
          `A copy with ${cpus} CPU does ${Number(capacity.toPrecision(3))} predictions a second at ${TARGET_UTILISATION * 100} % of its time.`,
        ]),
    ...(needed === null || wanted.loadPerSecond === null
      ? []
      : [
          `${wanted.loadPerSecond} a second need ${needed}${min < needed ? `; ${min} are kept, up to ${max}` : ''}.`,
        ]),
    ...(measured?.memoryBytes == null || wanted.memoryBytes !== null
      ? []
      : [
          `Memory is ${MEMORY_MARGIN} times the ${mebibytes(measured.memoryBytes)} MiB that were measured for each of ${workers} process${workers === 1 ? '' : 'es'}, and ${mebibytes(SERVER_BYTES)} MiB for the server.`,
        ]),
  ];
  return {
    size: { cpus, memoryBytes, workers, threads, startSeconds: startSecondsOf(measured) },
    replicas: { min, max },
    capacityPerSecond: capacity,
    reasons,
  };
}
