import { basename, extname } from 'node:path';
import type { ModelInterface } from '../model/inspection.ts';
import { type Dataset, type DatasetOptions, datasetError, inDataset, rowInputs } from './dataset.ts';
import { openCsvDataset } from './dataset-csv.ts';
import { openJsonLinesDataset } from './dataset-json-lines.ts';
import { openNpzDataset } from './dataset-npz.ts';
import { isLfsPointer, LFS_HINT } from './lfs-pointer.ts';

/**
 * Opens a labelled dataset: .npz, .csv or .jsonl (.ndjson). Reads its outside only.
 * @throws QuickServeError DATASET_INVALID, FILE_UNREADABLE.
 */
export async function openDataset(
  path: string,
  model: ModelInterface,
  options: DatasetOptions,
): Promise<Dataset> {
  const inputs = rowInputs(model);
  if (isLfsPointer(path))
    throw datasetError(`${basename(path)} is a Git LFS pointer, not the file itself. ${LFS_HINT}`);
  try {
    switch (extname(path).toLowerCase()) {
      case '.npz':
        return await openNpzDataset(path, inputs, options.label);
      case '.csv':
        return await openCsvDataset(path, inputs, options.label);
      case '.jsonl':
      case '.ndjson':
        return openJsonLinesDataset(path, inputs, options.label);
      default:
        throw datasetError(`${basename(path)} is no kind of dataset that is known by its name.`);
    }
  } catch (error) {
    throw inDataset(path, error);
  }
}
