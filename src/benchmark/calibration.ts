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
