import { messageOf, QuickServeError } from '../../shared/errors.ts';
import { inOrder } from '../../shared/in-order.ts';
import type { ModelRunner, NamedTensor } from '../case-value.ts';
import { rowDependence } from '../row-trial.ts';
import type { RecordForm, RecordId, RecordReading } from './record.ts';
import { sameSizes, splitOutputs, stackRecords } from './row-stacks.ts';

/** What became of a record. */
export type RecordResult = { readonly number: number; readonly id: RecordId | null } & (
  | { readonly kind: 'done'; readonly outputs: readonly NamedTensor[] }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
);

export interface RecordPlan {
  readonly form: RecordForm;
  /** Rows of one run; cut to what the model takes. */
  readonly batch: number;
  /** Whether a failed run is the fault of its records; anything else ends the whole. */
  readonly isRecordFault: (error: unknown) => boolean;
  /** Told once why records run one by one from here on. */
  readonly onAlone?: (reason: string) => void;
}

type Record = Extract<RecordReading, { kind: 'record' }>;

/** Neighbouring records of the same sizes, up to `most`; bad ones stay at their place. */
async function* batchesOf(
  records: AsyncIterable<RecordReading>,
  most: number,
): AsyncGenerator<readonly RecordReading[]> {
  let waiting: RecordReading[] = [];
  let first: Record | null = null;
  let rows = 0;
  for await (const record of records) {
    const fits = record.kind === 'bad' || first === null || sameSizes(first.tensors, record.tensors);
    if (!fits || rows >= most || waiting.length >= 2 * most) {
      yield waiting;
      waiting = [];
      first = null;
      rows = 0;
    }
    waiting.push(record);
    if (record.kind === 'record') {
      first ??= record;
      rows += 1;
    }
  }
  if (waiting.length > 0) yield waiting;
}

/** Lends each of a few runners to one user at a time. */
function createPool<T>(members: readonly T[]): {
  readonly use: <R>(act: (member: T) => Promise<R>) => Promise<R>;
} {
  const free = [...members];
  const waiting: ((member: T) => void)[] = [];
  return {
    use: async act => {
      const member = free.pop() ?? (await new Promise<T>(resolve => waiting.push(resolve)));
      try {
        return await act(member);
      } finally {
        const next = waiting.shift();
        if (next === undefined) free.push(member);
        else next(member);
      }
    },
  };
}

const failed = ({ number, id }: RecordReading, code: string, message: string): RecordResult => ({
  kind: 'failed',
  number,
  id,
  code,
  message,
});

/**
 * Runs records through one or more runners and gives the results in the order of the records. Reads ahead by no more
 * than two batches a runner, so memory does not depend on the number of records, and whoever takes results slowly slows
 * the reading. A run that fails is repeated record by record, so that only the guilty one is lost. Of the first batch, two
 * records also run alone: where that gives something else, all run one by one.
 * @throws what the source throws, and failures that are not those of a record.
 */
export async function* runRecords(
  records: AsyncIterable<RecordReading>,
  runners: readonly ModelRunner[],
  plan: RecordPlan,
): AsyncGenerator<RecordResult> {
  const { form, isRecordFault } = plan;
  const pool = createPool(runners);
  let together = Math.max(1, Math.min(plan.batch, form.largestBatch ?? plan.batch));
  const most = together;

  async function runOne(runner: ModelRunner, record: Record): Promise<RecordResult> {
    const { number, id } = record;
    try {
      if (form.kind === 'whole')
        return { kind: 'done', number, id, outputs: await runner.run(record.tensors) };
      const outputs = await runner.run(stackRecords([record.tensors]));
      return { kind: 'done', number, id, outputs: splitOutputs(outputs, 1)?.[0] ?? outputs };
    } catch (error) {
      if (!isRecordFault(error)) throw error;
      return failed(
        record,
        error instanceof QuickServeError ? error.code : 'MODEL_RUN_FAILED',
        messageOf(error),
      );
    }
  }

  async function runEach(runner: ModelRunner, good: readonly Record[]): Promise<readonly RecordResult[]> {
    const results: RecordResult[] = [];
    for (const record of good) results.push(await runOne(runner, record));
    return results;
  }

  const runAlone = (reason: string): void => {
    if (together > 1) plan.onAlone?.(reason);
    together = 1;
  };

  async function tryAlone(
    runner: ModelRunner,
    good: readonly Record[],
    rows: readonly (readonly NamedTensor[])[],
  ): Promise<void> {
    for (const place of [0, good.length - 1]) {
      const [record, beside] = [good[place], rows[place]];
      if (record === undefined || beside === undefined) return;
      const alone = await runOne(runner, record);
      const reason = alone.kind === 'done' ? rowDependence(beside, alone.outputs) : null;
      if (reason !== null) runAlone(reason);
    }
  }

  let trial: Promise<void> | null = null;
  async function runStacked(runner: ModelRunner, good: readonly Record[]): Promise<readonly RecordResult[]> {
    if (good.length <= 1 || together === 1) return runEach(runner, good);
    let outputs: readonly NamedTensor[];
    try {
      outputs = await runner.run(stackRecords(good.map(({ tensors }) => tensors)));
    } catch (error) {
      if (!isRecordFault(error)) throw error;
      return runEach(runner, good);
    }
    const rows = splitOutputs(outputs, good.length);
    if (rows === null) {
      runAlone('the outputs have other rows than the inputs, whatever the model file says');
      return runEach(runner, good);
    }
    trial ??= tryAlone(runner, good, rows);
    await trial;
    if (together === 1) return runEach(runner, good);
    return good.map(({ number, id }, place) => ({ kind: 'done', number, id, outputs: rows[place] ?? [] }));
  }

  async function runBatch(batch: readonly RecordReading[]): Promise<readonly RecordResult[]> {
    const good = batch.filter(record => record.kind === 'record');
    const results = good.length === 0 ? [] : await pool.use(runner => runStacked(runner, good));
    const byNumber = new Map(results.map(result => [result.number, result]));
    return batch.map(record =>
      record.kind === 'bad'
        ? failed(record, 'RECORD_INVALID', record.message)
        : (byNumber.get(record.number) ?? failed(record, 'MODEL_RUN_FAILED', 'there was no answer')),
    );
  }

  const ahead = { most: 2 * runners.length };
  for await (const results of inOrder(batchesOf(records, most), runBatch, ahead)) yield* results;
}
