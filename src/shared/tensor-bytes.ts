import { type ElementType, elementCount, elementFacts, packedByteLength } from './element-types.ts';
import { isSmallFloat, smallFloatCode, smallFloatTable } from './small-floats.ts';

/** Elements as numbers; 64-bit integers as BigInt. Complex numbers are two elements each: real, imaginary. */
export type ElementArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

const VIEWS = {
  float32: Float32Array,
  float64: Float64Array,
  complex64: Float32Array,
  complex128: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
} as const;

type ViewType = keyof typeof VIEWS;

const hasView = (dtype: ElementType): dtype is ViewType => Object.hasOwn(VIEWS, dtype);

interface Memory {
  readonly buffer: ArrayBuffer;
  readonly byteOffset: number;
}

/** The bytes in memory that a typed array of `unit` bytes can look at: a copy only where they are not aligned. */
function aligned(bytes: Uint8Array, unit: number): Memory {
  const { buffer, byteOffset } = bytes;
  return byteOffset % unit === 0 && buffer instanceof ArrayBuffer
    ? { buffer, byteOffset }
    : new Uint8Array(bytes);
}

/**
 * Little-endian raw_data as numbers: a view of the bytes where that is possible, else a decoded copy.
 * @param count elements; the bytes must be exactly those of so many.
 * @throws RangeError where they are not, and for strings.
 */
export function elementsOf(dtype: ElementType, bytes: Uint8Array, count: number): ElementArray {
  if (dtype === 'string' || dtype === 'undefined') throw new RangeError(`${dtype} has no raw elements`);
  if (bytes.byteLength !== packedByteLength(dtype, count)) {
    throw new RangeError(`${bytes.byteLength} bytes are not ${count} elements of ${dtype}`);
  }
  if (hasView(dtype)) {
    const View = VIEWS[dtype];
    const data = aligned(bytes, View.BYTES_PER_ELEMENT);
    return new View(data.buffer, data.byteOffset, bytes.byteLength / View.BYTES_PER_ELEMENT);
  }
  const facts = elementFacts(dtype);
  if (facts.bits === 16) {
    const data = aligned(bytes, 2);
    const codes = new Uint16Array(data.buffer, data.byteOffset, count);
    return decoded(dtype, count, index => codes[index] ?? 0);
  }
  const perByte = 8 / facts.bits;
  const mask = 2 ** facts.bits - 1;
  // Packed elements start at the low bits (ONNX, TensorProto.int32_data).
  const codeAt = (index: number): number =>
    ((bytes[Math.floor(index / perByte)] ?? 0) >>> ((index % perByte) * facts.bits)) & mask;
  return decoded(dtype, count, codeAt);
}

function decoded(dtype: ElementType, count: number, codeAt: (index: number) => number): ElementArray {
  if (isSmallFloat(dtype)) {
    const table = smallFloatTable(dtype);
    const values = new Float32Array(count);
    for (let index = 0; index < count; index++) values[index] = table[codeAt(index)] ?? 0;
    return values;
  }
  const facts = elementFacts(dtype);
  const lowest = facts.kind === 'integer' ? Number(facts.min) : 0;
  const values = new Int8Array(count);
  for (let index = 0; index < count; index++) {
    const code = codeAt(index);
    values[index] = lowest < 0 && code >= -lowest ? code + 2 * lowest : code;
  }
  return values;
}

/** A number written down for a float dtype that has no JSON spelling otherwise. */
const toNumber = (value: number | bigint | boolean): number => Number(value);

/**
 * Numbers as little-endian raw_data. Floats are rounded to the dtype, integers must be in its range (checked before).
 * Complex numbers take two values each.
 */
export function bytesOfElements(
  dtype: ElementType,
  values: ArrayLike<number | bigint | boolean>,
): Uint8Array {
  const { length } = values;
  if (hasView(dtype)) {
    if (dtype === 'int64' || dtype === 'uint64') {
      const view = new VIEWS[dtype](length);
      for (let index = 0; index < length; index++) view[index] = BigInt(values[index] ?? 0);
      return new Uint8Array(view.buffer);
    }
    const view = new VIEWS[dtype](length);
    for (let index = 0; index < length; index++) view[index] = toNumber(values[index] ?? 0);
    return new Uint8Array(view.buffer);
  }
  const facts = elementFacts(dtype);
  const codeOf = (index: number): number => {
    const value = toNumber(values[index] ?? 0);
    return isSmallFloat(dtype) ? smallFloatCode(dtype, value) : value & (2 ** facts.bits - 1);
  };
  if (facts.bits === 16)
    return new Uint8Array(Uint16Array.from({ length }, (_, index) => codeOf(index)).buffer);
  const bytes = new Uint8Array(packedByteLength(dtype, length));
  const perByte = 8 / facts.bits;
  for (let index = 0; index < length; index++) {
    const at = Math.floor(index / perByte);
    bytes[at] = (bytes[at] ?? 0) | (codeOf(index) << ((index % perByte) * facts.bits));
  }
  return bytes;
}

/** The values of a nested array in row-major order, after its shape was checked; a scalar is one value. */
export function flattenNested(value: unknown, rank: number, into: unknown[] = []): unknown[] {
  if (rank === 0 || !Array.isArray(value)) into.push(value);
  else if (rank === 1) for (const element of value) into.push(element);
  else for (const row of value) flattenNested(row, rank - 1, into);
  return into;
}

/** Row-major values as a nested array of a shape. */
export function nestFlat(values: ArrayLike<unknown>, shape: readonly number[], from = 0): unknown {
  const [size, ...rest] = shape;
  if (size === undefined) return values[from];
  const stride = elementCount(rest);
  return Array.from({ length: size }, (_, index) => nestFlat(values, rest, from + index * stride));
}
