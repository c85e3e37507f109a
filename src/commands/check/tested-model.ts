import { join } from 'node:path';
import { feedsForPair } from '../../benchmark/feeds.ts';
import {
  type AccuracyPlan,
  DEFAULT_ALPHA,
  DEFAULT_BATCH,
  evaluateDataset,
  judgeAccuracy,
  judgedOutput,
} from '../../cases/accuracy.ts';
import { isAccuracyMetric } from '../../cases/accuracy-metrics.ts';
import type { AccuracyReport } from '../../cases/accuracy-report.ts';
import { type CasePlace, casesBeside, readCases } from '../../cases/case-reader.ts';
import type { NamedTensor } from '../../cases/case-value.ts';
import type { CasesReport, DriftReport } from '../../cases/cases-report.ts';
import { measureDrift } from '../../cases/drift.ts';
import { openDataset } from '../../cases/open-dataset.ts';
import { runCases } from '../../cases/run-cases.ts';
import type { DatasetConfig, ModelConfig, Policy } from '../../config/config.ts';
import type { ModelInterface } from '../../model/inspection.ts';
import { assertLoadable } from '../../model/model-inspection.ts';
import { interfaceOf } from '../../model/model-interface.ts';
import { createModelRunner, type OpenRunner } from '../../runtime/model-runner.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { Finding } from '../../shared/finding.ts';
import type { ReadableModel } from '../readable-model.ts';
import { findingOf } from './measured-model.ts';
import { type Bench, planFor } from './measuring.ts';
import { accuracyFindings, caseFindings } from './test-findings.ts';

export interface TestingInput {
  readonly bench: Bench;
  readonly root: string;
  readonly config: ModelConfig;
  /** The same model in the base's configuration: its limits count. */
  readonly baseConfig: ModelConfig | null;
  readonly policy: Policy;
  /** null where there is none, or it has the same bytes. */
  readonly base: ReadableModel | null;
  readonly candidate: ReadableModel;
  /** The bytes are the base's: only what is configured is tested, since cases and labels may have changed. */
  readonly unchanged: boolean;
}

export interface TestedModel {
  /** null: there is nothing to test, or nothing that could be. */
  readonly report: CasesReport | null;
  readonly findings: readonly Finding[];
}

const NOTHING: TestedModel = { report: null, findings: [] };

/** Where the cases of a model are: what is configured, else ONNX's own layout beside the model. */
function findCases({ root, config, unchanged }: TestingInput): CasePlace | null {
  if (config.casesPath !== null) return { path: join(root, config.casesPath), besideModel: false };
  return unchanged ? null : casesBeside(join(root, config.path));
}

function runnerFor(
  input: TestingInput,
  runtime: Awaited<ReturnType<Bench['runtime']>>,
  model: ReadableModel,
): OpenRunner {
  const { bench, config } = input;
  const { loadTimeoutMs, memoryLimitBytes, provider } = bench.config.runtime;
  const options = {
    runtime,
    workerPath: bench.world.workerPath,
    limits: { timeMs: loadTimeoutMs, memoryBytes: memoryLimitBytes },
    environment: bench.world.env,
    modelName: config.name,
  };
  return createModelRunner(options, model.file, { provider, threads: config.benchmark.threads });
}

function planOf(dataset: DatasetConfig, seed: number): AccuracyPlan {
  return {
    metrics: dataset.metrics.flatMap(({ name, min, maxDrop }) =>
      isAccuracyMetric(name) ? [{ metric: name, policy: { min, maxDrop } }] : [],
    ),
    average: dataset.average,
    output: dataset.output,
    classes: dataset.classes,
    batch: dataset.batch ?? DEFAULT_BATCH,
    seed,
    alpha: DEFAULT_ALPHA,
  };
}

interface Side {
  readonly model: ModelInterface;
  readonly runner: OpenRunner;
}

async function evaluate(
  input: TestingInput,
  dataset: DatasetConfig,
  candidate: Side,
  base: Side | null,
): Promise<AccuracyReport> {
  const { bench, config, root } = input;
  const plan = planOf(dataset, config.benchmark.seed);
  const of = async ({ model, runner }: Side, what: string) => {
    const rows = await openDataset(join(root, dataset.path), model, { label: dataset.label });
    return evaluateDataset({
      model,
      runner,
      dataset: rows,
      plan,
      progress: bench.world.progress,
      what: `${config.name}, ${what}`,
    });
  };
  // A base that takes other inputs than the dataset has is no reason to refuse the candidate.
  const earlier = base === null ? null : await of(base, 'base').catch(ignoreQuickServeError);
  const after = await of(candidate, 'candidate');
  const before = input.unchanged ? after : earlier;
  return judgeAccuracy(plan, after, before, {
    dataset: dataset.path,
    output: judgedOutput(candidate.model, plan.output).name,
  });
}

function ignoreQuickServeError(thrown: unknown): null {
  if (thrown instanceof QuickServeError) return null;
  throw thrown;
}

function* caseFeeds(place: CasePlace, model: ModelInterface): Generator<readonly NamedTensor[]> {
  for (const { inputs } of readCases(place, model)) {
    const tensors = inputs.flatMap(({ name, value }) =>
      value.kind === 'tensor' ? [{ name, ...value.tensor }] : [],
    );
    if (tensors.length === inputs.length) yield tensors;
  }
}

/** Only where base and candidate take the same inputs can their outputs be compared. */
async function drift(
  input: TestingInput,
  place: CasePlace | null,
  candidate: Side,
  base: Side,
): Promise<DriftReport | null> {
  try {
    const plan = planFor(input.config, input.policy, input.bench);
    const feeds =
      place === null
        ? [feedsForPair(base.model, candidate.model, plan, null).candidate.tensors]
        : caseFeeds(place, candidate.model);
    return await measureDrift({
      base: base.runner,
      candidate: candidate.runner,
      feeds,
      inputs: place === null ? 'synthetic' : 'case',
      sameModel: false,
      sameRuntime: true,
    });
  } catch (thrown) {
    return ignoreQuickServeError(thrown);
  }
}

/**
 * Runs cases and dataset of one model, and compares its outputs with the base's. What is wrong is a finding; a case
 * that fails or a limit that is broken fails the gate. Throws only for bugs.
 */
export async function testModel(input: TestingInput): Promise<TestedModel> {
  const { bench, config, candidate, base, policy } = input;
  const place = findCases(input);
  // The base's limits count, on the head's rows: a change cannot relax what it is held against.
  const dataset = config.tests?.dataset ?? null;
  const limits = input.baseConfig?.tests?.dataset ?? dataset;
  if (place === null && dataset === null && base === null) return NOTHING;
  try {
    assertLoadable(candidate.model);
  } catch (thrown) {
    if (thrown instanceof QuickServeError) return NOTHING;
    throw thrown;
  }
  try {
    const runtime = await bench.runtime();
    const model = interfaceOf(candidate.model);
    await using runner = runnerFor(input, runtime, candidate);
    await using baseRunner = base === null ? null : runnerFor(input, runtime, base);
    const candidateSide: Side = { model, runner };
    const baseSide =
      base === null || baseRunner === null ? null : { model: interfaceOf(base.model), runner: baseRunner };
    const tolerances = input.baseConfig?.tests?.tolerances ?? config.tests?.tolerances ?? {};
    const progress = bench.world.progress;
    const cases =
      place === null
        ? []
        : await runCases({ cases: readCases(place, model), runner, tolerances, update: null, progress });
    const accuracy =
      dataset === null || limits === null
        ? null
        : await evaluate(input, { ...limits, path: dataset.path }, candidateSide, baseSide);
    const report: CasesReport = {
      cases,
      drift: baseSide === null ? null : await drift(input, place, candidateSide, baseSide),
      accuracy,
    };
    return { report, findings: [...caseFindings(cases), ...accuracyFindings(accuracy, policy)] };
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError)) throw thrown;
    return { report: null, findings: [findingOf(thrown)] };
  }
}
