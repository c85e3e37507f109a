/** Side of the square matrices: 50 KB of data, which stays in the first caches. */
const SIDE = 64;
/** The first repetitions are compiled while they run. */
const REPETITIONS = 40;

function multiply(a: Float32Array, b: Float32Array, product: Float32Array): void {
  for (let row = 0; row < SIDE; row += 1) {
    for (let column = 0; column < SIDE; column += 1) {
      let sum = 0;
      for (let k = 0; k < SIDE; k += 1) sum += (a[row * SIDE + k] ?? 0) * (b[k * SIDE + column] ?? 0);
      product[row * SIDE + column] = sum;
    }
  }
}

/**
 * Milliseconds that this machine takes for a fixed piece of work, the shortest of many: it tells a slow machine from a
 * fast one of the same label. Takes about 20 ms. @param now monotonic clock, milliseconds.
 */
export function calibrate(now: () => number): number {
  const a = new Float32Array(SIDE * SIDE).fill(0.5);
  const b = new Float32Array(SIDE * SIDE).fill(0.25);
  const product = new Float32Array(SIDE * SIDE);
  let shortest = Number.POSITIVE_INFINITY;
  for (let repetition = 0; repetition < REPETITIONS; repetition += 1) {
    const start = now();
    multiply(a, b, product);
    // What was made goes in again: nothing of it can be left out.
    a.set(product.subarray(0, SIDE));
    shortest = Math.min(shortest, now() - start);
  }
  return Math.round(shortest * 1e4) / 1e4;
}

export interface NoiseFacts {
  /** Mean share of time that the measuring thread waited for a CPU; null where it cannot be read. */
  readonly waitShare: number | null;
  /** Spread of the launches: of the log ratios, or of the logarithms of one model's latencies. */
  readonly spread: number | null;
}

/** How far the numbers can be trusted, in one plain sentence. */
export function trustSentence({ waitShare, spread }: NoiseFacts): string {
  const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
  const waited =
    waitShare === null
      ? 'How long the thread waited for a CPU cannot be read here, so times are wall times'
      : `The thread waited for a CPU ${percent(waitShare)} of the time, which is taken out`;
  if (spread === null) return `${waited}; too few launches to say how much they differ.`;
  const launches = `launches differ by ${percent(spread)}`;
  if (spread < 0.01) return `${waited}; ${launches}: small differences can be told.`;
  if (spread < 0.04) return `${waited}; ${launches}: differences of a few per cent can be told.`;
  return `${waited}; ${launches}: only large differences can be told, measure again on a quieter machine.`;
}
