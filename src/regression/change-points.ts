/**
 * Change points of a series in its mean, by PELT (Killick, Fearnhead and Eckley 2012, "Optimal detection of changepoints
 * with a linear computational cost"): the exact minimum of the squared deviations from the segments' means, in units of
 * the noise, plus `penalty` for each change.
 * @param values at least 2 * `shortest` for any change to be found
 * @param noise standard deviation of the values within a segment, above 0
 * @param penalty 3 ln n is a cautious choice (the Bayesian information criterion has 2 ln n)
 * @returns positions at which a new segment begins, ascending
 */
export function changePoints(
  values: readonly number[],
  noise: number,
  { shortest = 3, penalty = 3 * Math.log(Math.max(2, values.length)) } = {},
): readonly number[] {
  const count = values.length;
  const sums = new Float64Array(count + 1);
  const squares = new Float64Array(count + 1);
  for (const [index, value] of values.entries()) {
    sums[index + 1] = (sums[index] ?? 0) + value;
    squares[index + 1] = (squares[index] ?? 0) + value * value;
  }
  const cost = (from: number, to: number): number => {
    const sum = (sums[to] ?? 0) - (sums[from] ?? 0);
    const square = (squares[to] ?? 0) - (squares[from] ?? 0);
    return Math.max(0, square - (sum * sum) / (to - from)) / (noise * noise);
  };
  const best = new Float64Array(count + 1).fill(Number.POSITIVE_INFINITY);
  const last = new Int32Array(count + 1);
  best[0] = -penalty;
  let candidates = [0];
  for (let to = shortest; to <= count; to += 1) {
    const costs = candidates.map(from => (best[from] ?? 0) + cost(from, to));
    for (const [index, from] of candidates.entries()) {
      const total = (costs[index] ?? 0) + penalty;
      if (total < (best[to] ?? 0)) {
        best[to] = total;
        last[to] = from;
      }
    }
    // What is worse already without the penalty never becomes the best again.
    candidates = candidates.filter((_, index) => (costs[index] ?? 0) <= (best[to] ?? 0));
    const next = to - shortest + 1;
    if (next >= shortest) candidates.push(next);
  }
  const found: number[] = [];
  for (let to = count; to > 0; to = last[to] ?? 0) if ((last[to] ?? 0) > 0) found.push(last[to] ?? 0);
  return found.reverse();
}
