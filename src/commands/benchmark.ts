import { availableParallelism } from 'node:os';
import { basename, resolve } from 'node:path';
import type { PairMeasurement, SoloMeasurement } from '../benchmark/measurement.ts';
import { disturbanceBetween, spreadOf, trustSentence } from '../benchmark/noise.ts';
import { allotTime } from '../benchmark/time-allotment.ts';
import { batchSymbolOf, workloadsOf } from '../benchmark/workload.ts';
import type { ModelConfig } from '../config/config.ts';
import { defaultConfig } from '../config/parse.ts';
import { compareInterfaces } from '../contract/compare-interfaces.ts';
import { identifyRead } from '../model/model-identity.ts';
import { assertLoadable, inspectRead } from '../model/model-inspection.ts';
import { interfaceOf } from '../model/model-interface.ts';
import { readModel } from '../model/model-reader.ts';
import { comparisonCount, comparisonsOf, type MeasuredWorkload } from '../regression/comparisons.ts';
import { planErrors } from '../regression/error-plan.ts';
import type { MetricOutcome } from '../regression/verdict.ts';
import { formatDifference, formatTransition } from '../report/format-values.ts';
import { layerBlame } from '../report/layer-changes.ts';
import { metricLabel } from '../report/metric-words.ts';
import type { ModelLayers } from '../report/report.ts';
import { readMachineLoad } from '../runtime/machine-load.ts';
import { QuickServeError } from '../shared/errors.ts';
import { terminalSafe } from '../shared/terminal-text.ts';
import { runScenarios } from './benchmark/run-scenarios.ts';
import { readScenarios } from './benchmark/scenarios.ts';
import { EXPLAINING_SHARE, explainSlower, layerFields, type SlowerWorkload } from './check/explaining.ts';
import { type Bench, measure } from './check/measuring.ts';
import type { CommandResult } from './command-result.ts';
import { readDuration } from './duration-option.ts';
import { readDims, requireKnownDims } from './inspect/dim-sizes.ts';
import { policiesOf } from './metric-policies.ts';
import type { ReadableModel } from './readable-model.ts';
import { createRuntimeSource, readFingerprint } from './runtime-source.ts';
import type { Surroundings } from './surroundings.ts';

export interface BenchmarkOptions {
  readonly model: string;
  readonly against?: string;
  readonly budget: string;
  readonly threads: number;
  readonly provider: string;
  readonly cases?: string;
  readonly dim?: readonly string[];
  /** `1,8`: sizes of the first dimension. */
  readonly batch?: string;
  /** Version of onnxruntime-node; the pinned one where it is not given. */
  readonly runtime?: string;
  readonly seed: number;
  /** Instead of the comparison: what else is to be measured of the model. */
  readonly scenario?: readonly string[];
  readonly rate?: number;
  readonly concurrency?: number;
  readonly duration?: string;
  readonly runtimePath?: string;
  readonly cwd: string;
}

/**
 * The sizes of `--dim`, and those of `--batch` for the symbol of the first dimension.
 * @throws QuickServeError USAGE.
 */
function dimsOf(
  options: BenchmarkOptions,
  { model }: ReadableModel,
  base: ReadableModel | null,
): ModelConfig['dims'] {
  const dims = readDims(options.dim ?? []);
  requireKnownDims(dims, [
    ...interfaceOf(model).inputs,
    ...(base === null ? [] : interfaceOf(base.model).inputs),
  ]);
  if (options.batch === undefined) return dims;
  const symbol = batchSymbolOf(interfaceOf(model).inputs);
  if (symbol === null || !/^[1-9]\d{0,8}(,[1-9]\d{0,8})*$/.test(options.batch)) {
    throw new QuickServeError({
      code: 'USAGE',
      message:
        symbol === null
          ? '--batch: the inputs of this model have no symbolic first dimension in common.'
          : `--batch: "${options.batch}" is not a list of sizes.`,
      hint: 'For example --batch 1,8; the dimensions are shown by `quickserveml inspect`.',
    });
  }
  return Object.assign(Object.create(null), dims, { [symbol]: options.batch.split(',').map(Number) });
}

function read(file: string): ReadableModel {
  const model = readModel(file);
  assertLoadable(model);
  return { file, model };
}

/** `benchmark MODEL [--against BASE]`: measures, compares and judges nothing but what it measured. */
export async function benchmarkCommand(
  options: BenchmarkOptions,
  world: Surroundings,
): Promise<CommandResult> {
  const candidate = read(options.model);
  const base = options.against === undefined ? null : read(resolve(options.cwd, options.against));
  const defaults = defaultConfig();
  const config = { ...defaults, runtime: { ...defaults.runtime, provider: options.provider } };
  const runtime = createRuntimeSource(
    {
      runtimePath: options.runtimePath === undefined ? null : resolve(options.cwd, options.runtimePath),
      version: options.runtime ?? config.runtime.version,
      cwd: options.cwd,
    },
    world,
  );
  if ((options.scenario ?? []).length > 0) {
    return runScenarios(
      candidate,
      {
        scenarios: readScenarios(options.scenario ?? []),
        base,
        budgetMs: readDuration('--budget', options.budget),
        threads: options.threads,
        seed: options.seed,
        dims: dimsOf(options, candidate, base),
        casesPath: options.cases === undefined ? null : resolve(options.cwd, options.cases),
        rate: options.rate ?? null,
        concurrency: options.concurrency ?? null,
        durationMs: options.duration === undefined ? null : readDuration('--duration', options.duration),
      },
      { source: runtime, config: config.runtime },
      world,
    );
  }
  const model: ModelConfig = {
    name: basename(options.model),
    path: options.model,
    dims: dimsOf(options, candidate, base),
    casesPath: options.cases === undefined ? null : resolve(options.cwd, options.cases),
    benchmark: {
      budgetMs: readDuration('--budget', options.budget),
      threads: options.threads,
      seed: options.seed,
    },
    policy: config.defaults.policy,
  };
  const before = await readMachineLoad();
  const { workloads, layers } = await measureAll(model, base, candidate, options.cwd, {
    world,
    config,
    runtime: runtime.resolve,
  });
  const disturbance = disturbanceBetween(before, await readMachineLoad(), availableParallelism());
  const [{ measured: first }] = workloads;
  const fingerprint = await readFingerprint(await runtime.resolve(), {
    provider: options.provider,
    threads: options.threads,
  });
  const policies = policiesOf(config.defaults.policy);
  const inspections = {
    base: base === null ? null : inspectRead(base.model, null),
    candidate: inspectRead(candidate.model, null),
  };
  const metrics = comparisonsOf(workloads, policies, inspections);
  const contract =
    base === null ? null : compareInterfaces(interfaceOf(base.model), interfaceOf(candidate.model));
  const lines = metrics.map(comparison => {
    const value = formatTransition(comparison.base, comparison.candidate, comparison.unit);
    const difference = comparison.difference === null ? '' : `  ${formatDifference(comparison.difference)}`;
    return `${terminalSafe(metricLabel(comparison)).padEnd(16)} ${value}${difference}  ${base === null ? '' : outcomeWords(comparison.outcome)}`.trimEnd();
  });
  const sameBytes =
    base !== null &&
    inspections.base?.sizeBytes === inspections.candidate.sizeBytes &&
    (await identifyRead(base.model)).sha256 === (await identifyRead(candidate.model)).sha256;
  const remarks = [
    ...(sameBytes ? ['Both files have the same bytes: what differs is the machine.'] : []),
    ...(contract?.changes ?? [])
      .filter(({ effect }) => effect === 'breaking')
      .map(({ message }) => `Callers break: ${message}`),
    ...(metrics.some(({ outcome }) => outcome.kind === 'inconclusive')
      ? [`A larger --budget (it was ${options.budget}) or a quieter machine decides more.`]
      : []),
  ];
  const machine = `${fingerprint.cpuModel}, ${fingerprint.cores} cores, onnxruntime ${fingerprint.runtimeVersion}, ${options.provider}, ${options.threads} thread(s)`;
  const trust = trustSentence({ ...disturbance, waitShare: first.waitShare, spread: spreadOf(first) });
  const sum = (of: (measured: TakenMeasurement) => number): number =>
    workloads.reduce((total, { measured }) => total + of(measured), 0);
  const origins = [...new Set(workloads.map(({ measured }) => measured.feedOrigin))].join(', ');
  const how = `${sum(each => each.launches)} processes, ${sum(each => each.runs)} runs, ${(sum(each => each.durationMs) / 1000).toFixed(1)} s, inputs: ${origins}`;
  const reasons = layers.flatMap(each => {
    const blame = layerBlame(each);
    const inputs = each.workload === undefined ? '' : `With ${each.workload}: `;
    return blame === null ? [] : [terminalSafe(`${inputs}${blame}`)];
  });
  return {
    document: {
      metrics,
      contract,
      measured: first,
      ...(workloads.length > 1 ? { workloads } : {}),
      fingerprint,
      noise: { ...disturbance, trust },
      ...layerFields(layers),
    },
    text: [...lines, ...reasons, ...remarks.map(terminalSafe), '', terminalSafe(machine), how, trust].join(
      '\n',
    ),
    exitCode: 0,
  };
}

const outcomeWords = (outcome: MetricOutcome): string =>
  outcome.kind === 'inconclusive' ? `inconclusive: ${outcome.reason}` : outcome.kind;

type TakenMeasurement = PairMeasurement | SoloMeasurement;
type TakenWorkload = MeasuredWorkload & { readonly measured: TakenMeasurement };

/** Every set of inputs within the one budget. @throws QuickServeError as a launch. */
async function measureAll(
  model: ModelConfig,
  base: ReadableModel | null,
  candidate: ReadableModel,
  cwd: string,
  bench: Omit<Bench, 'alpha'>,
): Promise<{
  readonly workloads: readonly [TakenWorkload, ...TakenWorkload[]];
  readonly layers: readonly ModelLayers[];
}> {
  const planned = workloadsOf(model);
  const { alpha } = planErrors(comparisonCount(planned.length));
  const { budgetMs } = model.benchmark;
  const time = allotTime(
    budgetMs,
    planned.map(() => budgetMs),
    () => performance.now(),
  );
  const done: TakenWorkload[] = [];
  const slower: SlowerWorkload[] = [];
  for (const [index, workload] of planned.entries()) {
    const task = { workload, budgetMs: time.next(budgetMs), isFirst: index === 0 };
    const result = await measure(model, model.policy, base, candidate, { ...bench, alpha }, cwd, task);
    if (result.explain !== null) slower.push({ name: workload.name, explain: result.explain });
    done.push({ name: workload.name, rows: result.rows, measured: result.measured });
  }
  const layers = await explainSlower(slower, budgetMs * EXPLAINING_SHARE);
  const [first, ...others] = done;
  if (first === undefined) throw new TypeError('a model has at least one set of inputs');
  return { workloads: [first, ...others], layers };
}
