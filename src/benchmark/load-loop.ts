import { median } from '../shared/quantile.ts';
import type { Random } from '../shared/random.ts';
import type { LoadPair } from './measurement.ts';
import { type MeasuringClock, timeOnce } from './measuring-loop.ts';

/** Loads a model; what it gives back releases it again. */
export type LoadOnce = () => Promise<() => Promise<void>>;

/**
 * One load varies by 10 to 20 % between processes; the median over many pairs within one process by 1 to 5 %, with CPU
 * hogs beside it too. The first loads of a process also pay for its first memory.
 */
export const LOAD_TIMING = {
  /** So long loads go on, both models together. */
  durationMs: 300,
  pairs: { fewest: 1, most: 40 },
  /** A load that takes longer than this is not repeated only to warm up. */
  warmUpBelowMs: 200,
} as const;

async function loadMs(load: LoadOnce, clock: MeasuringClock): Promise<number> {
  const { result: release, durationMs } = await timeOnce(load, clock);
  await release();
  // Never 0, so that its logarithm exists.
  return Math.max(1e-6, durationMs);
}

/**
 * Loads two models again and again in this process, in ABBA or BAAB order by chance, each load minus its wait for a
 * CPU. The statistic of the launch is the median over the pairs of ln(candidate / base).
 */
export async function measureLoadPairs(
  loads: { readonly base: LoadOnce; readonly candidate: LoadOnce },
  clock: MeasuringClock,
  random: Random,
): Promise<LoadPair> {
  const pairOf = async (baseFirst: boolean): Promise<readonly [base: number, candidate: number]> => {
    if (baseFirst) {
      const base = await loadMs(loads.base, clock);
      return [base, await loadMs(loads.candidate, clock)];
    }
    const candidate = await loadMs(loads.candidate, clock);
    return [await loadMs(loads.base, clock), candidate];
  };
  let baseFirst = random() < 0.5;
  const warm = await pairOf(baseFirst);
  const pairs = Math.min(...warm) > LOAD_TIMING.warmUpBelowMs ? [warm] : [];
  const start = clock.nowMs();
  const { fewest, most } = LOAD_TIMING.pairs;
  while (pairs.length < fewest || (pairs.length < most && clock.nowMs() - start < LOAD_TIMING.durationMs)) {
    baseFirst = pairs.length % 2 === 0 ? random() < 0.5 : !baseFirst;
    pairs.push(await pairOf(baseFirst));
  }
  return {
    logRatio: median(pairs.map(([base, candidate]) => Math.log(candidate / base))),
    baseMs: median(pairs.map(([base]) => base)),
    candidateMs: median(pairs.map(([, candidate]) => candidate)),
    loads: 2 * pairs.length,
  };
}
