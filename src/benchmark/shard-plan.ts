/** A model with what it is expected to cost. */
export interface ShardWork {
  readonly name: string;
  /** Milliseconds; see expectedCostMs. */
  readonly costMs: number;
}

/** Which shard checks which models, by position: the first list is shard 1. */
export type ShardAssignment = readonly (readonly string[])[];

/** Starting, reading, comparing and reporting one model, whatever its size. */
const FIXED_COST_MS = 200;
/** Hashing and copying from a cold disk. */
const BYTES_PER_MS = 200_000;

/**
 * What checking a model will take: its measuring budget where it is measured, and reading its bytes in any case. A rough
 * figure is enough, since only the balance follows from it.
 * @param sizeBytes of the model file as committed, a Git LFS object's own size included; 0 where it is not known.
 */
export function expectedCostMs(sizeBytes: number, measured: { readonly budgetMs: number } | null): number {
  return FIXED_COST_MS + Math.ceil(sizeBytes / BYTES_PER_MS) + (measured?.budgetMs ?? 0);
}

/** By UTF-16 code units: the same on every machine, unlike a locale's order. */
const byName = (one: ShardWork, other: ShardWork): number =>
  one.name < other.name ? -1 : one.name > other.name ? 1 : 0;

/**
 * Splits models over shards, the most expensive first and each to the shard that has the least so far: the slowest shard
 * then takes at most 4/3 of the best possible (Graham 1969, "Bounds on multiprocessing timing anomalies"). A pure
 * function: every shard computes the same answer for itself. A shard may end up with nothing.
 * @param count at least 1
 */
export function assignShards(work: readonly ShardWork[], count: number): ShardAssignment {
  const shards = Array.from({ length: count }, () => ({ names: [] as string[], costMs: 0 }));
  const ordered = work.toSorted((one, other) => other.costMs - one.costMs || byName(one, other));
  for (const { name, costMs } of ordered) {
    const least = shards.reduce((best, each) => (each.costMs < best.costMs ? each : best));
    least.names.push(name);
    least.costMs += costMs;
  }
  return shards.map(({ names }) => names);
}
