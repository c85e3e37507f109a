/** One setting of a sweep: a batch size, a number of threads, an optimisation level. */
export interface SweepPoint {
  readonly setting: string;
  /** Rows of one run. */
  readonly batch: number;
  /** Milliseconds a run, one value a launch. */
  readonly samplesMs: readonly number[];
  readonly latencyMs: number;
  /** Rows a second. */
  readonly throughput: number;
}

/** A change of a setting that pays, by what was measured here. */
export interface Suggestion {
  readonly what: 'batch' | 'threads' | 'optimization';
  readonly from: string;
  readonly to: string;
  /** Throughput gained: 0.3 is 30 %. */
  readonly gain: number;
}

/** Gains below this are not worth a setting of their own, and may be noise. */
const SMALLEST_GAIN = 0.1;
/** The knee is where at least this much of the best throughput is reached. */
const KNEE_SHARE = 0.9;

/** A point from the latencies of its launches: their smallest, since whatever disturbs a launch lengthens it. */
export function sweepPoint(setting: string, batch: number, samplesMs: readonly number[]): SweepPoint {
  const latencyMs = Math.min(...samplesMs);
  return { setting, batch, samplesMs, latencyMs, throughput: (1000 * batch) / latencyMs };
}

/**
 * The knee of a batch sweep: the smallest batch with nine tenths of the best throughput. Larger ones only cost latency.
 * null for no points.
 */
export function kneeOf(points: readonly SweepPoint[]): SweepPoint | null {
  const best = Math.max(...points.map(({ throughput }) => throughput));
  return (
    points
      .toSorted((one, other) => one.batch - other.batch)
      .find(({ throughput }) => throughput >= KNEE_SHARE * best) ?? null
  );
}

/**
 * What a sweep suggests instead of `current`; null where nothing gains at least a tenth. It must gain in its worst
 * launch too, against the best launch of the current setting.
 */
export function suggestFrom(
  what: Suggestion['what'],
  points: readonly SweepPoint[],
  current: string,
): Suggestion | null {
  const now = points.find(({ setting }) => setting === current);
  const candidate =
    what === 'batch' ? kneeOf(points) : points.toSorted((a, b) => b.throughput - a.throughput)[0];
  if (now === undefined || candidate === undefined || candidate === null) return null;
  const worst = (1000 * candidate.batch) / Math.max(...candidate.samplesMs);
  if (candidate.setting === now.setting || worst <= now.throughput) return null;
  const gain = candidate.throughput / now.throughput - 1;
  return gain < SMALLEST_GAIN ? null : { what, from: now.setting, to: candidate.setting, gain };
}

/**
 * The batch with the highest throughput of those whose slowest launch stays within a latency limit; null where even the
 * smallest does not. Where throughputs are equal, the smaller batch.
 * @param latencyLimitMs of one run; null: no limit.
 */
export function fastestWithin(
  points: readonly SweepPoint[],
  latencyLimitMs: number | null,
): SweepPoint | null {
  const allowed = points.filter(
    ({ samplesMs }) => latencyLimitMs === null || Math.max(...samplesMs) <= latencyLimitMs,
  );
  return (
    allowed.toSorted((one, other) => other.throughput - one.throughput || one.batch - other.batch)[0] ?? null
  );
}
