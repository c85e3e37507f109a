import { setTimeout as sleep } from 'node:timers/promises';
import { feedsFor } from '../../benchmark/feeds.ts';
import { type Launcher, OPTIMIZATION_LEVELS, type SessionSettings } from '../../benchmark/launcher.ts';
import type { FeedSet } from '../../benchmark/measurement.ts';
import { GROWTH_CYCLES, judgeGrowth, type MemoryGrowth } from '../../benchmark/scenarios/growth.ts';
import { type OpenLoopResult, runOpenLoop } from '../../benchmark/scenarios/open-loop.ts';
import {
  kneeOf,
  type Suggestion,
  type SweepPoint,
  suggestFrom,
  sweepPoint,
} from '../../benchmark/scenarios/sweep.ts';
import type { TensorFile } from '../../benchmark/tensor-file.ts';
import { batchSymbolOf } from '../../benchmark/workload.ts';
import { interfaceOf } from '../../model/model-interface.ts';
import { openModel } from '../../runtime/launcher.ts';
import type { WorkerOptions } from '../../runtime/worker-process.ts';
import { QuickServeError } from '../../shared/errors.ts';
import { median } from '../../shared/quantile.ts';
import type { ReadableModel } from '../readable-model.ts';

export const SCENARIOS = [
  'batch',
  'threads',
  'optimization',
  'cold-start',
  'memory',
  'throughput',
  'stress',
] as const;
export type Scenario = (typeof SCENARIOS)[number];

/** What a scenario found; each has its own statistic and unit. */
export type ScenarioResult =
  | {
      readonly scenario: 'batch' | 'threads' | 'optimization';
      readonly points: readonly SweepPoint[];
      /** Of a batch sweep: the smallest batch with nine tenths of the best throughput. */
      readonly knee: string | null;
      readonly suggestion: Suggestion | null;
    }
  | {
      readonly scenario: 'cold-start';
      /** Medians, milliseconds: start of the process with the runtime, first load, first run. */
      readonly processMs: number;
      readonly loadMs: number;
      readonly firstRunMs: number;
      readonly launches: number;
    }
  | {
      readonly scenario: 'memory';
      /** Median peak of fresh processes. */
      readonly peakRssBytes: number;
      readonly growth: MemoryGrowth;
      readonly cycles: number;
    }
  | ({
      readonly scenario: 'throughput' | 'stress';
      readonly workers: number;
      readonly durationMs: number;
    } & OpenLoopResult)
  /** It cannot be done with this model, and why. */
  | { readonly scenario: Scenario; readonly skipped: string };

export interface ScenarioInput {
  readonly model: ReadableModel;
  readonly launcher: Launcher;
  readonly workers: WorkerOptions;
  readonly settings: SessionSettings;
  readonly seed: number;
  readonly dims: Readonly<Record<string, number>>;
  readonly caseFiles: readonly TensorFile[] | null;
  /** CPUs that may be used. */
  readonly cores: number;
  /** Of an open loop; null: seven tenths of what the workers can do. */
  readonly rate: number | null;
  readonly concurrency: number | null;
  /** Of throughput and stress. */
  readonly durationMs: number;
  readonly now: () => number;
  readonly onProgress: (text: string) => void;
}

export const BATCHES = [1, 2, 4, 8, 16, 32, 64] as const;
/** Of each setting; the more, the surer. */
export const LAUNCHES = 3;
/** Seven tenths of the capacity: loaded, and yet stable. */
export const LOAD_SHARE = 0.7;
/** A run this long leaves nothing to be gained from larger batches, only waiting. */
const LONGEST_BATCH_RUN_MS = 2000;

const feedsOf = (input: ScenarioInput, dims: Readonly<Record<string, number>> = input.dims): FeedSet =>
  feedsFor(interfaceOf(input.model.model), { seed: input.seed, dims }, input.caseFiles);

async function latencies(
  input: ScenarioInput,
  feeds: FeedSet,
  settings: SessionSettings,
): Promise<readonly number[]> {
  const samples: number[] = [];
  for (let launch = 0; launch < LAUNCHES; launch += 1) {
    const { blocksMs } = await input.launcher.launchSolo({
      model: { path: input.model.file, feeds },
      side: 'candidate',
      settings,
      blocks: true,
      timeLimitMs: null,
    });
    samples.push(median(blocksMs));
  }
  return samples;
}

async function sweepBatches(input: ScenarioInput): Promise<ScenarioResult> {
  const symbol = batchSymbolOf(interfaceOf(input.model.model).inputs);
  if (symbol === null) {
    return { scenario: 'batch', skipped: 'its inputs have no symbolic first dimension in common' };
  }
  const points: SweepPoint[] = [];
  for (const batch of BATCHES) {
    input.onProgress(`batch ${batch}`);
    // A case has the batch that it has: only synthetic inputs can follow.
    const feeds = feedsOf({ ...input, caseFiles: null }, { ...input.dims, [symbol]: batch });
    const point = sweepPoint(String(batch), batch, await latencies(input, feeds, input.settings));
    points.push(point);
    if (point.latencyMs > LONGEST_BATCH_RUN_MS) break;
  }
  const suggestion = suggestFrom('batch', points, '1');
  return { scenario: 'batch', points, knee: kneeOf(points)?.setting ?? null, suggestion };
}

async function sweepSettings(
  input: ScenarioInput,
  scenario: 'threads' | 'optimization',
  all: readonly { readonly name: string; readonly settings: SessionSettings }[],
  current: string,
): Promise<ScenarioResult> {
  const feeds = feedsOf(input);
  const points: SweepPoint[] = [];
  for (const { name, settings } of all) {
    input.onProgress(`${scenario} ${name}`);
    points.push(sweepPoint(name, 1, await latencies(input, feeds, settings)));
  }
  return { scenario, points, knee: null, suggestion: suggestFrom(scenario, points, current) };
}

async function coldStart(input: ScenarioInput): Promise<ScenarioResult> {
  const feeds = feedsOf(input);
  const launches: { readonly processMs: number; readonly loadMs: number; readonly firstRunMs: number }[] = [];
  for (let index = 0; index < 2 * LAUNCHES; index += 1) {
    input.onProgress(`cold start ${index + 1}`);
    const start = input.now();
    const launch = await input.launcher.launchSolo({
      model: { path: input.model.file, feeds },
      side: 'candidate',
      settings: input.settings,
      blocks: false,
      timeLimitMs: null,
    });
    const { firstLoadMs, firstRunMs } = launch;
    launches.push({
      processMs: Math.max(0, input.now() - start - firstLoadMs - firstRunMs),
      loadMs: firstLoadMs,
      firstRunMs,
    });
  }
  return {
    scenario: 'cold-start',
    processMs: median(launches.map(each => each.processMs)),
    loadMs: median(launches.map(each => each.loadMs)),
    firstRunMs: median(launches.map(each => each.firstRunMs)),
    launches: launches.length,
  };
}

async function memory(input: ScenarioInput): Promise<ScenarioResult> {
  const model = { path: input.model.file, feeds: feedsOf(input) };
  const cycles: (readonly number[])[] = [];
  const peaks: number[] = [];
  for (let index = 0; index < LAUNCHES; index += 1) {
    input.onProgress(`memory, process ${index + 1}`);
    const { settings, launcher } = input;
    const solo = { model, side: 'candidate', settings, blocks: false, timeLimitMs: null } as const;
    peaks.push((await launcher.launchSolo(solo)).peakRssBytes);
    cycles.push(await launcher.launchCycles({ model, settings, cycles: GROWTH_CYCLES }));
  }
  return {
    scenario: 'memory',
    peakRssBytes: median(peaks),
    growth: judgeGrowth(cycles),
    cycles: GROWTH_CYCLES,
  };
}

async function openLoop(input: ScenarioInput, scenario: 'throughput' | 'stress'): Promise<ScenarioResult> {
  const feeds = feedsOf(input).tensors;
  const count = input.concurrency ?? Math.max(1, Math.floor(input.cores / input.settings.threads));
  const opened = await Promise.all(
    Array.from({ length: count }, () => openModel(input.workers, input.model.file, input.settings)),
  );
  try {
    await Promise.all(opened.map(model => model.runKept(feeds)));
    const servers = opened.map(model => ({
      serve: async () => {
        await model.runKept(null);
      },
    }));
    // What the workers can do together, each as fast as it can.
    const probe = { servers, sleep: (ms: number) => sleep(ms), now: input.now };
    input.onProgress('throughput: what the workers can do');
    const most = await runOpenLoop({ ...probe, rate: 1e6, durationMs: 1 });
    const warmRate = Math.max(1, most.achieved);
    const full = await runOpenLoop({ ...probe, rate: 1.5 * warmRate, durationMs: 1000 });
    const rate = input.rate ?? LOAD_SHARE * Math.max(1, full.achieved);
    input.onProgress(`${scenario}: ${rate.toFixed(0)} requests a second`);
    const result = await runOpenLoop({ ...probe, rate, durationMs: input.durationMs });
    return { scenario, workers: count, durationMs: input.durationMs, ...result };
  } finally {
    await Promise.all(opened.map(model => model.close()));
  }
}

/** The settings that a sweep goes through, with their names. */
export function settingsOf(
  scenario: 'threads' | 'optimization',
  { settings, cores }: Pick<ScenarioInput, 'settings' | 'cores'>,
): readonly { readonly name: string; readonly settings: SessionSettings }[] {
  if (scenario === 'optimization') {
    return OPTIMIZATION_LEVELS.map(level => ({
      name: level,
      settings: { ...settings, optimization: level },
    }));
  }
  const counts = [...new Set([1, 2, cores])].filter(count => count <= cores).sort((a, b) => a - b);
  return counts.map(threads => ({ name: String(threads), settings: { ...settings, threads } }));
}

/** Runs one scenario. @throws QuickServeError as a launch. */
export async function runScenario(scenario: Scenario, input: ScenarioInput): Promise<ScenarioResult> {
  switch (scenario) {
    case 'batch':
      return sweepBatches(input);
    case 'threads': {
      const all = settingsOf(scenario, input);
      if (all.length < 2) return { scenario, skipped: 'there is only one CPU' };
      return sweepSettings(input, scenario, all, String(input.settings.threads));
    }
    case 'optimization':
      return sweepSettings(input, scenario, settingsOf(scenario, input), 'all');
    case 'cold-start':
      return coldStart(input);
    case 'memory':
      return memory(input);
    case 'throughput':
    case 'stress':
      return openLoop(input, scenario);
  }
}

/** The scenarios that `--scenario` names; `all` are all but stress, which takes minutes. */
export function readScenarios(given: readonly string[]): readonly Scenario[] {
  const isScenario = (name: string): name is Scenario => (SCENARIOS as readonly string[]).includes(name);
  const wanted = given.flatMap(name =>
    name === 'all' ? SCENARIOS.filter(scenario => scenario !== 'stress') : [name],
  );
  const unknown = wanted.find(name => !isScenario(name));
  if (unknown === undefined) return [...new Set(wanted.filter(isScenario))];
  throw new QuickServeError({
    code: 'USAGE',
    message: `There is no scenario "${unknown}".`,
    hint: `The scenarios are ${SCENARIOS.join(', ')} and all.`,
  });
}
