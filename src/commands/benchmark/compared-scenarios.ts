import { setTimeout as sleep } from 'node:timers/promises';
import { feedsForPair } from '../../benchmark/feeds.ts';
import { measurePair } from '../../benchmark/interleaved.ts';
import { FRESH_PROCESS_LOOKS, rulesFor } from '../../benchmark/launch-sequence.ts';
import type { Launcher, SessionSettings } from '../../benchmark/launcher.ts';
import type { Decision, PairEvidence } from '../../benchmark/measurement.ts';
import { type ApartMetric, measureApart } from '../../benchmark/scenarios/apart.ts';
import { compareGrowth, GROWTH_CYCLES, judgeGrowth } from '../../benchmark/scenarios/growth.ts';
import { type OpenLoopResult, runOpenLoop } from '../../benchmark/scenarios/open-loop.ts';
import { compareInTurns } from '../../benchmark/scenarios/turns.ts';
import { batchSymbolOf } from '../../benchmark/workload.ts';
import { interfaceOf } from '../../model/model-interface.ts';
import { type OpenModel, openModel } from '../../runtime/launcher.ts';
import type { ReadableModel } from '../readable-model.ts';
import { BATCHES, LAUNCHES, LOAD_SHARE, type Scenario, type ScenarioInput, settingsOf } from './scenarios.ts';

/** One statistic of a scenario, base against candidate. */
export interface StatisticComparison {
  /** `latency`, `load-time`, `first-run`, `memory`, `growth`, `response`. */
  readonly statistic: ApartMetric | 'growth' | 'response';
  /** Of a sweep: `8`. */
  readonly setting?: string;
  readonly unit: 'ms' | 'bytes';
  /** As of PairEvidence; of growth, bytes that stay with every load and release. */
  readonly base: number | null;
  readonly candidate: number | null;
  readonly difference: PairEvidence['difference'];
  readonly decision: Decision;
}

export type ComparedScenario =
  | { readonly scenario: Scenario; readonly comparisons: readonly StatisticComparison[] }
  | { readonly scenario: Scenario; readonly skipped: string };

export interface ComparisonInput extends ScenarioInput {
  readonly base: ReadableModel;
  /** One-sided error of each look, planned over all statistics. */
  readonly alpha: number;
  /** For one statistic. */
  readonly budgetMs: number;
}

/** Largest difference that is tolerated: the defaults of the policy where it has one. */
const TOLERANCES: Readonly<Record<ApartMetric | 'response', number>> = {
  latency: 0.05,
  'load-time': 0.25,
  'first-run': 0.5,
  memory: 0.1,
  response: 0.1,
};

/** Of a loop under load, so long for each side in turn, a share of the scenario's time. */
const SEGMENT_SHARE = 0.1;

const BY_SCENARIO = { 'cold-start': ['load-time', 'first-run'], memory: ['memory'] } as const;

/** How many statistics a scenario compares by a test: their number fixes the error of each. */
export function comparisonsIn(scenario: Scenario, input: Pick<ScenarioInput, 'settings' | 'cores'>): number {
  if (scenario === 'cold-start' || scenario === 'memory') return BY_SCENARIO[scenario].length;
  if (scenario === 'batch') return BATCHES.length;
  return scenario === 'throughput' || scenario === 'stress' ? 1 : settingsOf(scenario, input).length;
}

const fromEvidence = (
  statistic: StatisticComparison['statistic'],
  { base, candidate, difference, decision }: PairEvidence,
  setting?: string,
): StatisticComparison => ({
  statistic,
  ...(setting === undefined ? {} : { setting }),
  unit: statistic === 'memory' ? 'bytes' : 'ms',
  base,
  candidate,
  difference,
  decision,
});

const pairFeeds = (input: ComparisonInput, dims = input.dims, isCaseUsed = true) =>
  feedsForPair(
    interfaceOf(input.base.model),
    interfaceOf(input.model.model),
    { seed: input.seed, dims },
    isCaseUsed ? input.caseFiles : null,
  );

async function compareApart(input: ComparisonInput, metric: ApartMetric): Promise<StatisticComparison> {
  const { launcher, settings, alpha, budgetMs, now } = input;
  const feeds = pairFeeds(input);
  const evidence = await measureApart({
    metric,
    tolerance: TOLERANCES[metric],
    plan: { budgetMs, alpha, provider: settings.provider, threads: settings.threads },
    sides: {
      base: { launcher, model: { path: input.base.file, feeds: feeds.base } },
      candidate: { launcher, model: { path: input.model.file, feeds: feeds.candidate } },
    },
    now,
    onLaunch: (done, planned) => input.onProgress(`${metric}, pair ${done} of ${planned}`),
  });
  return fromEvidence(metric, evidence);
}

async function growthOf(input: ComparisonInput): Promise<StatisticComparison> {
  const feeds = pairFeeds(input);
  const cyclesOf = async (side: 'base' | 'candidate') => {
    const path = side === 'base' ? input.base.file : input.model.file;
    const cycles: (readonly number[])[] = [];
    for (let launch = 0; launch < LAUNCHES; launch += 1) {
      input.onProgress(`growth of the ${side}, process ${launch + 1}`);
      const model = { path, feeds: feeds[side] };
      cycles.push(
        await input.launcher.launchCycles({ model, settings: input.settings, cycles: GROWTH_CYCLES }),
      );
    }
    return judgeGrowth(cycles);
  };
  const base = await cyclesOf('base');
  const candidate = await cyclesOf('candidate');
  return {
    statistic: 'growth',
    unit: 'bytes',
    base: base.bytesPerCycle,
    candidate: candidate.bytesPerCycle,
    difference: null,
    decision: compareGrowth(base, candidate),
  };
}

/** The same launcher with other settings: a plan has threads, but no optimisation level. */
const withSettings = (launcher: Launcher, settings: SessionSettings): Launcher => ({
  ...launcher,
  launchPair: request => launcher.launchPair({ ...request, settings }),
  launchSolo: request => launcher.launchSolo({ ...request, settings }),
});

async function compareLatency(
  input: ComparisonInput,
  setting: string,
  settings: SessionSettings,
  feeds: ReturnType<typeof feedsForPair>,
): Promise<StatisticComparison> {
  const { latency } = await measurePair({
    plan: {
      budgetMs: input.budgetMs,
      threads: settings.threads,
      provider: settings.provider,
      seed: input.seed,
      dims: {},
      casesPath: null,
      tolerance: TOLERANCES.latency,
      alpha: input.alpha,
      metrics: ['latency'],
    },
    basePath: input.base.file,
    candidatePath: input.model.file,
    feeds,
    launcher: withSettings(input.launcher, settings),
    now: input.now,
    onProgress: ({ done, planned }) => input.onProgress(`${setting}, launch ${done} of ${planned}`),
  });
  return fromEvidence('latency', latency, setting);
}

async function compareLoops(input: ComparisonInput): Promise<StatisticComparison> {
  const { cores, settings, workers, durationMs, now, alpha } = input;
  const feeds = pairFeeds(input);
  const count = input.concurrency ?? Math.max(1, Math.floor(cores / settings.threads));
  const opened: OpenModel[] = [];
  const openAll = async (side: 'base' | 'candidate') => {
    const path = side === 'base' ? input.base.file : input.model.file;
    const models: OpenModel[] = [];
    for (let worker = 0; worker < count; worker += 1) {
      const model = await openModel(workers, path, settings);
      opened.push(model);
      models.push(model);
      await model.runKept(feeds[side].tensors);
    }
    return models.map(model => ({
      serve: async () => {
        await model.runKept(null);
      },
    }));
  };
  try {
    const servers = { base: await openAll('base'), candidate: await openAll('candidate') };
    const loop = (side: 'base' | 'candidate', rate: number, lengthMs: number): Promise<OpenLoopResult> =>
      runOpenLoop({ servers: servers[side], rate, durationMs: lengthMs, now, sleep: ms => sleep(ms) });
    // Both have the rate that the base can do: a candidate that cannot keep up shows it in its response time.
    const warm = await loop('base', 1e6, 1);
    const full = await loop('base', 1.5 * Math.max(1, warm.achieved), 1000);
    const rate = input.rate ?? LOAD_SHARE * Math.max(1, full.achieved);
    const rules = rulesFor(TOLERANCES.response, alpha, FRESH_PROCESS_LOOKS);
    const evidence = await compareInTurns<OpenLoopResult>({
      measure: (side, timeLimitMs) => loop(side, rate, Math.min(SEGMENT_SHARE * durationMs, timeLimitMs)),
      statisticOf: ({ response, service }) => response[0]?.value ?? service[0]?.value ?? Number.NaN,
      rulesOf: () => rules,
      alpha,
      budgetMs: Math.max(input.budgetMs, 2 * durationMs),
      now,
      onTurn: (done, planned) => input.onProgress(`under load, pair ${done} of ${planned}`),
    });
    return fromEvidence('response', evidence);
  } finally {
    await Promise.all(opened.map(model => model.close()));
  }
}

/**
 * One scenario of base and candidate, each statistic with its own verdict. Both sides take turns, with the same inputs.
 * @throws QuickServeError as a launch.
 */
export async function compareScenario(scenario: Scenario, input: ComparisonInput): Promise<ComparedScenario> {
  const comparisons: StatisticComparison[] = [];
  switch (scenario) {
    case 'cold-start':
      for (const metric of BY_SCENARIO[scenario]) comparisons.push(await compareApart(input, metric));
      break;
    case 'memory':
      comparisons.push(await compareApart(input, 'memory'), await growthOf(input));
      break;
    case 'throughput':
    case 'stress':
      comparisons.push(await compareLoops(input));
      break;
    case 'threads':
    case 'optimization':
      for (const { name, settings } of settingsOf(scenario, input)) {
        comparisons.push(await compareLatency(input, name, settings, pairFeeds(input)));
      }
      break;
    case 'batch': {
      const symbol = batchSymbolOf(interfaceOf(input.model.model).inputs);
      if (symbol === null) {
        return { scenario, skipped: 'its inputs have no symbolic first dimension in common' };
      }
      for (const batch of BATCHES) {
        const feeds = pairFeeds(input, { ...input.dims, [symbol]: batch }, false);
        comparisons.push(await compareLatency(input, String(batch), input.settings, feeds));
      }
      break;
    }
  }
  return { scenario, comparisons };
}
