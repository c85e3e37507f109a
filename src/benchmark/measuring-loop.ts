import { median, quantile } from '../shared/quantile.ts';
import type { Random } from '../shared/random.ts';
import type { LaunchPair } from './measurement.ts';

/** Time as the measuring process sees it. */
export interface MeasuringClock {
  /** Monotonic, milliseconds. */
  readonly nowMs: () => number;
  /** Milliseconds that this thread has stood in the run queue so far, or null where that cannot be read. */
  readonly waitMs: () => number | null;
}

/** Runs a model once. */
export type RunOnce = () => Promise<void>;

/**
 * The constants of the procedure, measured on real models (6 us to 51 ms a run; quiet, contended and with CPU hogs).
 * Blocks and ABBA order cancel drift; the 25th percentile cuts off interruptions, which only ever lengthen a run.
 */
export const TIMING = {
  /** A block lasts so long, or one run, whichever is longer. */
  blockMs: 20,
  /** From this steady run time on there are fewer pairs. */
  slowRunMs: 20,
  warmUpPairs: { fast: 3, slow: 2 },
  measuredPairs: { fast: 6, slow: 4 },
  /** Shorter runs are timed by the wall alone: reading the wait costs 2.5 us. */
  waitCorrectedRunMs: 0.2,
  blockQuantile: 0.25,
} as const;

interface Block {
  readonly wallMs: readonly number[];
  /** Wall minus wait of each run, those at or below 0 dropped; null where the wait was not read a run. */
  readonly correctedMs: readonly number[] | null;
  readonly durationMs: number;
  readonly waitedMs: number | null;
}

async function measureBlock(run: RunOnce, clock: MeasuringClock, corrected: boolean): Promise<Block> {
  const wallMs: number[] = [];
  const correctedMs: number[] = [];
  const waitAtStart = clock.waitMs();
  const start = clock.nowMs();
  let end = start;
  do {
    const waitBefore = corrected ? clock.waitMs() : null;
    const before = clock.nowMs();
    await run();
    end = clock.nowMs();
    const waitAfter = corrected ? clock.waitMs() : null;
    wallMs.push(end - before);
    if (waitBefore !== null && waitAfter !== null) {
      const own = end - before - (waitAfter - waitBefore);
      if (own > 0) correctedMs.push(own);
    }
  } while (end - start < TIMING.blockMs);
  const waitAtEnd = clock.waitMs();
  return {
    wallMs,
    correctedMs: corrected ? correctedMs : null,
    durationMs: end - start,
    waitedMs: waitAtStart === null || waitAtEnd === null ? null : waitAtEnd - waitAtStart,
  };
}

/** Never 0, so that its logarithm exists: a clock may stand still for less than a nanosecond. */
const wallStatistic = (block: Block): number => Math.max(1e-6, quantile(block.wallMs, TIMING.blockQuantile));

/** null where no run of the block is left after the correction. */
const correctedStatistic = (block: Block): number | null =>
  block.correctedMs === null || block.correctedMs.length === 0
    ? null
    : quantile(block.correctedMs, TIMING.blockQuantile);

function waitShareOf(blocks: readonly Block[]): number | null {
  let waited = 0;
  let lasted = 0;
  for (const block of blocks) {
    if (block.waitedMs === null) return null;
    waited += block.waitedMs;
    lasted += block.durationMs;
  }
  return lasted > 0 ? Math.min(1, waited / lasted) : null;
}

const runsOf = (blocks: readonly Block[]): number =>
  blocks.reduce((sum, block) => sum + block.wallMs.length, 0);

/**
 * Measures two models that are loaded in this process: warm-up, then block pairs in ABBA or BAAB order by chance.
 * The statistic of a block is the 25th percentile of its runs, that of the launch the median over the pairs of
 * ln(candidate / base). Both models must have run once before: the first run is a cold start and no part of this.
 */
export async function measurePairBlocks(
  runs: { readonly base: RunOnce; readonly candidate: RunOnce },
  clock: MeasuringClock,
  random: Random,
): Promise<LaunchPair> {
  const pairOf = async (baseFirst: boolean, corrected: boolean): Promise<[Block, Block]> => {
    if (baseFirst) {
      const base = await measureBlock(runs.base, clock, corrected);
      return [base, await measureBlock(runs.candidate, clock, corrected)];
    }
    const candidate = await measureBlock(runs.candidate, clock, corrected);
    return [await measureBlock(runs.base, clock, corrected), candidate];
  };

  let baseFirst = random() < 0.5;
  let warm = await pairOf(baseFirst, false);
  const slow = Math.max(...warm.map(wallStatistic)) >= TIMING.slowRunMs;
  const pace = slow ? 'slow' : 'fast';
  for (let pair = 1; pair < TIMING.warmUpPairs[pace]; pair++) {
    baseFirst = !baseFirst;
    warm = await pairOf(baseFirst, false);
  }
  const corrected =
    clock.waitMs() !== null && Math.min(...warm.map(wallStatistic)) >= TIMING.waitCorrectedRunMs;

  const pairs: [Block, Block][] = [];
  for (let pair = 0; pair < TIMING.measuredPairs[pace]; pair++) {
    baseFirst = pair % 2 === 0 ? random() < 0.5 : !baseFirst;
    pairs.push(await pairOf(baseFirst, corrected));
  }
  const blocks = pairs.flat();
  const shared = { runs: runsOf(blocks), waitShare: waitShareOf(blocks) };

  const kept: [number, number][] = [];
  for (const [base, candidate] of pairs) {
    const baseMs = correctedStatistic(base);
    const candidateMs = correctedStatistic(candidate);
    if (baseMs !== null && candidateMs !== null) kept.push([baseMs, candidateMs]);
  }
  return kept.length > 0
    ? { ...statisticsOf(kept), ...shared, clock: 'wall-minus-wait' }
    : {
        ...statisticsOf(pairs.map(([base, candidate]) => [wallStatistic(base), wallStatistic(candidate)])),
        ...shared,
        clock: 'wall',
      };
}

function statisticsOf(
  pairs: readonly [number, number][],
): Pick<LaunchPair, 'logRatio' | 'baseBlocksMs' | 'candidateBlocksMs'> {
  return {
    logRatio: median(pairs.map(([base, candidate]) => Math.log(candidate / base))),
    baseBlocksMs: pairs.map(([base]) => base),
    candidateBlocksMs: pairs.map(([, candidate]) => candidate),
  };
}

export interface SoloBlocks {
  /** Milliseconds a run, one value a block. */
  readonly blocksMs: readonly number[];
  readonly runs: number;
  readonly waitShare: number | null;
}

/** Measures one loaded model: the warm-up and the blocks of the pair procedure, without a partner. */
export async function measureSoloBlocks(run: RunOnce, clock: MeasuringClock): Promise<SoloBlocks> {
  let warm = await measureBlock(run, clock, false);
  const pace = wallStatistic(warm) >= TIMING.slowRunMs ? 'slow' : 'fast';
  for (let block = 1; block < TIMING.warmUpPairs[pace]; block++) warm = await measureBlock(run, clock, false);
  const corrected = clock.waitMs() !== null && wallStatistic(warm) >= TIMING.waitCorrectedRunMs;
  const blocks: Block[] = [];
  for (let block = 0; block < TIMING.measuredPairs[pace]; block++) {
    blocks.push(await measureBlock(run, clock, corrected));
  }
  const kept = blocks.map(correctedStatistic).filter(value => value !== null);
  return {
    blocksMs: kept.length > 0 ? kept : blocks.map(wallStatistic),
    runs: runsOf(blocks),
    waitShare: waitShareOf(blocks),
  };
}

/** One duration, minus the wait for a CPU where that can be read and leaves something. */
export async function timeOnce<T>(
  work: () => Promise<T>,
  clock: MeasuringClock,
): Promise<{ readonly result: T; readonly durationMs: number }> {
  const waitBefore = clock.waitMs();
  const before = clock.nowMs();
  const result = await work();
  const wallMs = clock.nowMs() - before;
  const waitAfter = clock.waitMs();
  const ownMs = waitBefore === null || waitAfter === null ? wallMs : wallMs - (waitAfter - waitBefore);
  return { result, durationMs: ownMs > 0 ? ownMs : wallMs };
}
