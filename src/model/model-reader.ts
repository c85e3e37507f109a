import { QuickServeError } from '../shared/errors.ts';
import { type ByteSource, memorySource, withFileSource } from './byte-source.ts';
import { FILE_TYPE_BYTES, recogniseFileType } from './file-type.ts';
import { DEFAULT_LIMITS, type ReaderLimits } from './limits.ts';
import type { Model } from './model.ts';
import { decodeModel } from './model-decoder.ts';
import { decodeOrtModel } from './ort-decoder.ts';

/**
 * Reads the structure of a model file (.onnx or .ort) through a window: weights are skipped, so time and memory
 * follow the number of nodes and names. Synchronous: it takes milliseconds.
 * Throws MODEL_* errors and FILE_UNREADABLE; what is odd but readable is in `findings`.
 */
export function readModel(path: string, limits: ReaderLimits = DEFAULT_LIMITS): Model {
  return withFileSource(path, source => readModelFrom(source, limits));
}

/** Reads a model from bytes in memory; `name` stands for the path. Throws like `readModel`. */
export function readModelBytes(
  bytes: Uint8Array,
  name: string,
  limits: ReaderLimits = DEFAULT_LIMITS,
): Model {
  return readModelFrom(memorySource(bytes, name), limits);
}

/** Reads a model from any source. Throws like `readModel`. */
export function readModelFrom(source: ByteSource, limits: ReaderLimits = DEFAULT_LIMITS): Model {
  if (source.sizeBytes === 0) {
    throw new QuickServeError({
      code: 'MODEL_EMPTY',
      message: `${source.name} is empty.`,
      hint: 'The download or export left no bytes. Fetch or write the file again.',
    });
  }
  const start = Buffer.alloc(Math.min(FILE_TYPE_BYTES, source.sizeBytes));
  const type = recogniseFileType(start.subarray(0, source.read(0, start)), source.sizeBytes);
  switch (type.kind) {
    case 'ort':
      return decodeOrtModel(source, limits);
    case 'lfs-pointer':
      throw new QuickServeError({
        code: 'MODEL_LFS_POINTER',
        message:
          `${source.name} is a Git LFS pointer` +
          `${type.sizeBytes === null ? '' : ` to a file of ${type.sizeBytes} bytes`}, not the model itself.`,
        hint: 'Fetch the model with `git lfs pull`, or let the checkout do it (actions/checkout: lfs: true).',
      });
    case 'foreign':
      throw new QuickServeError({
        code: 'MODEL_NOT_ONNX',
        message: `${source.name} is no ONNX model: it is ${type.name}.`,
        hint: type.hint,
      });
    case 'unknown':
      return decodeModel(source, limits);
  }
}
