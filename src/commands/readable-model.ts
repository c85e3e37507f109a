import type { Model } from '../model/model.ts';
import { assertLoadable } from '../model/model-inspection.ts';
import { readModel } from '../model/model-reader.ts';

/** A model that was read and whose file can be opened. */
export interface ReadableModel {
  /** Absolute. */
  readonly file: string;
  readonly model: Model;
}

/** @throws QuickServeError as readModel. */
export const readableModel = (file: string): ReadableModel => ({ file, model: readModel(file) });

/** A model that the runtime can be given. @throws QuickServeError as readModel and assertLoadable. */
export function loadableModel(file: string): ReadableModel {
  const found = readableModel(file);
  assertLoadable(found.model);
  return found;
}
