import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { FeedTensor } from '../benchmark/measurement.ts';
import type { RuntimeValue } from './worker-protocol.ts';

type TensorConstructor = new (type: Tensor.Type, data: Tensor.DataType, dims: readonly number[]) => Tensor;

/** The arrays that onnxruntime-node takes and gives, by dtype: float16 as its bits, bool as bytes. */
export const RUNTIME_ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

export type NumericType = keyof typeof RUNTIME_ARRAYS;

export const isNumericType = (dtype: string): dtype is NumericType => Object.hasOwn(RUNTIME_ARRAYS, dtype);

interface Place {
  readonly buffer: ArrayBuffer;
  readonly offset: number;
}

const ALIGNMENT = 64;

/**
 * Memory for the inputs of runs that follow each other: fresh memory for each would cost several times what the copy
 * into it does. It is as large as the largest run so far.
 */
export class InputMemory {
  #memory = new ArrayBuffer(0);
  #used = 0;

  /** The inputs of the run before may be overwritten. */
  clear(): void {
    this.#used = 0;
  }

  place(bytes: Uint8Array): Place {
    const end = this.#used + bytes.length;
    if (end > this.#memory.byteLength) {
      // What this run placed before stays where it is.
      this.#memory = new ArrayBuffer(end);
      this.#used = 0;
    }
    const offset = this.#used;
    new Uint8Array(this.#memory, offset).set(bytes);
    this.#used = Math.ceil((offset + bytes.length) / ALIGNMENT) * ALIGNMENT;
    return { buffer: this.#memory, offset };
  }
}

/** A tensor of the runtime from little-endian bytes or strings. @throws Error for a dtype that it cannot take. */
function runtimeTensorOf(feed: FeedTensor, Tensor: TensorConstructor, memory: InputMemory | null): Tensor {
  if (!(feed.data instanceof Uint8Array)) return new Tensor('string', [...feed.data], feed.shape);
  if (!isNumericType(feed.dtype))
    throw new Error(`The runtime cannot be fed with ${feed.dtype} (${feed.name}).`);
  const ArrayType = RUNTIME_ARRAYS[feed.dtype];
  // A copy: typed arrays want aligned memory, which a view into a message need not be.
  const { buffer, offset } = memory?.place(feed.data) ?? {
    buffer: new Uint8Array(feed.data).buffer,
    offset: 0,
  };
  const elements = feed.data.length / ArrayType.BYTES_PER_ELEMENT;
  return new Tensor(feed.dtype, new ArrayType(buffer, offset, elements), feed.shape);
}

/** An output of the runtime as plain data. */
function plainTensorOf(name: string, tensor: Tensor): FeedTensor {
  const { data, dims } = tensor;
  if (Array.isArray(data)) return { name, dtype: 'string', shape: [...dims], data: data.map(String) };
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  return { name, dtype: tensor.type, shape: [...dims], data: bytes };
}

/** The outputs of a run as plain data, in the order of `names`; what the runtime did not give is left out. */
export function plainTensorsOf(
  names: readonly string[],
  result: Readonly<Record<string, Tensor>>,
): readonly FeedTensor[] {
  return names.flatMap(name => {
    const tensor = Object.hasOwn(result, name) ? result[name] : undefined;
    return tensor === undefined ? [] : [plainTensorOf(name, tensor)];
  });
}

/**
 * Inputs of a run by name. Without a prototype: an input may be called `__proto__`.
 * @param memory where they are put, over those of the run before; null: each into memory of its own.
 */
export function feedsOf(
  tensors: readonly FeedTensor[],
  runtime: { readonly Tensor: TensorConstructor },
  memory: InputMemory | null = null,
): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = Object.create(null);
  memory?.clear();
  for (const tensor of tensors) feeds[tensor.name] = runtimeTensorOf(tensor, runtime.Tensor, memory);
  return feeds;
}

/** What the runtime says of an input or output. */
export const runtimeValue = (value: InferenceSession.ValueMetadata): RuntimeValue =>
  value.isTensor
    ? {
        name: value.name,
        isTensor: true,
        dtype: value.type,
        shape: value.shape.map(size => (size === '' ? null : size)),
      }
    : { name: value.name, isTensor: false, dtype: null, shape: null };
