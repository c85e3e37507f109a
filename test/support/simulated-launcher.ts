import type { Launcher } from '../../src/benchmark/launcher.ts';
import type {
  FeedSet,
  LaunchPair,
  LoadPair,
  MeasurementPlan,
  SoloLaunch,
} from '../../src/benchmark/measurement.ts';
import { normalRandom, seededRandom } from '../../src/shared/random.ts';

/** What a simulated model takes; ratios are those of the candidate. */
export interface SimulatedMachine {
  readonly baseMs: number;
  readonly ratio: number;
  readonly loadRatio: number;
  readonly memoryRatio: number;
  /** Standard deviation of the log ratio between launches. */
  readonly spread: number;
  /** Time that one launch takes of the budget. */
  readonly launchMs: number;
}

export const quietMachine: SimulatedMachine = {
  baseMs: 2,
  ratio: 1,
  loadRatio: 1,
  memoryRatio: 1,
  spread: 0.005,
  launchMs: 300,
};

export const plan: MeasurementPlan = {
  budgetMs: 30_000,
  threads: 1,
  provider: 'cpu',
  seed: 1,
  dims: {},
  casesPath: null,
  tolerance: 0.05,
  alpha: 0.01,
};

export const feeds: FeedSet = { origin: 'synthetic', digest: 'f'.repeat(64), tensors: [] };

/** A launcher whose launches take simulated time, by `machineAt(launches so far)`. */
export function simulateLauncher(machineAt: (launches: number) => SimulatedMachine) {
  const normal = normalRandom(seededRandom(12345));
  let nowMs = 0;
  let launches = 0;
  const kinds: string[] = [];
  const begin = (kind: string): SimulatedMachine => {
    const machine = machineAt(launches);
    launches += 1;
    nowMs += machine.launchMs;
    kinds.push(kind);
    return machine;
  };
  const launcher: Launcher = {
    async launchPair(): Promise<LaunchPair> {
      const machine = begin('pair');
      const logRatio = Math.log(machine.ratio) + machine.spread * normal();
      const baseBlocksMs = Array.from({ length: 6 }, () => machine.baseMs);
      return {
        logRatio,
        baseBlocksMs,
        candidateBlocksMs: baseBlocksMs.map(value => value * Math.exp(logRatio)),
        runs: 120,
        waitShare: 0.1,
        clock: 'wall-minus-wait',
      };
    },
    async launchLoads(): Promise<LoadPair> {
      const machine = begin('loads');
      const logRatio = Math.log(machine.loadRatio) + machine.spread * normal();
      return { logRatio, baseMs: 10, candidateMs: 10 * Math.exp(logRatio), loads: 40 };
    },
    async launchCycles({ cycles }): Promise<readonly number[]> {
      begin('cycles');
      return Array.from({ length: cycles }, () => 1e8);
    },
    async launchSolo({ side, blocks }): Promise<SoloLaunch> {
      const machine = begin(side);
      const candidate = side === 'candidate';
      return {
        firstLoadMs: 20,
        loadMs: 10 * (candidate ? machine.loadRatio : 1) * Math.exp(machine.spread * normal()),
        firstRunMs: machine.baseMs * 2,
        peakRssBytes: 1e8 * (candidate ? machine.memoryRatio : 1) * Math.exp(0.1 * machine.spread * normal()),
        blocksMs: blocks ? [machine.baseMs, machine.baseMs * 1.01] : [],
        runs: blocks ? 40 : 0,
        waitShare: null,
      };
    },
  };
  return { launcher, now: () => nowMs, kinds };
}
