import { elementCount } from '../../shared/element-types.ts';
import type { NamedTensor, TensorData } from '../case-value.ts';
import { stackColumns } from '../csv-columns.ts';
import { LABEL_NAMES } from '../dataset.ts';
import { csvRecords, groupsOf } from '../dataset-csv.ts';
import { openNpzRows } from '../dataset-npz.ts';
import { type RecordForm, type RecordReading, recordsError } from './record.ts';
import { splitRows } from './row-stacks.ts';

/** The inputs with the dimension of rows again, as the readers of tables want them. */
function tableInputs(form: RecordForm): RecordForm['inputs'] {
  if (form.kind === 'whole')
    throw recordsError(
      'The model has an input without a dimension for rows: its records can only be read from JSON.',
    );
  return form.inputs.map(info => ({ ...info, shape: info.shape === null ? null : [null, ...info.shape] }));
}

const withoutRows = (tensor: TensorData): TensorData => ({ ...tensor, shape: tensor.shape.slice(1) });

/** Records of a CSV file with a header. @throws QuickServeError DATASET_INVALID for missing columns. */
export async function* readCsvRecords(path: string, form: RecordForm): AsyncGenerator<RecordReading> {
  const inputs = tableInputs(form);
  let groups: ReturnType<typeof groupsOf> | null = null;
  let fields = 0;
  let number = 0;
  for await (const record of csvRecords(path)) {
    if (groups === null) {
      fields = record.length;
      groups = groupsOf(
        record,
        inputs,
        record.findIndex(name => LABEL_NAMES.includes(name)),
      );
      continue;
    }
    number += 1;
    if (record.length !== fields) {
      const message = `it has ${record.length} fields, the header has ${fields}`;
      yield { kind: 'bad', number, id: null, message };
      continue;
    }
    try {
      const tensors: NamedTensor[] = groups.map(group => ({
        name: group.info.name,
        ...withoutRows(stackColumns(group, [record], number - 1)),
      }));
      yield { kind: 'record', number, id: null, tensors };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      yield { kind: 'bad', number, id: null, message: error.message.replace(/^record \d+, /, '') };
    }
  }
  if (groups === null) throw recordsError('The file has no header.');
}

/** Rows are read in pieces of about this size. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** Records of the arrays of an .npz file. @throws QuickServeError DATASET_INVALID for missing arrays. */
export async function openNpzRecords(
  path: string,
  form: RecordForm,
): Promise<{ readonly rows: number; readonly records: AsyncIterable<RecordReading> }> {
  const inputs = tableInputs(form);
  const { rows, chunks } = await openNpzRows(path, inputs);
  const elements = inputs.reduce(
    (sum, { shape }) =>
      sum + elementCount((shape ?? []).slice(1).map(size => (typeof size === 'number' ? size : 64))),
    0,
  );
  const rowsPerChunk = Math.max(1, Math.min(1024, Math.floor(CHUNK_BYTES / (8 * Math.max(1, elements)))));
  async function* records(): AsyncGenerator<RecordReading> {
    let number = 0;
    for await (const chunk of chunks(rowsPerChunk)) {
      const columns = chunk.tensors.map(tensor => splitRows(tensor, chunk.rows));
      for (let row = 0; row < chunk.rows; row += 1) {
        number += 1;
        const tensors = inputs.flatMap(({ name }, place) => {
          const tensor = columns[place]?.[row];
          return tensor === undefined ? [] : [{ name, ...tensor }];
        });
        const wrong = inputs.find((_, place) => !fits(tensors[place], form.inputs[place]?.shape ?? null));
        yield wrong === undefined
          ? { kind: 'record', number, id: null, tensors }
          : { kind: 'bad', number, id: null, message: `${JSON.stringify(wrong.name)} has another shape` };
      }
    }
  }
  return { rows, records: records() };
}

function fits(tensor: TensorData | undefined, shape: readonly (number | string | null)[] | null): boolean {
  if (tensor === undefined) return false;
  if (shape === null) return true;
  return (
    tensor.shape.length === shape.length &&
    tensor.shape.every((size, axis) => typeof shape[axis] !== 'number' || shape[axis] === size)
  );
}
