import type { ModelInterface, ValueInfo } from '../model/inspection.ts';
import { elementCount, elementFacts, packedByteLength } from '../shared/element-types.ts';
import type { Progress } from '../shared/progress.ts';
import {
  type AccuracyMetric,
  type Average,
  type EvaluatedRows,
  evaluateMetric,
  isErrorMetric,
  isRegressionMetric,
  rowCount,
} from './accuracy-metrics.ts';
import type {
  AccuracyOutcome,
  AccuracyPolicy,
  AccuracyReport,
  MetricResult,
  PairedTest,
} from './accuracy-report.ts';
import { createCollector, type RowCollector } from './accuracy-rows.ts';
import type { ModelRunner, NamedTensor, TensorData } from './case-value.ts';
import { type Dataset, type DatasetChunk, datasetError } from './dataset.ts';
import { dropOf, testDrop } from './paired-tests.ts';
import { splitOutputs } from './records/row-stacks.ts';
import { rowDependence } from './row-trial.ts';

/** What is asked of a dataset. */
export interface AccuracyPlan {
  readonly metrics: readonly { readonly metric: AccuracyMetric; readonly policy: AccuracyPolicy }[];
  readonly average: Average;
  /** Name of the output that is judged; null: the first with one score a class, else the first. */
  readonly output: string | null;
  /** Class names in the order of the scores, where the labels are names. */
  readonly classes: readonly string[] | null;
  /** Rows of one run where the model leaves it open; 1 where a row depends on those beside it. */
  readonly batch: number;
  readonly seed: number;
  /** One-sided error of the paired tests. */
  readonly alpha: number;
}

export const DEFAULT_BATCH = 32;
export const DEFAULT_ALPHA = 0.01;

/** About so many bytes go to the worker in one message, and as many rows as fit are read at once. */
const MESSAGE_BYTES = 1_048_576;
const MOST_RUNS_A_MESSAGE = 256;

/** Rows that one run takes: fixed by the model, or free. @throws QuickServeError where inputs disagree. */
export function batchSize(model: ModelInterface, wanted: number): number {
  const fixed = [
    ...new Set(model.inputs.map(({ shape }) => shape?.[0]).filter(size => typeof size === 'number')),
  ];
  if (fixed.length > 1)
    throw datasetError(
      `The inputs have different first dimensions (${fixed.join(', ')}): they are not rows.`,
    );
  const [size] = fixed;
  if (size === 0) throw datasetError('The first dimension of an input is 0: it takes no rows.');
  return size ?? wanted;
}

/** The output that holds scores or values. */
export function judgedOutput(model: ModelInterface, name: string | null): ValueInfo {
  if (name !== null) {
    const named = model.outputs.find(output => output.name === name);
    if (named === undefined)
      throw datasetError(
        `The model has no output ${JSON.stringify(name)}; it has ${model.outputs.map(output => JSON.stringify(output.name)).join(', ')}.`,
      );
    return named;
  }
  const tensors = model.outputs.filter(({ kind }) => kind === 'tensor');
  const found =
    tensors.find(({ dtype, shape }) => elementFacts(dtype).kind === 'float' && shape?.length !== 0) ??
    tensors[0];
  if (found === undefined) throw datasetError('The model has no output that is a tensor.');
  return found;
}

/** Rows of a stacked tensor, filled up with the last row to a whole batch where the model's size is fixed. */
function sliceRows(tensor: NamedTensor, from: number, rows: number, padded: number): NamedTensor {
  const { name, dtype, shape, data } = tensor;
  const rowElements = elementCount(shape.slice(1));
  const size = [padded, ...shape.slice(1)];
  if (!(data instanceof Uint8Array)) {
    const part = data.slice(from * rowElements, (from + rows) * rowElements);
    const last = part.slice(part.length - rowElements);
    for (let row = rows; row < padded; row++) part.push(...last);
    return { name, dtype, shape: size, data: part };
  }
  const rowBytes = packedByteLength(dtype, rowElements);
  const part = data.subarray(from * rowBytes, (from + rows) * rowBytes);
  if (padded === rows) return { name, dtype, shape: size, data: part };
  const last = part.subarray(part.length - rowBytes);
  return {
    name,
    dtype,
    shape: size,
    data: Buffer.concat([part, ...Array.from({ length: padded - rows }, () => last)]),
  };
}

interface Batch {
  readonly feeds: readonly NamedTensor[];
  readonly rows: number;
}

function batchesOf(chunk: DatasetChunk, size: number, isFixed: boolean): readonly Batch[] {
  return Array.from({ length: Math.ceil(chunk.rows / size) }, (_, index) => {
    const from = index * size;
    const rows = Math.min(size, chunk.rows - from);
    return { feeds: chunk.inputs.map(tensor => sliceRows(tensor, from, rows, isFixed ? size : rows)), rows };
  });
}

function labelsFrom(chunk: DatasetChunk, from: number, rows: number): DatasetChunk['labels'] {
  const { labels } = chunk;
  return labels.kind === 'names'
    ? { kind: 'names', values: labels.values.slice(from, from + rows) }
    : { ...labels, values: labels.values.subarray(from * labels.width, (from + rows) * labels.width) };
}

const outputOf = (outputs: readonly NamedTensor[], name: string): TensorData => {
  const found = outputs.find(output => output.name === name);
  if (found === undefined) throw datasetError(`The model gave no output ${JSON.stringify(name)}.`);
  return found;
};

/** Rows that are read at once: whole batches, about as many as one message holds. */
function rowsPerChunk(model: ModelInterface, size: number): number {
  const rowBytes = model.inputs.reduce((sum, { dtype, shape }) => {
    const elements = elementCount(
      (shape ?? []).slice(1).map(length => (typeof length === 'number' ? length : 64)),
    );
    return sum + Math.max(1, packedByteLength(dtype, elements));
  }, 0);
  const batches = Math.min(MOST_RUNS_A_MESSAGE, Math.max(1, Math.floor(MESSAGE_BYTES / (rowBytes * size))));
  return batches * size;
}

export interface EvaluationInput {
  readonly model: ModelInterface;
  readonly runner: ModelRunner;
  readonly dataset: Dataset;
  readonly plan: AccuracyPlan;
  readonly progress: Progress;
  /** How the side is called in the progress. */
  readonly what: string;
}

export interface Evaluation {
  readonly rows: EvaluatedRows;
  readonly notANumber: number;
}

const kindFor = (plan: AccuracyPlan): EvaluatedRows['kind'] => {
  const regression = plan.metrics.filter(({ metric }) => isRegressionMetric(metric)).length;
  if (regression > 0 && regression < plan.metrics.length) {
    throw datasetError(
      'Metrics of classes (accuracy, f1, ...) and of numbers (mae, rmse, r2) cannot be asked of the same labels.',
    );
  }
  return regression > 0 ? 'regressed' : 'classified';
};

/** Whether an output of a row depends on the rows beside it: two rows alone, against the first batch. */
async function isRowDependent(
  chunk: DatasetChunk,
  size: number,
  runner: ModelRunner,
  output: string,
): Promise<boolean> {
  const rows = Math.min(size, chunk.rows);
  if (rows < 2) return false;
  const places = [0, rows - 1];
  const feedsOf = (from: number, count: number) =>
    chunk.inputs.map(tensor => sliceRows(tensor, from, count, count));
  const [together = [], ...alone] = await runner.runMany([
    feedsOf(0, rows),
    ...places.map(place => feedsOf(place, 1)),
  ]);
  const judged = (outputs: readonly NamedTensor[]) => outputs.filter(({ name }) => name === output);
  // Other rows than the inputs have are an error of their own, when they are counted.
  const besides = splitOutputs(judged(together), rows);
  return places.some((place, index) => {
    const beside = besides?.[place];
    const own = splitOutputs(judged(alone[index] ?? []), 1)?.[0];
    return beside !== undefined && (own === undefined || rowDependence(beside, own) !== null);
  });
}

/**
 * Runs a model over all rows of a dataset, several in a run where that gives what each gives alone. Memory is that
 * of three chunks and a few numbers a row: while the worker has one chunk and the next, the third is read.
 * @throws QuickServeError DATASET_INVALID, and what the runner rejects with.
 */
export async function evaluateDataset(input: EvaluationInput): Promise<Evaluation> {
  const { model, runner, dataset, plan, progress, what } = input;
  const { name } = judgedOutput(model, plan.output);
  const wanted = batchSize(model, plan.batch);
  let size = wanted;
  const isFixed = model.inputs.some(({ shape }) => typeof shape?.[0] === 'number');
  const collector = createCollector(
    kindFor(plan),
    name,
    plan.classes,
    plan.metrics.some(({ metric }) => metric === 'auc'),
  );
  let done = 0;
  // Both are rejected with what the first chunk that failed was rejected with.
  let lastButOne: Promise<void> = Promise.resolve();
  let last = lastButOne;
  try {
    let isTried = isFixed;
    for await (const chunk of dataset.chunks(rowsPerChunk(model, wanted))) {
      await lastButOne;
      if (!isTried && (await isRowDependent(chunk, size, runner, name))) size = 1;
      isTried = true;
      const batches = batchesOf(chunk, size, isFixed);
      const results = runner.runMany(batches.map(({ feeds }) => feeds));
      lastButOne = last;
      last = last.then(async () => {
        collectChunk(chunk, batches, await results, name, collector);
        done += chunk.rows;
        progress.update(`${what}: ${done}${dataset.rows === null ? '' : ` of ${dataset.rows}`} rows`);
      });
      // Awaited one or two chunks later; a rejection meanwhile is not unhandled.
      for (const awaited of [results, last]) awaited.catch(() => undefined);
    }
  } finally {
    await last;
  }
  if (done === 0) throw datasetError(`${dataset.name} has no rows.`);
  return { rows: collector.finish(), notANumber: collector.notANumber };
}

function collectChunk(
  chunk: DatasetChunk,
  batches: readonly Batch[],
  results: readonly (readonly NamedTensor[])[],
  output: string,
  collector: RowCollector,
): void {
  let from = 0;
  for (const [index, { rows }] of batches.entries()) {
    const tensor = outputOf(results[index] ?? [], output);
    if ((tensor.shape[0] ?? 0) < rows)
      throw datasetError(
        `The output ${JSON.stringify(output)} has ${tensor.shape[0] ?? 'no'} rows for ${rows} rows of input.`,
      );
    collector.add(tensor, labelsFrom(chunk, from, rows), rows);
    from += rows;
  }
}

function outcomeOf(
  metric: AccuracyMetric,
  values: {
    readonly candidate: number | null;
    readonly drop: number | null;
    readonly test: PairedTest | null;
  },
  policy: AccuracyPolicy,
  alpha: number,
): AccuracyOutcome {
  const { candidate, drop, test } = values;
  if (candidate === null)
    return { kind: 'undefined', reason: 'The labels do not define it: a class is missing or alone.' };
  const short =
    policy.min !== null && (isErrorMetric(metric) ? candidate > policy.min : candidate < policy.min);
  if (short && policy.min !== null) return { kind: 'below-minimum', minimum: policy.min };
  if (policy.maxDrop === null) return { kind: 'passed' };
  if (drop === null) return { kind: 'no-baseline', maxDrop: policy.maxDrop };
  if (drop <= policy.maxDrop) return { kind: 'passed' };
  return {
    kind: test !== null && test.pValue <= alpha ? 'dropped' : 'inconclusive',
    maxDrop: policy.maxDrop,
  };
}

/**
 * Judges a candidate's rows, against the base's where they are given. A drop fails only where it is both more than the
 * policy tolerates and more than chance (paired test on the same rows, one-sided, `plan.alpha`).
 */
export function judgeAccuracy(
  plan: AccuracyPlan,
  candidate: Evaluation,
  base: Evaluation | null,
  names: { readonly dataset: string; readonly output: string },
): AccuracyReport {
  const metrics = plan.metrics.map(({ metric, policy }): MetricResult => {
    const value = evaluateMetric(candidate.rows, metric, plan.average);
    const before = base === null ? null : evaluateMetric(base.rows, metric, plan.average);
    const drop = value === null || before === null ? null : dropOf(metric, before, value);
    const test =
      base === null || drop === null || drop === 0
        ? null
        : testDrop(metric, plan.average, { base: base.rows, candidate: candidate.rows }, plan.seed);
    return {
      metric,
      candidate: value,
      base: before,
      drop,
      test,
      policy,
      outcome: outcomeOf(metric, { candidate: value, drop, test }, policy, plan.alpha),
    };
  });
  return {
    dataset: names.dataset,
    rows: rowCount(candidate.rows),
    output: names.output,
    metrics,
    notANumber: candidate.notANumber,
  };
}
