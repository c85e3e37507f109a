import { dirname, resolve } from 'node:path';
import type { GivenInputs } from '../../benchmark/feeds.ts';
import type { Workload } from '../../benchmark/workload.ts';
import { openRecords } from '../../cases/records/open-records.ts';
import { type RecordReading, recordFormOf } from '../../cases/records/record.ts';
import { stackRecords } from '../../cases/records/row-stacks.ts';
import type { ModelInterface } from '../../model/inspection.ts';
import { readCaseFiles } from '../../runtime/case-files.ts';
import { messageOf, QuickServeError } from '../../shared/errors.ts';

/**
 * What a set of inputs takes from files: rows of a dataset, the inputs of a case, or null. Without a word in the
 * configuration, cases that lie beside the model are its inputs, as in ONNX's own layout.
 * @param root of the repository; `modelPath` is relative to it.
 * @throws QuickServeError INPUTS_UNAVAILABLE, RECORDS_INVALID, FILE_UNREADABLE.
 */
export async function givenInputs(
  workload: Pick<Workload, 'casesPath' | 'datasetPath' | 'dims'>,
  model: Pick<ModelInterface, 'inputs' | 'outputs'>,
  { root, modelPath }: { readonly root: string; readonly modelPath: string },
): Promise<GivenInputs | null> {
  if (workload.datasetPath !== null) {
    return readRows(resolve(root, workload.datasetPath), model, workload.dims);
  }
  return readCaseFiles(resolve(root, workload.casesPath ?? dirname(modelPath)));
}

/** As many rows as the first dimension has by `dims`, else one; a model whose records are whole takes the first. */
async function readRows(
  path: string,
  model: Pick<ModelInterface, 'inputs' | 'outputs'>,
  dims: Workload['dims'],
): Promise<GivenInputs> {
  const form = recordFormOf(model);
  const [first] = model.inputs.map(({ shape }) => shape?.[0]);
  const wanted = typeof first === 'string' && Object.hasOwn(dims, first) ? (dims[first] ?? 1) : 1;
  const count = form.kind === 'row' ? Math.min(wanted, form.largestBatch ?? wanted) : 1;
  const source = await openRecords(path, form);
  const records: Extract<RecordReading, { kind: 'record' }>[] = [];
  for await (const record of source.records) {
    if (record.kind === 'bad') throw unusable(source.name, `record ${record.number} ${record.message}`);
    records.push(record);
    if (records.length === count) break;
  }
  const [one] = records;
  if (one === undefined || records.length < count) {
    throw unusable(source.name, `it has ${records.length} of the ${count} rows that are wanted`);
  }
  try {
    return { rows: form.kind === 'row' ? stackRecords(records.map(({ tensors }) => tensors)) : one.tensors };
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    throw unusable(source.name, messageOf(thrown));
  }
}

const unusable = (name: string, what: string): QuickServeError =>
  new QuickServeError({
    code: 'INPUTS_UNAVAILABLE',
    message: `The rows of ${name} cannot be fed: ${what}.`,
    hint: 'Give a file with enough rows for the first dimension that `dims` asks for, in the form of docs/guides/testing.md.',
  });
