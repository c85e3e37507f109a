import { feedsFor, feedsForPair } from '../../benchmark/feeds.ts';
import { type MeasuringProgress, measurePair } from '../../benchmark/interleaved.ts';
import type { MeasurementPlan, PairMeasurement, SoloMeasurement } from '../../benchmark/measurement.ts';
import { type Disturbance, spreadOf, trustSentence } from '../../benchmark/noise.ts';
import { measureSolo } from '../../benchmark/solo.ts';
import type { TimeAllotment } from '../../benchmark/time-allotment.ts';
import { rowsOf, type Workload, workloadsOf } from '../../benchmark/workload.ts';
import type { Config, ModelConfig, Policy } from '../../config/config.ts';
import { interfaceOf } from '../../model/model-interface.ts';
import type { Measured, MeasuredWorkload } from '../../regression/comparisons.ts';
import { WORKLOAD_METRICS } from '../../regression/timed.ts';
import type { MeasuredInputs, MeasurementSummary, ModelLayers } from '../../report/report.ts';
import { createLauncher } from '../../runtime/launcher.ts';
import type { RuntimeLocation } from '../../runtime/runtime-location.ts';
import type { ReadableModel } from '../readable-model.ts';
import type { Surroundings } from '../surroundings.ts';
import { givenInputs } from './given-inputs.ts';
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

/** What was measured of a model with one set of inputs. */
export interface MeasuredModel {
  /** Rows of one run. */
  readonly rows: number;
  readonly measured: PairMeasurement | SoloMeasurement;
  /** Where it is slower: finds out in which layers, within a budget in milliseconds; else null. */
  readonly explain: ((budgetMs: number) => Promise<ModelLayers>) | null;
}

/** One set of inputs, and what it may cost. */
export interface WorkloadTask {
  readonly workload: Workload;
  readonly budgetMs: number;
  /** What the inputs do not change is measured with the first only. */
  readonly isFirst: boolean;
}

/**
 * The plan for one model with one set of inputs, the first where none is named. The margins come from `policy`, the
 * rules it is held against, not from its own.
 */
export function planFor(
  model: ModelConfig,
  policy: Policy,
  bench: Bench,
  workload: Pick<Workload, 'dims' | 'casesPath'> | undefined = workloadsOf(model)[0],
): MeasurementPlan {
  const { latency, loadTime, memory } = policy;
  return {
    ...model.benchmark,
    provider: bench.config.runtime.provider,
    dims: workload?.dims ?? {},
    ...(model.ranges === undefined ? {} : { ranges: model.ranges }),
    casesPath: workload?.casesPath ?? model.casesPath,
    tolerance: latency.maxRegression ?? 0.05,
    alpha: bench.alpha,
    ...(loadTime.maxRegression === null ? {} : { loadTimeTolerance: loadTime.maxRegression }),
    ...(memory.maxRegression === null ? {} : { memoryTolerance: memory.maxRegression }),
  };
}

/**
 * Measures a model with one set of inputs, interleaved with its base where there is one.
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
  { workload, budgetMs, isFirst }: WorkloadTask,
): Promise<MeasuredModel> {
  const { world } = bench;
  const plan: MeasurementPlan = {
    ...planFor(config, policy, bench, workload),
    budgetMs,
    ...(isFirst ? {} : { metrics: WORKLOAD_METRICS }),
  };
  const { loadTimeoutMs, memoryLimitBytes } = bench.config.runtime;
  const wanted = interfaceOf(candidate.model);
  const given = await givenInputs(workload, wanted, { root, modelPath: config.path });
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
      `${titleOf(config, workload)}: ${PHASE_WORDS[state.phase]}, launch ${state.done} of ${state.planned}${timeLeft(bench)}`,
    );
  const now = (): number => performance.now();
  if (base === null) {
    const feeds = feedsFor(wanted, plan, given);
    const measured = await measureSolo({
      plan,
      modelPath: candidate.file,
      feeds,
      launcher,
      now,
      onProgress,
    });
    return { measured, rows: rowsOf(wanted.inputs, feeds.tensors), explain: null };
  }
  const feeds = feedsForPair(interfaceOf(base.model), wanted, plan, given);
  const rows = rowsOf(wanted.inputs, feeds.candidate.tensors);
  const measured = await measurePair({
    plan,
    basePath: base.file,
    candidatePath: candidate.file,
    feeds,
    launcher,
    now,
    onProgress,
  });
  const isSlower = measured.latency.decision.kind === 'regressed';
  const explain = (explainMs: number): Promise<ModelLayers> => {
    world.progress.update(`${titleOf(config, workload)}: looking for the layers that are slower`);
    return slowLayers(base, candidate, feeds, plan, workers, explainMs);
  };
  return { measured, rows, explain: isSlower ? explain : null };
}

const titleOf = ({ name }: ModelConfig, workload: Workload): string =>
  workload.name === '' ? name : `${name} (${workload.name})`;

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

type Taken = PairMeasurement | SoloMeasurement;

const isTaken = (measured: Measured): measured is Taken =>
  measured.kind === 'pair' || measured.kind === 'solo';

function inputsOf(name: string, measured: Taken): MeasuredInputs {
  const { launches, durationMs, feedDigest, feedOrigin } = measured;
  return { name, launches, durationMs, feedDigest, ...baseDigestOf(measured), feedOrigin };
}

const baseDigestOf = (measured: Taken): Pick<MeasuredInputs, 'baseFeedDigest'> =>
  measured.kind === 'pair' && measured.baseFeedDigest !== measured.feedDigest
    ? { baseFeedDigest: measured.baseFeedDigest }
    : {};

/** How the numbers of a model came about, for its report: of several sets of inputs, the first, and the list of all. */
export function summarise(
  workloads: readonly MeasuredWorkload[],
  disturbance: Disturbance | null,
): MeasurementSummary {
  const taken = workloads.flatMap(({ name, measured }) => (isTaken(measured) ? [{ name, measured }] : []));
  const [first] = taken;
  if (first === undefined) {
    const [missing] = workloads;
    const reason = missing !== undefined && 'reason' in missing.measured ? missing.measured.reason : '';
    return { kind: 'not-measured', reason };
  }
  const { measured } = first;
  const { launches, runs, durationMs, feedDigest, feedOrigin, waitShare } = measured;
  const trust = (noise: Disturbance): string =>
    trustSentence({ ...noise, waitShare, spread: spreadOf(measured) });
  const extras = {
    ...(taken.length > 1 ? { inputs: taken.map(each => inputsOf(each.name, each.measured)) } : {}),
    ...(disturbance === null ? {} : { noise: { ...disturbance, trust: trust(disturbance) } }),
  };
  if (measured.kind === 'solo') {
    return { kind: 'alone', launches, durationMs, feedDigest, feedOrigin, ...extras };
  }
  return {
    kind: 'interleaved',
    launches,
    runs,
    durationMs,
    confirmed: measured.confirmed,
    feedDigest,
    ...baseDigestOf(measured),
    feedOrigin,
    waitShare,
    ...extras,
  };
}
