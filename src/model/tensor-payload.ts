import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { fileReason, QuickServeError } from '../shared/errors.ts';
import { bitsOf } from './dtypes.ts';
import { examineExternalData } from './external-data.ts';
import type { Model, TensorInfo } from './model.ts';

/** Divisible by the size of every element. */
const CHUNK_BYTES = 1 << 20;

/** Reads the elements of a model's tensors, a chunk at a time. Close it. */
export interface PayloadReader {
  /**
   * The bytes as they are stored: little-endian elements, or null where the model stores them one by one, as text, or
   * not at all. Chunks are whole elements and only valid until the next one is asked for.
   * @throws QuickServeError FILE_UNREADABLE.
   */
  chunks(tensor: TensorInfo): Generator<Uint8Array> | null;
  close(): void;
}

/** Longer lists of integers are not unpacked: writers of large tensors use raw data. */
const LARGEST_VARINT_LIST = 16 << 20;

interface Range {
  readonly path: string;
  readonly offset: number;
  readonly sizeBytes: number;
  /** Bytes of an element, where the range is a list of varints; null where it is the elements themselves. */
  readonly varintBytes: number | null;
}

/** Opens the payloads of a model: in its own file, and in the external files that its folder holds. */
export function openPayloads(model: Model): PayloadReader {
  const descriptors = new Map<string, number>();
  const external = new Map(
    examineExternalData(model).files.map(({ path, absolutePath }) => [path, absolutePath]),
  );
  const rangeOf = ({ payload, sizeBytes, dtype }: TensorInfo): Range | null => {
    if (dtype === 'string') return null;
    switch (payload.kind) {
      case 'raw':
        return { path: model.path, offset: payload.offset, sizeBytes: payload.sizeBytes, varintBytes: null };
      case 'typed': {
        const isPlain = payload.field === 'float_data' || payload.field === 'double_data';
        const range = { path: model.path, offset: payload.offset, sizeBytes: payload.sizeBytes };
        // One packed list has just the elements; an unpacked one has a tag before each, and no size.
        if (isPlain) return payload.sizeBytes === sizeBytes ? { ...range, varintBytes: null } : null;
        return payload.sizeBytes > 0 && payload.sizeBytes <= LARGEST_VARINT_LIST
          ? { ...range, varintBytes: Math.max(1, bitsOf(dtype) / 8) }
          : null;
      }
      case 'external': {
        const path = external.get(payload.location) ?? null;
        return path === null
          ? null
          : { path, offset: payload.offset, sizeBytes: payload.sizeBytes ?? sizeBytes, varintBytes: null };
      }
      case 'none':
        return sizeBytes === 0 ? { path: model.path, offset: 0, sizeBytes: 0, varintBytes: null } : null;
    }
  };
  const open = (path: string): number => {
    const known = descriptors.get(path);
    if (known !== undefined) return known;
    try {
      const descriptor = openSync(path, 'r');
      descriptors.set(path, descriptor);
      return descriptor;
    } catch (cause) {
      throw unreadable(path, cause);
    }
  };
  function* read({ path, offset, sizeBytes }: Range): Generator<Uint8Array> {
    const descriptor = open(path);
    const buffer = Buffer.alloc(Math.min(CHUNK_BYTES, sizeBytes));
    for (let done = 0; done < sizeBytes; ) {
      const wanted = Math.min(buffer.length, sizeBytes - done);
      const count = readWhole(descriptor, buffer.subarray(0, wanted), offset + done, path);
      if (count < wanted) throw unreadable(path, new Error(`it ends after ${offset + done + count} bytes`));
      yield buffer.subarray(0, wanted);
      done += wanted;
    }
  }
  return {
    chunks(tensor) {
      const range = rangeOf(tensor);
      if (range === null) return null;
      return range.varintBytes === null ? read(range) : unpackVarints(read(range), range.varintBytes);
    },
    close() {
      for (const descriptor of descriptors.values()) closeSync(descriptor);
      descriptors.clear();
    },
  };
}

/** A packed list of integers as little-endian elements: the low bytes of each, since negative ones take all 64 bits. */
function* unpackVarints(chunks: Iterable<Uint8Array>, elementBytes: number): Generator<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (const chunk of chunks) parts.push(chunk.slice());
  const packed = Buffer.concat(parts);
  const elements: number[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of packed) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte >= 0x80) continue;
    for (let index = 0; index < elementBytes; index += 1)
      elements.push(Number((value >> BigInt(8 * index)) & 0xffn));
    value = 0n;
    shift = 0n;
  }
  yield Uint8Array.from(elements);
}

/** sha256 over type, sizes and elements, or null where the elements cannot be read as they are. */
export function hashTensor(reader: PayloadReader, tensor: TensorInfo): string | null {
  const chunks = reader.chunks(tensor);
  if (chunks === null) return null;
  const hash = createHash('sha256').update(`${tensor.dtype}[${tensor.dims.join()}]`);
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

function readWhole(descriptor: number, target: Uint8Array, offset: number, path: string): number {
  try {
    let filled = 0;
    while (filled < target.length) {
      const count = readSync(descriptor, target, filled, target.length - filled, offset + filled);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): QuickServeError {
  return new QuickServeError({
    code: 'FILE_UNREADABLE',
    message: `The weights in ${path} cannot be read: ${fileReason(cause)}.`,
    hint: 'Check the permissions of the file, and that nothing writes it at the same time.',
    cause,
  });
}
