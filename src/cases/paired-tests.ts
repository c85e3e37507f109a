import { seededRandom } from '../shared/random.ts';
import {
  type AccuracyMetric,
  type Average,
  correctRows,
  type EvaluatedRows,
  evaluateMetric,
  isErrorMetric,
  rowCount,
} from './accuracy-metrics.ts';
import type { PairedTest } from './accuracy-report.ts';

/** ln(n!) by Stirling's series; exact to 1e-12 relative, from a table below 16. */
function logFactorial(n: number): number {
  if (n < 16) {
    let product = 1;
    for (let factor = 2; factor <= n; factor++) product *= factor;
    return Math.log(product);
  }
  const x = n + 1;
  return (
    (x - 0.5) * Math.log(x) -
    x +
    0.5 * Math.log(2 * Math.PI) +
    1 / (12 * x) -
    1 / (360 * x ** 3) +
    1 / (1260 * x ** 5)
  );
}

/** Probability of exactly k of n fair throws. */
const halfBinomial = (n: number, k: number): number =>
  Math.exp(logFactorial(n) - logFactorial(k) - logFactorial(n - k) - n * Math.LN2);

/**
 * McNemar's test with the mid-p value, one-sided (Fagerland, Lydersen and Laake 2013): how likely it is that at least
 * so many of the rows that only one side gets right are lost, where each is lost or won with the same chance.
 * @param lost rows that the base had right and the candidate has wrong
 * @param won the other way round
 */
export function mcnemarMidP(lost: number, won: number): number {
  const discordant = lost + won;
  if (discordant === 0) return 1;
  let tail = 0;
  for (let k = lost + 1; k <= discordant; k++) tail += halfBinomial(discordant, k);
  return Math.min(1, tail + halfBinomial(discordant, lost) / 2);
}

const MOST_RESAMPLES = 2000;
const FEWEST_RESAMPLES = 200;
/** Row visits in all; keeps a test of a million rows within seconds. */
const RESAMPLING_WORK = 200_000_000;

export interface PairedRows {
  readonly base: EvaluatedRows;
  readonly candidate: EvaluatedRows;
}

/** How much worse the candidate is: positive is worse, for scores and errors alike. */
export const dropOf = (metric: AccuracyMetric, base: number, candidate: number): number =>
  isErrorMetric(metric) ? candidate - base : base - candidate;

function mcnemar(metric: AccuracyMetric, { base, candidate }: PairedRows): PairedTest | null {
  const baseRight = correctRows(base, metric);
  const candidateRight = correctRows(candidate, metric);
  if (baseRight === null || candidateRight === null) return null;
  let lost = 0;
  let won = 0;
  const rows = rowCount(base);
  for (let row = 0; row < rows; row++) {
    const before = baseRight(row);
    const after = candidateRight(row);
    if (before && !after) lost += 1;
    else if (!before && after) won += 1;
  }
  return { method: 'mcnemar-mid-p', pValue: mcnemarMidP(lost, won), interval: null };
}

/** Paired bootstrap over rows (Efron and Tibshirani 1993, ch. 16): both sides always on the same resample. */
function bootstrap(
  metric: AccuracyMetric,
  average: Average,
  pair: PairedRows,
  seed: number,
): PairedTest | null {
  const rows = rowCount(pair.base);
  if (rows === 0) return null;
  const columns =
    pair.base.kind === 'regressed' ? pair.base.columns : metric === 'auc' ? pair.base.scoreColumns : 1;
  const resamples = Math.max(
    FEWEST_RESAMPLES,
    Math.min(MOST_RESAMPLES, Math.floor(RESAMPLING_WORK / (rows * columns * 3))),
  );
  const random = seededRandom(seed);
  const counts = new Uint32Array(rows);
  const drops: number[] = [];
  for (let sample = 0; sample < resamples; sample++) {
    counts.fill(0);
    for (let draw = 0; draw < rows; draw++) {
      const row = Math.floor(random() * rows);
      counts[row] = (counts[row] ?? 0) + 1;
    }
    const base = evaluateMetric(pair.base, metric, average, counts);
    const candidate = evaluateMetric(pair.candidate, metric, average, counts);
    if (base !== null && candidate !== null) drops.push(dropOf(metric, base, candidate));
  }
  if (drops.length === 0) return null;
  drops.sort((a, b) => a - b);
  const at = (share: number): number =>
    drops[Math.min(drops.length - 1, Math.floor(share * drops.length))] ?? 0;
  const notWorse = drops.filter(drop => drop <= 0).length;
  return {
    method: 'paired-bootstrap',
    pValue: (notWorse + 1) / (drops.length + 1),
    interval: { low: at(0.025), high: at(0.975), confidence: 0.95 },
  };
}

/**
 * Whether a drop is more than chance: McNemar's test where the metric is a share of right rows, else a seeded paired
 * bootstrap. null where neither can be made. Both sides must hold the same rows in the same order.
 */
export function testDrop(
  metric: AccuracyMetric,
  average: Average,
  pair: PairedRows,
  seed: number,
): PairedTest | null {
  return mcnemar(metric, pair) ?? bootstrap(metric, average, pair, seed);
}
