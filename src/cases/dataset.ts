import { basename } from 'node:path';
import type { ModelInterface, ValueInfo } from '../model/inspection.ts';
import { messageOf, QuickServeError, systemCodeOf } from '../shared/errors.ts';
import type { NamedTensor } from './case-value.ts';

/** Labels of some rows: numbers (`width` of them a row) or class names. */
export type Labels =
  | {
      readonly kind: 'numbers';
      readonly values: Float64Array;
      readonly width: number;
      readonly whole: boolean;
    }
  | { readonly kind: 'names'; readonly values: readonly string[] };

/** Some rows of a dataset: every input stacked along its first dimension. */
export interface DatasetChunk {
  readonly rows: number;
  readonly inputs: readonly NamedTensor[];
  readonly labels: Labels;
}

/** Labelled rows in a file that need not fit in memory. */
export interface Dataset {
  readonly name: string;
  /** null: not known before it was read. */
  readonly rows: number | null;
  /** Chunks of so many rows, the last one of fewer; may be read again from the start. */
  chunks(rowsPerChunk: number): AsyncIterable<DatasetChunk>;
}

export interface DatasetOptions {
  /** Array, column or key with the labels; null: the first of `label`, `labels`, `y`, `target`, `targets` that is there. */
  readonly label: string | null;
}

export const LABEL_NAMES: readonly string[] = ['label', 'labels', 'y', 'target', 'targets'];

/** Inputs of which every row has its own part. @throws QuickServeError for a scalar: it has no rows. */
export function rowInputs(model: ModelInterface): readonly ValueInfo[] {
  for (const { name, shape, kind } of model.inputs) {
    if (kind !== 'tensor' || shape?.length === 0) {
      throw datasetError(
        `The input ${JSON.stringify(name)} has no dimension for rows, so a dataset cannot feed it.`,
      );
    }
  }
  return model.inputs;
}

export function datasetError(message: string, cause?: unknown): QuickServeError {
  return new QuickServeError({
    code: 'DATASET_INVALID',
    message,
    hint: 'A dataset is an .npz with an array for each input and one of labels, a .csv with a column for each element, or .jsonl with {"inputs": {...}, "label": ...} on each line.',
    cause,
  });
}

/** Turns what a decoder or the file system says into an error that names the file. */
export function inDataset(path: string, error: unknown): unknown {
  if (error instanceof QuickServeError) return error;
  if (systemCodeOf(error) !== 'ENOENT') return datasetError(`${basename(path)}: ${messageOf(error)}.`, error);
  return new QuickServeError({
    code: 'FILE_UNREADABLE',
    message: `The dataset ${path} does not exist.`,
    hint: 'Correct the path of the dataset, or add the file.',
    cause: error,
  });
}
