import type { Served } from '../watcher.ts';

/** Of the last seconds. */
export interface LiveFigures {
  readonly requestsPerSecond: number;
  /** Answers of 500 and above. */
  readonly errorsPerSecond: number;
  /** Answers of 429 and 503, the latter among the errors too. */
  readonly rejectedPerSecond: number;
  /** null: nothing was answered. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

export interface LiveModel extends LiveFigures {
  readonly model: string;
  readonly version: string;
  readonly inferenceP50Ms: number | null;
  readonly meanBatchSize: number | null;
}

const WINDOW_SECONDS = 10;
/** Each bucket is a tenth wider than the one before, from a hundredth of a millisecond: 200 of them reach over 1000 s. */
const BUCKETS = 200;
const GROWTH = Math.log(1.1);
const SMALLEST_MS = 0.01;

const bucketOf = (durationMs: number): number =>
  durationMs <= SMALLEST_MS
    ? 0
    : Math.min(BUCKETS - 1, Math.ceil(Math.log(durationMs / SMALLEST_MS) / GROWTH));

/** The middle of a bucket, so that a quantile is off by a twentieth at most. */
const middleOf = (bucket: number): number =>
  bucket === 0 ? SMALLEST_MS : SMALLEST_MS * Math.exp((bucket - 0.5) * GROWTH);

class Tally {
  requests = 0;
  errors = 0;
  rejected = 0;
  batchSizes = 0;
  inferences = 0;
  readonly total = new Uint32Array(BUCKETS);
  readonly inference = new Uint32Array(BUCKETS);

  add(served: Served): void {
    this.requests += 1;
    if (served.status >= 500) this.errors += 1;
    if (served.status === 429 || served.status === 503) this.rejected += 1;
    const bucket = bucketOf(served.totalMs);
    this.total[bucket] = (this.total[bucket] ?? 0) + 1;
    if (served.inference === null) return;
    this.inferences += 1;
    this.batchSizes += served.inference.batchSize;
    const inner = bucketOf(served.inference.inferenceMs);
    this.inference[inner] = (this.inference[inner] ?? 0) + 1;
  }
}

function quantile(tallies: readonly Tally[], which: 'total' | 'inference', share: number): number | null {
  const counts = new Float64Array(BUCKETS);
  let all = 0;
  for (const tally of tallies) {
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      const count = tally[which][bucket] ?? 0;
      counts[bucket] = (counts[bucket] ?? 0) + count;
      all += count;
    }
  }
  if (all === 0) return null;
  let seen = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    seen += counts[bucket] ?? 0;
    if (seen >= share * all) return middleOf(bucket);
  }
  return null;
}

const sumOf = (tallies: readonly Tally[], field: 'requests' | 'errors' | 'rejected'): number =>
  tallies.reduce((sum, tally) => sum + tally[field], 0);

function figuresOf(tallies: readonly Tally[], seconds: number): LiveFigures {
  return {
    requestsPerSecond: sumOf(tallies, 'requests') / seconds,
    errorsPerSecond: sumOf(tallies, 'errors') / seconds,
    rejectedPerSecond: sumOf(tallies, 'rejected') / seconds,
    p50Ms: quantile(tallies, 'total', 0.5),
    p95Ms: quantile(tallies, 'total', 0.95),
    p99Ms: quantile(tallies, 'total', 0.99),
  };
}

interface Second {
  readonly second: number;
  readonly all: Tally;
  readonly models: Map<string, { readonly model: string; readonly version: string; readonly tally: Tally }>;
}

/**
 * Rates and latencies of the last ten seconds, for a person who looks. Requests that do not run a model are left out of
 * everything: the page that is watched, and the probes, must not be what it shows. Memory is bounded by the seconds and
 * the loaded models.
 */
export class LiveStatistics {
  #seconds: Second[] = [];

  /** @param nowMs of a clock that never steps back. */
  add(served: Served, isInference: boolean, nowMs: number): void {
    if (!isInference) return;
    const second = this.#at(nowMs);
    second.all.add(served);
    const { inference } = served;
    if (inference === null) return;
    const key = JSON.stringify([inference.model, inference.version]);
    const entry = second.models.get(key) ?? {
      model: inference.model,
      version: inference.version,
      tally: new Tally(),
    };
    entry.tally.add(served);
    second.models.set(key, entry);
  }

  figures(nowMs: number): LiveFigures {
    return figuresOf(
      this.#recent(nowMs).map(({ all }) => all),
      WINDOW_SECONDS,
    );
  }

  models(nowMs: number): readonly LiveModel[] {
    const byKey = new Map<
      string,
      { readonly model: string; readonly version: string; readonly tallies: Tally[] }
    >();
    for (const { models } of this.#recent(nowMs)) {
      for (const [key, { model, version, tally }] of models) {
        const entry = byKey.get(key) ?? { model, version, tallies: [] };
        entry.tallies.push(tally);
        byKey.set(key, entry);
      }
    }
    return [...byKey.values()].map(({ model, version, tallies }) => {
      const inferences = tallies.reduce((sum, tally) => sum + tally.inferences, 0);
      const sizes = tallies.reduce((sum, tally) => sum + tally.batchSizes, 0);
      return {
        model,
        version,
        ...figuresOf(tallies, WINDOW_SECONDS),
        inferenceP50Ms: quantile(tallies, 'inference', 0.5),
        meanBatchSize: inferences === 0 ? null : sizes / inferences,
      };
    });
  }

  #at(nowMs: number): Second {
    const second = Math.floor(nowMs / 1000);
    const last = this.#seconds.at(-1);
    if (last?.second === second) return last;
    const added: Second = { second, all: new Tally(), models: new Map() };
    this.#seconds = [...this.#seconds.filter(each => each.second > second - WINDOW_SECONDS - 1), added];
    return added;
  }

  /** The whole seconds before this one: the one that runs would make every rate too small. */
  #recent(nowMs: number): readonly Second[] {
    const second = Math.floor(nowMs / 1000);
    return this.#seconds.filter(each => each.second < second && each.second >= second - WINDOW_SECONDS);
  }
}
