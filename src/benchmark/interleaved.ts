import { QuickServeError } from '../shared/errors.ts';
import {
  concludeSeries,
  FRESH_PROCESS_LOOKS,
  judgeSeries,
  LATENCY_LOOKS,
  nextLook,
  rulesFor,
  type SequenceRules,
  widenForTiny,
} from './launch-sequence.ts';
import type { Launcher, LaunchModel, SessionSettings } from './launcher.ts';
import type {
  Decision,
  FeedSet,
  LaunchPair,
  MeasurementPlan,
  PairEvidence,
  PairMeasurement,
  SoloLaunch,
} from './measurement.ts';
import { mean, median, relativeDifference, typicalLowerBound } from './statistics.ts';

export const DEFAULT_LOAD_TIME_TOLERANCE = 0.2;
export const DEFAULT_MEMORY_TOLERANCE = 0.1;

/** Load time and memory may take this share of the budget; latency gets the rest. */
const FRESH_PROCESS_SHARE = 0.35;
/** A regression that was found late may use so much more than the budget to be measured again, never to be found. */
const CONFIRMATION_SHARE = 0.5;

/** A timer may fire so much before the clock says so. */
const TIMER_SLACK_MS = 50;

export interface MeasuringProgress {
  readonly phase: 'load-and-memory' | 'latency' | 'confirmation';
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

/** One metric of a series of launches: how its log ratios come about and how they are judged. */
interface Track<T> {
  readonly ratioOf: (launch: T) => number;
  readonly rulesOf: (launches: readonly T[]) => SequenceRules;
}

interface Series<T> {
  readonly launches: readonly T[];
  readonly budgetMs: number;
  readonly launchMs: number;
}

/** Launches until every track is decided, the looks are used up, or the next look cannot be reached by the deadline. */
async function runSeries<T>(input: {
  readonly tracks: readonly Track<T>[];
  readonly launch: (index: number, timeLimitMs: number) => Promise<T>;
  readonly deadline: number;
  readonly now: () => number;
  readonly onLaunch: (done: number, planned: number) => void;
}): Promise<Series<T>> {
  const { tracks, launch, deadline, now, onLaunch } = input;
  const start = now();
  const launches: T[] = [];
  const meanMs = (): number => (launches.length === 0 ? 0 : (now() - start) / launches.length);
  const openLook = (): number | null => {
    const open = tracks
      .map(track => ({ rules: track.rulesOf(launches), ratios: launches.map(track.ratioOf) }))
      .filter(({ rules, ratios }) => judgeSeries(ratios, rules).kind === 'open');
    const looks = open.map(({ rules }) => nextLook(launches.length, rules)).filter(look => look !== null);
    return looks.length === 0 ? null : Math.min(...looks);
  };
  for (let look = openLook(); look !== null; look = openLook()) {
    const remainingMs = deadline - now();
    if (remainingMs <= 0 || meanMs() * (look - launches.length) > remainingMs) break;
    try {
      launches.push(await launch(launches.length, remainingMs));
    } catch (error) {
      // The models have loaded and run before: a launch that the deadline cut off is not a hang.
      if (
        error instanceof QuickServeError &&
        error.code === 'WORKER_TIMEOUT' &&
        now() >= deadline - TIMER_SLACK_MS
      )
        break;
      throw error;
    }
    onLaunch(launches.length, look);
  }
  return {
    launches,
    budgetMs: Math.max(0, deadline - start),
    launchMs: launches.length === 0 ? now() - start : meanMs(),
  };
}

const conclude = <T>(series: Series<T>, track: Track<T>): Decision =>
  concludeSeries(series.launches.map(track.ratioOf), track.rulesOf(series.launches), series);

/** A regression counts only if a second series of fresh launches finds it too. */
function confirm(first: Decision, second: Decision | null): Decision {
  if (first.kind !== 'regressed' || second === null || second.kind === 'regressed') return first;
  const again = second.kind === 'inconclusive' ? ` ${second.reason}` : ` It was ${second.kind} there.`;
  return {
    kind: 'inconclusive',
    reason: `A regression was found, but not when it was measured again with fresh launches.${again}`,
  };
}

function evidenceOf<T>(
  first: Series<T>,
  second: Series<T> | null,
  track: Track<T>,
  sides: { readonly base: (launch: T) => number; readonly candidate: (launch: T) => number },
  alpha: number,
): PairEvidence {
  const found = conclude(first, track);
  const remeasured = found.kind === 'regressed' && second !== null;
  const decision = confirm(found, remeasured ? conclude(second, track) : null);
  // The first series was selected for showing a regression; its repetition is the unbiased one.
  const shown = remeasured && second.launches.length > 0 ? second.launches : first.launches;
  const samples = { base: shown.map(sides.base), candidate: shown.map(sides.candidate) };
  const logRatios = shown.map(track.ratioOf);
  return {
    decision,
    base: samples.base.length === 0 ? null : median(samples.base),
    candidate: samples.candidate.length === 0 ? null : median(samples.candidate),
    samples,
    logRatios,
    difference: relativeDifference(logRatios, alpha),
    candidateLowerBound: typicalLowerBound(samples.candidate, alpha),
    remeasured,
  };
}

const baseMsOf = (launch: LaunchPair): number => median(launch.baseBlocksMs);
const candidateMsOf = (launch: LaunchPair): number => median(launch.candidateBlocksMs);

function tracksOf(plan: MeasurementPlan): {
  readonly latency: Track<LaunchPair>;
  readonly loadTime: Track<SoloPair>;
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
      ratioOf: launch => launch.logRatio,
      rulesOf: launches =>
        launches.length === 0 ? latencyRules : widenForTiny(latencyRules, median(launches.map(baseMsOf))),
    },
    loadTime: {
      ratioOf: launch => Math.log(launch.candidate.loadMs / launch.base.loadMs),
      rulesOf: () => loadRules,
    },
    memory: {
      ratioOf: launch => Math.log(launch.candidate.peakRssBytes / launch.base.peakRssBytes),
      rulesOf: () => memoryRules,
    },
  };
}

/**
 * Measures a model against its base on this machine, in three steps within `plan.budgetMs`:
 *
 * 1. One process for each model alone, discarded: it warms the page cache and finds what hangs, crashes or is refused.
 * 2. Load time and peak memory: pairs of fresh processes in alternating order, looked at after 3, 5, 7 and 10
 *    pairs, at most 35 % of the budget.
 * 3. Latency: launches that hold both models and measure them in interleaved blocks, looked at after 5, 7, 10, 14, 20.
 *
 * Each metric is decided by one-sided Student-t bounds on ln(candidate / base) of the launches, with error
 * `plan.alpha` a look (judgeSeries). Medians over launches are what is shown. A regression is measured again with
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
  const launchSoloPair = async (index: number, timeLimitMs: number): Promise<SoloPair> => {
    const until = now() + timeLimitMs;
    const first = index % 2 === 0 ? 'base' : 'candidate';
    const one = await launchSolo(first, timeLimitMs);
    const other = await launchSolo(first === 'base' ? 'candidate' : 'base', Math.max(1, until - now()));
    return first === 'base' ? { base: one, candidate: other } : { base: other, candidate: one };
  };
  const launchPair =
    (seed: number) =>
    (index: number, timeLimitMs: number): Promise<LaunchPair> => {
      started += 1;
      return launcher.launchPair({ ...models, settings, seed: seed + index, timeLimitMs });
    };
  const report =
    (phase: MeasuringProgress['phase']) =>
    (done: number, planned: number): void =>
      onProgress?.({ phase, done, planned });

  const warm: SoloPair = {
    base: await launchSolo('base', null),
    candidate: await launchSolo('candidate', null),
  };

  const freshTracks = [tracks.loadTime, tracks.memory];
  const freshSeries = (phase: MeasuringProgress['phase'], until: number, of: readonly Track<SoloPair>[]) =>
    runSeries({ tracks: of, launch: launchSoloPair, deadline: until, now, onLaunch: report(phase) });
  const fresh = await freshSeries(
    'load-and-memory',
    start + FRESH_PROCESS_SHARE * plan.budgetMs,
    freshTracks,
  );

  const latencySeries = (phase: MeasuringProgress['phase'], until: number, seed: number) =>
    runSeries({
      tracks: [tracks.latency],
      launch: launchPair(seed),
      deadline: until,
      now,
      onLaunch: report(phase),
    });
  const latency = await latencySeries('latency', deadline, plan.seed);

  const lastMoment = deadline + CONFIRMATION_SHARE * plan.budgetMs;
  const latencyAgain =
    conclude(latency, tracks.latency).kind === 'regressed'
      ? await latencySeries('confirmation', lastMoment, plan.seed + 1000)
      : null;
  const freshRegressed = freshTracks.filter(track => conclude(fresh, track).kind === 'regressed');
  const freshAgain =
    freshRegressed.length > 0 ? await freshSeries('confirmation', lastMoment, freshRegressed) : null;

  const { alpha } = plan;
  const evidence = {
    latency: evidenceOf(
      latency,
      latencyAgain,
      tracks.latency,
      { base: baseMsOf, candidate: candidateMsOf },
      alpha,
    ),
    loadTime: evidenceOf(
      fresh,
      freshAgain,
      tracks.loadTime,
      { base: launch => launch.base.loadMs, candidate: launch => launch.candidate.loadMs },
      alpha,
    ),
    memory: evidenceOf(
      fresh,
      freshAgain,
      tracks.memory,
      { base: launch => launch.base.peakRssBytes, candidate: launch => launch.candidate.peakRssBytes },
      alpha,
    ),
  };
  const pairs = [...latency.launches, ...(latencyAgain?.launches ?? [])];
  const waits = pairs.map(launch => launch.waitShare).filter(share => share !== null);
  const cold = [warm, ...fresh.launches];
  return {
    kind: 'pair',
    ...evidence,
    firstRunMs: {
      base: median(cold.map(launch => launch.base.firstRunMs)),
      candidate: median(cold.map(launch => launch.candidate.firstRunMs)),
    },
    confirmed: Object.values(evidence).some(({ decision }) => decision.kind === 'regressed'),
    alpha,
    launches: started,
    runs: pairs.reduce((sum, launch) => sum + launch.runs, 0),
    waitShare: waits.length === 0 ? null : mean(waits),
    clock: pairs.every(launch => launch.clock === 'wall-minus-wait') ? 'wall-minus-wait' : 'wall',
    durationMs: now() - start,
    feedDigest: input.feeds.candidate.digest,
    feedOrigin: input.feeds.candidate.origin,
  };
}
