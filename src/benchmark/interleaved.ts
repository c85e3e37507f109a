import { median } from '../shared/quantile.ts';
import { FRESH_PROCESS_LOOKS, LATENCY_LOOKS, rulesFor, widenForTiny } from './launch-sequence.ts';
import type { Launcher, LaunchModel, SessionSettings } from './launcher.ts';
import type {
  FeedSet,
  LaunchPair,
  LoadPair,
  MeasurementPlan,
  PairMeasurement,
  PairMetric,
  SoloLaunch,
} from './measurement.ts';
import {
  CONFIRMATION_SHARE,
  inTurns,
  measureTrack,
  NO_SERIES,
  runSeries,
  type Series,
  type Track,
} from './series.ts';
import { mean } from './statistics.ts';

export const DEFAULT_LOAD_TIME_TOLERANCE = 0.2;
export const DEFAULT_MEMORY_TOLERANCE = 0.1;

/** Memory, then latency, may take the budget up to these shares; load time, which only warns by default, gets the rest. */
const MEMORY_SHARE = 0.35;
const LATENCY_SHARE = 0.85;

export interface MeasuringProgress {
  readonly phase: 'memory' | 'load-time' | 'latency' | 'confirmation';
  /** Launches done, and those to the next look. */
  readonly done: number;
  readonly planned: number;
}

export interface PairInput {
  readonly plan: MeasurementPlan;
  /** Absolute paths. */
  readonly basePath: string;
  readonly candidatePath: string;
  readonly feeds: { readonly base: FeedSet; readonly candidate: FeedSet };
  readonly launcher: Launcher;
  /** Monotonic clock, milliseconds. */
  readonly now: () => number;
  readonly onProgress?: (progress: MeasuringProgress) => void;
}

interface SoloPair {
  readonly base: SoloLaunch;
  readonly candidate: SoloLaunch;
}

const baseMsOf = (launch: LaunchPair): number => median(launch.baseBlocksMs);

function tracksOf(plan: MeasurementPlan): {
  readonly latency: Track<LaunchPair>;
  readonly loadTime: Track<LoadPair>;
  readonly memory: Track<SoloPair>;
} {
  const latencyRules = rulesFor(plan.tolerance, plan.alpha, LATENCY_LOOKS);
  const loadRules = rulesFor(
    plan.loadTimeTolerance ?? DEFAULT_LOAD_TIME_TOLERANCE,
    plan.alpha,
    FRESH_PROCESS_LOOKS,
  );
  const memoryRules = rulesFor(
    plan.memoryTolerance ?? DEFAULT_MEMORY_TOLERANCE,
    plan.alpha,
    FRESH_PROCESS_LOOKS,
  );
  return {
    latency: {
      base: baseMsOf,
      candidate: launch => median(launch.candidateBlocksMs),
      ratioOf: launch => launch.logRatio,
      rulesOf: launches =>
        launches.length === 0 ? latencyRules : widenForTiny(latencyRules, median(launches.map(baseMsOf))),
    },
    loadTime: {
      base: launch => launch.baseMs,
      candidate: launch => launch.candidateMs,
      ratioOf: launch => launch.logRatio,
      rulesOf: () => loadRules,
    },
    memory: {
      base: launch => launch.base.peakRssBytes,
      candidate: launch => launch.candidate.peakRssBytes,
      ratioOf: launch => Math.log(launch.candidate.peakRssBytes / launch.base.peakRssBytes),
      rulesOf: () => memoryRules,
    },
  };
}

/**
 * Measures a model against its base on this machine, in four steps within `plan.budgetMs`:
 *
 * 1. One process for each model alone, discarded: it warms the page cache and finds what hangs, crashes or is refused.
 * 2. Peak memory: pairs of fresh processes in alternating order, looked at after 3, 5, 7 and 10 pairs, in at most 35 %
 *    of the budget.
 * 3. Latency: launches that hold both models and measure them in interleaved blocks, looked at after 5, 7, 10, 14, 20,
 *    until at most 85 % of the budget.
 * 4. Load time: launches that load both models in turns, looked at after 3, 5, 7 and 10, in what is left.
 *
 * Each metric is decided by one-sided Student-t bounds on ln(candidate / base) of the launches, with error
 * `plan.alpha` a look (judgeSeries). What is shown is the median of the base over the launches, and that times the ratio. A regression is measured again with
 * fresh launches and must be found again; only that may overrun the budget, by half of it. Fewer launches in the
 * time than the first look needs are inconclusive. The first run after loading is reported as cold start and is in no other number.
 * @throws QuickServeError where a model cannot be loaded or run, or its process died (see Launcher).
 */
export async function measurePair(input: PairInput): Promise<PairMeasurement> {
  const { plan, launcher, now, onProgress } = input;
  const start = now();
  const deadline = start + plan.budgetMs;
  const settings: SessionSettings = { provider: plan.provider, threads: plan.threads };
  const models: { readonly base: LaunchModel; readonly candidate: LaunchModel } = {
    base: { path: input.basePath, feeds: input.feeds.base },
    candidate: { path: input.candidatePath, feeds: input.feeds.candidate },
  };
  const tracks = tracksOf(plan);
  let started = 0;

  const launchSolo = (side: 'base' | 'candidate', timeLimitMs: number | null): Promise<SoloLaunch> => {
    started += 1;
    return launcher.launchSolo({ model: models[side], side, settings, blocks: false, timeLimitMs });
  };
  const launchPair =
    (seed: number) =>
    (index: number, timeLimitMs: number): Promise<LaunchPair> => {
      started += 1;
      return launcher.launchPair({ ...models, settings, seed: seed + index, timeLimitMs });
    };
  const launchLoads =
    (seed: number) =>
    (index: number, timeLimitMs: number): Promise<LoadPair> => {
      started += 1;
      const { basePath, candidatePath } = input;
      return launcher.launchLoads({ basePath, candidatePath, settings, seed: seed + index, timeLimitMs });
    };
  const warm: SoloPair = {
    base: await launchSolo('base', null),
    candidate: await launchSolo('candidate', null),
  };

  const lastMoment = deadline + CONFIRMATION_SHARE * plan.budgetMs;
  const measure = <T>(
    metric: PairMetric,
    track: Track<T>,
    launchFrom: (seed: number) => (index: number, timeLimitMs: number) => Promise<T>,
    until: number,
  ) => {
    const run = async (isAgain: boolean): Promise<Series<T>> => {
      if (plan.metrics?.includes(metric) === false) return NO_SERIES;
      const phase = isAgain ? 'confirmation' : metric;
      return runSeries({
        track,
        launch: launchFrom(isAgain ? plan.seed + 1000 : plan.seed),
        deadline: isAgain ? lastMoment : until,
        now,
        onLaunch: (done, planned) => onProgress?.({ phase, done, planned }),
      });
    };
    return measureTrack(track, run, plan.alpha);
  };
  const memory = await measure(
    'memory',
    tracks.memory,
    () => inTurns(launchSolo, now),
    start + MEMORY_SHARE * plan.budgetMs,
  );
  const latency = await measure('latency', tracks.latency, launchPair, start + LATENCY_SHARE * plan.budgetMs);
  const loadTime = await measure('load-time', tracks.loadTime, launchLoads, deadline);
  const { launches: pairs, evidence: latencyEvidence } = await latency.confirm();
  const evidence = {
    latency: latencyEvidence,
    memory: (await memory.confirm()).evidence,
    loadTime: (await loadTime.confirm()).evidence,
  };
  const waits = pairs.map(launch => launch.waitShare).filter(share => share !== null);
  const cold = [warm, ...memory.launches];
  return {
    kind: 'pair',
    ...evidence,
    firstRunMs: {
      base: median(cold.map(launch => launch.base.firstRunMs)),
      candidate: median(cold.map(launch => launch.candidate.firstRunMs)),
    },
    confirmed: Object.values(evidence).some(({ decision }) => decision.kind === 'regressed'),
    alpha: plan.alpha,
    launches: started,
    runs: pairs.reduce((sum, launch) => sum + launch.runs, 0),
    waitShare: waits.length === 0 ? null : mean(waits),
    clock: pairs.every(launch => launch.clock === 'wall-minus-wait') ? 'wall-minus-wait' : 'wall',
    durationMs: now() - start,
    feedDigest: input.feeds.candidate.digest,
    baseFeedDigest: input.feeds.base.digest,
    feedOrigin: input.feeds.candidate.origin,
  };
}
