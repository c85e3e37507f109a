import type { ModelInterface, ValueInfo } from '../../model/inspection.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { NamedTensor } from '../case-value.ts';

/** What a caller wrote beside a record to find its result again. */
export type RecordId = string | number;

/** One record of a file or stream; a record that cannot be read does not stop those after it. */
export type RecordReading =
  | {
      readonly kind: 'record';
      /** From 1, in the order of the file. */
      readonly number: number;
      readonly id: RecordId | null;
      /** In the order of the model's inputs; without the dimension of rows where the form is `row`. */
      readonly tensors: readonly NamedTensor[];
    }
  | { readonly kind: 'bad'; readonly number: number; readonly id: RecordId | null; readonly message: string };

/** Records as they come. */
export interface RecordSource {
  readonly name: string;
  readonly records: AsyncIterable<RecordReading>;
  /** How much has been read, 0 to 1; null where the end is not known. */
  fraction(): number | null;
}

/**
 * What one record is to the model. `row`: every input has a first dimension of rows, and a record is one row.
 * `whole`: a record is all that one run takes.
 */
export interface RecordForm {
  readonly kind: 'row' | 'whole';
  /** As a record has them. */
  readonly inputs: readonly ValueInfo[];
  /** Rows that one run may take; null: any number. */
  readonly largestBatch: number | null;
}

/**
 * The form of a model's records. Rows may be stacked where all inputs leave the first dimension open under one name, and
 * all outputs follow it; a model that fixes it to 1 takes one row a run.
 * @throws QuickServeError RECORDS_INVALID for inputs that are no tensors.
 */
export function recordFormOf(model: Pick<ModelInterface, 'inputs' | 'outputs'>): RecordForm {
  const { inputs, outputs } = model;
  const other = inputs.find(({ kind }) => kind !== 'tensor');
  if (other !== undefined) {
    throw recordsError(
      `The input ${JSON.stringify(other.name)} is a ${other.kind}; records can only hold tensors.`,
    );
  }
  const firsts = inputs.map(({ shape }) => shape?.[0]);
  const whole: RecordForm = { kind: 'whole', inputs, largestBatch: 1 };
  if (inputs.length === 0 || firsts.some(first => first === undefined)) return whole;
  const rows = inputs.map(info => ({ ...info, shape: info.shape?.slice(1) ?? null }));
  if (firsts.every(first => first === 1)) return { kind: 'row', inputs: rows, largestBatch: 1 };
  if (firsts.some(first => typeof first === 'number')) return whole;
  const [symbol] = firsts;
  const follows = (first: unknown): boolean => first === symbol || first === null || symbol === null;
  const stackable =
    firsts.every(follows) &&
    outputs.every(({ kind, shape }) => kind === 'tensor' && (shape === null || follows(shape[0])));
  return { kind: 'row', inputs: rows, largestBatch: stackable ? null : 1 };
}

export function recordsError(message: string, cause?: unknown): QuickServeError {
  return new QuickServeError({
    code: 'RECORDS_INVALID',
    message,
    hint: 'Data is .ndjson or .json with {"inputs": {...}} a record, .csv with a column for each element, or .npz with an array for each input; - reads NDJSON from stdin.',
    cause,
  });
}
