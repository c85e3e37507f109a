import { existsSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { feedsFor } from '../benchmark/feeds.ts';
import {
  type AccuracyPlan,
  DEFAULT_ALPHA,
  DEFAULT_BATCH,
  evaluateDataset,
  judgeAccuracy,
  judgedOutput,
} from '../cases/accuracy.ts';
import type { AccuracyMetric, Average } from '../cases/accuracy-metrics.ts';
import { type CasePlace, casesBeside, readCases } from '../cases/case-reader.ts';
import type { NamedTensor } from '../cases/case-value.ts';
import { writeExpected } from '../cases/case-writer.ts';
import { type CasesReport, casesFailed, type DriftReport } from '../cases/cases-report.ts';
import { measureDrift } from '../cases/drift.ts';
import { openDataset } from '../cases/open-dataset.ts';
import { runCases } from '../cases/run-cases.ts';
import { defaultConfig } from '../config/parse.ts';
import type { ModelInterface } from '../model/inspection.ts';
import { identifyRead } from '../model/model-identity.ts';
import { assertLoadable } from '../model/model-inspection.ts';
import { interfaceOf } from '../model/model-interface.ts';
import { readModel } from '../model/model-reader.ts';
import { describeCasesReport } from '../report/cases-words.ts';
import { createModelRunner, type OpenRunner } from '../runtime/model-runner.ts';
import { QuickServeError } from '../shared/errors.ts';
import { terminalSafe } from '../shared/terminal-text.ts';
import type { CommandResult } from './command-result.ts';
import { createRuntimeSource } from './runtime-source.ts';
import type { Surroundings } from './surroundings.ts';
import { parseMetric, readTolerance, usage } from './test-options.ts';

export interface TestOptions {
  /** Absolute. */
  readonly model: string;
  readonly cases?: string;
  readonly dataset?: string;
  /** Write what the model gives as expected outputs. */
  readonly update?: boolean;
  /** Another model to compare with on the same inputs. */
  readonly against?: string;
  /** Folder of another onnxruntime-node that runs the base side. */
  readonly againstRuntimePath?: string;
  readonly atol?: string;
  readonly rtol?: string;
  /** Array, column or key with the labels. */
  readonly label?: string;
  /** `top-1`, `f1>=0.9`, `accuracy drop<=0.01`; may be repeated. */
  readonly metric?: readonly string[];
  readonly average?: Average;
  readonly outputName?: string;
  readonly classes?: string;
  readonly batch?: number;
  readonly seed: number;
  readonly provider: string;
  readonly threads: number;
  readonly runtimePath?: string;
  readonly cwd: string;
}

interface OpenModel {
  readonly file: string;
  readonly model: ModelInterface;
  readonly runner: OpenRunner;
  readonly runtimeVersion: string;
}

interface TestRun {
  readonly options: TestOptions;
  readonly world: Surroundings;
  readonly candidate: OpenModel;
  readonly base: OpenModel | null;
  /** Why the runtime cannot have the candidate; it would refuse or die. */
  readonly unsupported: string | null;
}

async function testCases(run: TestRun, place: CasePlace): Promise<CasesReport['cases']> {
  const { options, candidate, world } = run;
  if (run.unsupported !== null) {
    const reason = run.unsupported;
    return Array.from(readCases(place, candidate.model), ({ name }) => ({
      kind: 'not-runnable',
      name,
      reason,
    }));
  }
  const atol = readTolerance('--atol', options.atol);
  const rtol = readTolerance('--rtol', options.rtol);
  const everywhere = {
    ...(atol === null ? {} : { absolute: atol }),
    ...(rtol === null ? {} : { relative: rtol }),
  };
  return runCases({
    cases: readCases(place, candidate.model),
    runner: candidate.runner,
    tolerances: { '*': everywhere },
    update: options.update === true ? (test, outputs) => writeExpected(test, outputs, candidate.model) : null,
    progress: world.progress,
  });
}

/** The inputs on which base and candidate are compared: those of the cases, else synthetic ones. */
function* driftFeeds(run: TestRun, place: CasePlace | null): Generator<readonly NamedTensor[]> {
  const { options, candidate } = run;
  if (place === null) {
    const plan = { seed: options.seed, dims: {} };
    const defaults = {
      budgetMs: 0,
      threads: 1,
      provider: 'cpu',
      casesPath: null,
      tolerance: 0.05,
      alpha: 0.01,
    };
    yield feedsFor(candidate.model, { ...defaults, ...plan }, null).tensors;
    return;
  }
  for (const { inputs } of readCases(place, candidate.model)) {
    const tensors = inputs.flatMap(({ name, value }) =>
      value.kind === 'tensor' ? [{ name, ...value.tensor }] : [],
    );
    if (tensors.length === inputs.length) yield tensors;
  }
}

const defaultMetrics = (whole: boolean): readonly AccuracyMetric[] =>
  whole ? ['accuracy', 'f1'] : ['mae', 'rmse', 'r2'];

async function testDataset(run: TestRun, path: string): Promise<CasesReport['accuracy']> {
  const { options, candidate, base, world } = run;
  const absolute = resolve(options.cwd, path);
  if (!existsSync(absolute) || !statSync(absolute).isFile()) {
    throw new QuickServeError({
      code: 'FILE_UNREADABLE',
      message: `${path} is no file.`,
      hint: 'Name a .npz, .csv or .jsonl file.',
    });
  }
  const dataset = await openDataset(absolute, candidate.model, { label: options.label ?? null });
  let metrics = (options.metric ?? []).map(parseMetric);
  if (metrics.length === 0) {
    let whole = true;
    for await (const { labels } of dataset.chunks(64)) {
      whole = labels.kind === 'names' || labels.whole;
      break;
    }
    metrics = defaultMetrics(whole).map(metric => ({ metric, policy: { min: null, maxDrop: null } }));
  }
  const plan: AccuracyPlan = {
    metrics,
    average: options.average ?? 'macro',
    output: options.outputName ?? null,
    classes: options.classes?.split(',').map(name => name.trim()) ?? null,
    batch: options.batch ?? DEFAULT_BATCH,
    seed: options.seed,
    alpha: DEFAULT_ALPHA,
  };
  const evaluate = ({ model, runner }: OpenModel, what: string) =>
    evaluateDataset({ model, runner, dataset, plan, progress: world.progress, what });
  const before = base === null ? null : await evaluate(base, 'base');
  const after = await evaluate(candidate, base === null ? basename(candidate.file) : 'candidate');
  return judgeAccuracy(plan, after, before, {
    dataset: dataset.name,
    output: judgedOutput(candidate.model, plan.output).name,
  });
}

function unsupportedReason(file: string): string | null {
  try {
    assertLoadable(readModel(file));
    return null;
  } catch (thrown) {
    if (thrown instanceof QuickServeError && thrown.code === 'RUNTIME_UNSUPPORTED_MODEL')
      return thrown.message;
    throw thrown;
  }
}

function checkUsage(options: TestOptions, beside: CasePlace | null): void {
  const { cases, dataset, against, againstRuntimePath, update } = options;
  if (dataset !== undefined && update === true)
    throw usage('--update writes expected outputs of cases; a dataset has labels.', 'Leave one of them out.');
  const metrics = (options.metric ?? []).map(parseMetric);
  if (metrics.length > 0 && dataset === undefined)
    throw usage('--metric is of a labelled dataset, and none is given.', 'Give it with --dataset FILE.');
  const drops = metrics.some(({ policy }) => policy.maxDrop !== null);
  if (drops && against === undefined && againstRuntimePath === undefined) {
    throw usage(
      '--metric limits a drop, and there is nothing to drop from.',
      'Name the model from before: --against MODEL.',
    );
  }
  if ([cases, dataset, against, againstRuntimePath].every(given => given === undefined) && beside === null) {
    throw usage(
      'Neither --cases nor --dataset is given, and there is no test_data_set_0 beside the model.',
      'Give --cases FOLDER, --dataset FILE, or --against MODEL.',
    );
  }
}

/** Opens a model in the runtime that an option names, or in the default one. */
async function openIn(
  file: string,
  runtimePath: string | undefined,
  options: TestOptions,
  world: Surroundings,
): Promise<OpenModel> {
  const { loadTimeoutMs, memoryLimitBytes, version } = defaultConfig().runtime;
  const source = createRuntimeSource(
    {
      runtimePath,
      version,
      cwd: options.cwd,
    },
    world,
  );
  const runtime = await source.resolve();
  const runner = createModelRunner(
    {
      runtime,
      workerPath: world.workerPath,
      limits: { timeMs: loadTimeoutMs, memoryBytes: memoryLimitBytes },
      environment: world.env,
    },
    file,
    { provider: options.provider, threads: options.threads },
  );
  return { file, model: interfaceOf(readModel(file)), runner, runtimeVersion: runtime.version };
}

async function compareOutputs(run: TestRun, base: OpenModel, place: CasePlace | null): Promise<DriftReport> {
  const { candidate } = run;
  const digestOf = async ({ file }: OpenModel): Promise<string> =>
    (await identifyRead(readModel(file))).sha256;
  return measureDrift({
    base: base.runner,
    candidate: candidate.runner,
    feeds: driftFeeds(run, place),
    inputs: place === null ? 'synthetic' : 'case',
    sameModel: (await digestOf(base)) === (await digestOf(candidate)),
    sameRuntime: base.runtimeVersion === candidate.runtimeVersion,
  });
}

/**
 * `test MODEL --cases DIR | --dataset F`: cases against their expected outputs, a labelled dataset against its labels,
 * and with `--against` (another model) or `--against-runtime-path` (another onnxruntime) both sides on the same inputs.
 * Exit code 1 where a case fails or a limit is broken.
 * @throws QuickServeError USAGE, CASES_NOT_FOUND, CASE_INVALID, DATASET_INVALID, MODEL_*, RUNTIME_*, WORKER_*.
 */
export async function testCommand(options: TestOptions, world: Surroundings): Promise<CommandResult> {
  const beside = casesBeside(options.model);
  checkUsage(options, beside);
  const named =
    options.cases === undefined ? null : { path: resolve(options.cwd, options.cases), besideModel: false };
  const place = named ?? (options.dataset === undefined ? beside : null);
  const candidate = await openIn(options.model, options.runtimePath, options, world);
  const { against, againstRuntimePath } = options;
  const baseFile = against === undefined ? options.model : resolve(options.cwd, against);
  const hasBase = against !== undefined || againstRuntimePath !== undefined;
  const base = hasBase
    ? await openIn(baseFile, againstRuntimePath ?? options.runtimePath, options, world)
    : null;
  await using _candidateRunner = candidate.runner;
  await using _baseRunner = base?.runner ?? null;
  const run: TestRun = { options, world, candidate, base, unsupported: unsupportedReason(options.model) };

  const cases = place === null ? [] : await testCases(run, place);
  const accuracy = options.dataset === undefined ? null : await testDataset(run, options.dataset);
  const drift = base === null || run.unsupported !== null ? null : await compareOutputs(run, base, place);
  const report: CasesReport = { cases, drift, accuracy };
  const lines = describeCasesReport(report).flatMap(({ headline, details }) => [
    headline,
    ...details.map(line => `    ${line}`),
  ]);
  return {
    document: report,
    text: lines.map(terminalSafe).join('\n'),
    exitCode: casesFailed(report) ? 1 : 0,
  };
}
