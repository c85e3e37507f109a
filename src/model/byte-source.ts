import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { fileReason, QuickServeError, systemCodeOf } from '../shared/errors.ts';

/** Bytes that can be read at any place without holding them all. */
export interface ByteSource {
  /** What to call the bytes in a message: the path of the file. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Fills `target` from `offset` on; returns how many bytes there were. */
  read(offset: number, target: Uint8Array): number;
}

/** A source over bytes that are in memory already. */
export function memorySource(bytes: Uint8Array, name: string): ByteSource {
  return {
    name,
    sizeBytes: bytes.length,
    read(offset, target) {
      const part = bytes.subarray(offset, offset + target.length);
      target.set(part);
      return part.length;
    },
  };
}

/**
 * Opens a regular file, hands `use` a source over it and closes it again.
 * Never blocks on a FIFO. Throws MODEL_NOT_FOUND, FILE_UNREADABLE, or MODEL_NOT_ONNX for a folder, device or pipe.
 */
export function withFileSource<Result>(path: string, use: (source: ByteSource) => Result): Result {
  const descriptor = openModelFile(path);
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) {
      throw new QuickServeError({
        code: 'MODEL_NOT_ONNX',
        message: `${path} is ${stat.isDirectory() ? 'a folder' : 'a device, pipe or socket'}, not a file.`,
        hint: 'Name the .onnx or .ort file itself.',
      });
    }
    return use({
      name: path,
      sizeBytes: stat.size,
      read(offset, target) {
        let filled = 0;
        while (filled < target.length) {
          const count = readPart(descriptor, path, target.subarray(filled), offset + filled);
          if (count === 0) break;
          filled += count;
        }
        return filled;
      },
    });
  } finally {
    closeSync(descriptor);
  }
}

function openModelFile(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    const code = systemCodeOf(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new QuickServeError({
        code: 'MODEL_NOT_FOUND',
        message: `There is no model file at ${path}.`,
        hint: 'Check the path. It is relative to the working folder, or to --cwd where that is given.',
        cause,
      });
    }
    throw unreadable(path, cause);
  }
}

function readPart(descriptor: number, path: string, target: Uint8Array, offset: number): number {
  try {
    return readSync(descriptor, target, 0, target.length, offset);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): QuickServeError {
  return new QuickServeError({
    code: 'FILE_UNREADABLE',
    message: `${path} cannot be read: ${fileReason(cause)}.`,
    hint: 'Check the permissions of the file and of the folders above it.',
    cause,
  });
}
