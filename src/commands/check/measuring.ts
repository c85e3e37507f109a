import { dirname, resolve } from 'node:path';
import { feedsFor, feedsForPair } from '../../benchmark/feeds.ts';
import { type MeasuringProgress, measurePair } from '../../benchmark/interleaved.ts';
import type { MeasurementPlan, PairMeasurement, SoloMeasurement } from '../../benchmark/measurement.ts';
import { measureSolo } from '../../benchmark/solo.ts';
import type { TimeAllotment } from '../../benchmark/time-allotment.ts';
import type { Config, ModelConfig, Policy } from '../../config/config.ts';
import type { Model } from '../../model/model.ts';
import { interfaceOf } from '../../model/model-interface.ts';
import type { MeasurementSummary, ModelLayers } from '../../report/report.ts';
import { readCaseFiles } from '../../runtime/case-files.ts';
import { createLauncher } from '../../runtime/launcher.ts';
import type { RuntimeLocation } from '../../runtime/runtime-location.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { Surroundings } from '../surroundings.ts';
import { slowLayers } from './slow-layers.ts';

/** How the models of one check are measured. */
export interface Bench {
  readonly world: Surroundings;
  readonly config: Config;
  /** Resolved at the first use: a check in which nothing changed needs no runtime. */
  readonly runtime: () => Promise<RuntimeLocation>;
  /** The base commit's, where it names another version. */
  readonly baseRuntime?: () => Promise<RuntimeLocation>;
  /** One-sided error of each look, planned over all comparisons of the check. */
  readonly alpha: number;
  /** The time of the whole check, shared out; left out: each model's own budget. */
  readonly time?: TimeAllotment;
}

/** What was measured of a model and, where it is slower, in which layers. */
export interface MeasuredModel {
  readonly measured: PairMeasurement | SoloMeasurement;
  readonly layers: ModelLayers | null;
}

/** A model that was read and whose file can be opened. */
export interface ReadableModel {
  /** Absolute. */
  readonly file: string;
  readonly model: Model;
}

/** The plan for one model. The margins come from `policy`, the rules it is held against, not from its own. */
export function planFor(model: ModelConfig, policy: Policy, bench: Bench): MeasurementPlan {
  const dims: Record<string, number> = Object.create(null);
  for (const [symbol, sizes] of Object.entries(model.dims)) {
    const [first] = sizes;
    if (first !== undefined) dims[symbol] = first;
  }
  const { latency, loadTime, memory } = policy;
  return {
    ...model.benchmark,
    provider: bench.config.runtime.provider,
    dims,
    casesPath: model.casesPath,
    tolerance: latency.maxRegression ?? 0.05,
    alpha: bench.alpha,
    ...(loadTime.maxRegression === null ? {} : { loadTimeTolerance: loadTime.maxRegression }),
    ...(memory.maxRegression === null ? {} : { memoryTolerance: memory.maxRegression }),
  };
}

/**
 * Measures a model, interleaved with its base where there is one.
 * @param root of the repository, for the folder of the cases.
 * @throws QuickServeError RUNTIME_*, WORKER_*, MODEL_LOAD_REFUSED, MODEL_RUN_FAILED, INPUTS_UNAVAILABLE.
 */
export async function measure(
  config: ModelConfig,
  policy: Policy,
  base: ReadableModel | null,
  candidate: ReadableModel,
  bench: Bench,
  root: string,
): Promise<MeasuredModel> {
  const { world } = bench;
  const own = planFor(config, policy, bench);
  const plan = { ...own, budgetMs: bench.time?.next(own.budgetMs) ?? own.budgetMs };
  const { loadTimeoutMs, memoryLimitBytes } = bench.config.runtime;
  // Without a word in the configuration, cases that lie beside the model are its inputs, as in ONNX's own layout.
  const caseFiles = await readCaseFiles(resolve(root, plan.casesPath ?? dirname(config.path)));
  const workers = {
    runtime: await bench.runtime(),
    workerPath: world.workerPath,
    limits: { timeMs: loadTimeoutMs, memoryBytes: memoryLimitBytes },
    environment: world.env,
    modelName: config.name,
  };
  const launcher = createLauncher(workers);
  const onProgress = (state: MeasuringProgress): void =>
    world.progress.update(
      `${config.name}: ${PHASE_WORDS[state.phase]}, launch ${state.done} of ${state.planned}${timeLeft(bench)}`,
    );
  const now = (): number => performance.now();
  const wanted = interfaceOf(candidate.model);
  if (base === null) {
    const feeds = feedsFor(wanted, plan, caseFiles);
    const measured = await measureSolo({
      plan,
      modelPath: candidate.file,
      feeds,
      launcher,
      now,
      onProgress,
    });
    return { measured, layers: null };
  }
  const feeds = feedsForPair(interfaceOf(base.model), wanted, plan, caseFiles);
  const measured = await measurePair({
    plan,
    basePath: base.file,
    candidatePath: candidate.file,
    feeds,
    launcher,
    now,
    onProgress,
  });
  if (measured.latency.decision.kind !== 'regressed') return { measured, layers: null };
  world.progress.update(`${config.name}: looking for the layers that are slower`);
  try {
    return { measured, layers: await slowLayers(base, candidate, feeds, plan, workers) };
  } catch (thrown) {
    // The verdict stands without its reason: some models run, but not under the profiler.
    if (!(thrown instanceof QuickServeError)) throw thrown;
    return { measured, layers: null };
  }
}

function timeLeft({ time }: Bench): string {
  const leftMs = time?.leftMs() ?? null;
  return leftMs === null ? '' : `, ${Math.ceil(leftMs / 1000)} s left for the check`;
}

const PHASE_WORDS: Readonly<Record<MeasuringProgress['phase'], string>> = {
  memory: 'memory',
  'load-time': 'load time',
  latency: 'latency',
  confirmation: 'measuring a regression again',
};

export function summarise(measured: PairMeasurement | SoloMeasurement): MeasurementSummary {
  const { launches, runs, durationMs, feedDigest, feedOrigin, waitShare } = measured;
  if (measured.kind === 'solo') return { kind: 'alone', launches, durationMs };
  return {
    kind: 'interleaved',
    launches,
    runs,
    durationMs,
    confirmed: measured.confirmed,
    feedDigest,
    feedOrigin,
    waitShare,
  };
}
