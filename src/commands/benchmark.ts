import { availableParallelism } from 'node:os';
import { basename, resolve } from 'node:path';
import { disturbanceBetween } from '../benchmark/noise.ts';
import { allotTime } from '../benchmark/time-allotment.ts';
import { batchSymbolOf, workloadsOf } from '../benchmark/workload.ts';
import type { ModelConfig } from '../config/config.ts';
import { defaultConfig } from '../config/parse.ts';
import { compareInterfaces } from '../contract/compare-interfaces.ts';
import { identifyRead } from '../model/model-identity.ts';
import { inspectRead } from '../model/model-inspection.ts';
import { interfaceOf } from '../model/model-interface.ts';
import { comparisonCount, comparisonsOf } from '../regression/comparisons.ts';
import { planErrors } from '../regression/error-plan.ts';
import { readMachineLoad } from '../runtime/machine-load.ts';
import { QuickServeError } from '../shared/errors.ts';
import {
  type BenchmarkResult,
  benchmarkDocument,
  benchmarkText,
  type TakenWorkload,
} from './benchmark/benchmark-result.ts';
import { runScenarios } from './benchmark/run-scenarios.ts';
import { readScenarios } from './benchmark/scenarios.ts';
import { EXPLAINING_SHARE, explainSlower, type SlowerWorkload } from './check/explaining.ts';
import { type Bench, measure } from './check/measuring.ts';
import type { CommandResult } from './command-result.ts';
import { readDuration } from './duration-option.ts';
import { readDims, requireKnownDims } from './inspect/dim-sizes.ts';
import { policiesOf } from './metric-policies.ts';
import { loadableModel, type ReadableModel } from './readable-model.ts';
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

/** `benchmark MODEL [--against BASE]`: measures, compares and judges nothing but what it measured. */
export async function benchmarkCommand(
  options: BenchmarkOptions,
  world: Surroundings,
): Promise<CommandResult> {
  const candidate = loadableModel(options.model);
  const base = options.against === undefined ? null : loadableModel(resolve(options.cwd, options.against));
  const defaults = defaultConfig();
  const config = { ...defaults, runtime: { ...defaults.runtime, provider: options.provider } };
  const runtime = createRuntimeSource(
    {
      runtimePath: options.runtimePath,
      version: options.runtime ?? config.runtime.version,
      cwd: options.cwd,
    },
    world,
  );
  const budgetMs = readDuration('--budget', options.budget);
  const dims = dimsOf(options, candidate, base);
  const casesPath = options.cases === undefined ? null : resolve(options.cwd, options.cases);
  if ((options.scenario ?? []).length > 0) {
    return runScenarios(
      candidate,
      {
        scenarios: readScenarios(options.scenario ?? []),
        base,
        budgetMs,
        threads: options.threads,
        seed: options.seed,
        dims,
        casesPath,
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
    dims,
    casesPath,
    benchmark: { budgetMs, threads: options.threads, seed: options.seed },
    policy: config.defaults.policy,
  };
  const before = await readMachineLoad();
  const { workloads, layers } = await measureAll(model, base, candidate, options.cwd, {
    world,
    config,
    runtime: runtime.resolve,
  });
  const disturbance = disturbanceBetween(before, await readMachineLoad(), availableParallelism());
  const inspections = {
    base: base === null ? null : inspectRead(base.model, null),
    candidate: inspectRead(candidate.model, null),
  };
  const result: BenchmarkResult = {
    workloads,
    layers,
    metrics: comparisonsOf(workloads, policiesOf(config.defaults.policy), inspections),
    contract: base === null ? null : compareInterfaces(interfaceOf(base.model), interfaceOf(candidate.model)),
    sameBytes:
      base !== null &&
      inspections.base?.sizeBytes === inspections.candidate.sizeBytes &&
      (await identifyRead(base.model)).sha256 === (await identifyRead(candidate.model)).sha256,
    fingerprint: await readFingerprint(await runtime.resolve(), {
      provider: options.provider,
      threads: options.threads,
    }),
    disturbance,
  };
  return {
    document: benchmarkDocument(result),
    text: benchmarkText(result, options.budget),
    exitCode: 0,
  };
}

/** Every set of inputs within the one budget. @throws QuickServeError as a launch. */
async function measureAll(
  model: ModelConfig,
  base: ReadableModel | null,
  candidate: ReadableModel,
  cwd: string,
  bench: Omit<Bench, 'alpha'>,
): Promise<Pick<BenchmarkResult, 'workloads' | 'layers'>> {
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
