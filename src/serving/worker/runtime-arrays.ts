import type { Dtype } from '../../model/inspection.ts';
import { isNumericType, type NumericType, RUNTIME_ARRAYS } from '../../runtime/runtime-tensors.ts';
import { isSmallFloat, smallFloatCode } from '../../shared/small-floats.ts';

export type NumericArray = InstanceType<(typeof RUNTIME_ARRAYS)[NumericType]>;
export type RuntimeArray = NumericArray | string[];

export const isRuntimeType = (dtype: string): dtype is NumericType | 'string' =>
  dtype === 'string' || isNumericType(dtype);

export function allocate(dtype: Dtype, count: number): RuntimeArray {
  if (dtype === 'string') return new Array<string>(count).fill('');
  if (!isNumericType(dtype)) throw new RangeError(`the runtime cannot be fed with ${dtype}`);
  return new RUNTIME_ARRAYS[dtype](count);
}

/** Little-endian bytes as an array: a view where they are aligned, else a copy. */
export function viewOf(dtype: NumericType, bytes: Uint8Array): NumericArray {
  const ArrayType = RUNTIME_ARRAYS[dtype];
  const unit = ArrayType.BYTES_PER_ELEMENT;
  const { buffer, byteOffset } =
    bytes.byteOffset % unit === 0 && bytes.buffer instanceof ArrayBuffer
      ? { buffer: bytes.buffer, byteOffset: bytes.byteOffset }
      : new Uint8Array(bytes);
  return new ArrayType(buffer, byteOffset, bytes.byteLength / unit);
}

/** Rows `from` to `to` of an array, as a view where it is one of numbers. */
export const sliceOf = (array: RuntimeArray, from: number, to: number): RuntimeArray =>
  Array.isArray(array) ? array.slice(from, to) : array.subarray(from, to);

/** Copies all of `source` to `offset`. Both must be of one dtype. */
export function copyInto(target: RuntimeArray, offset: number, source: RuntimeArray): void {
  if (Array.isArray(target)) {
    for (let index = 0; index < source.length; index++) target[offset + index] = String(source[index]);
  } else {
    (target as { set(source: RuntimeArray, offset: number): void }).set(source, offset);
  }
}

/**
 * Writes values that were checked before into an array from `offset` on. Plain loops by kind of array: this sees every
 * number of every request.
 */
export function fillFlat(
  dtype: Dtype,
  target: RuntimeArray,
  offset: number,
  values: ArrayLike<unknown>,
): void {
  const { length } = values;
  if (Array.isArray(target)) {
    for (let index = 0; index < length; index++) target[offset + index] = values[index] as string;
  } else if (target instanceof BigInt64Array || target instanceof BigUint64Array) {
    for (let index = 0; index < length; index++) target[offset + index] = BigInt(values[index] as number);
  } else if (isSmallFloat(dtype)) {
    for (let index = 0; index < length; index++)
      target[offset + index] = smallFloatCode(dtype, values[index] as number);
  } else if (dtype === 'bool') {
    for (let index = 0; index < length; index++) target[offset + index] = values[index] === true ? 1 : 0;
  } else if (target instanceof Float32Array) {
    for (let index = 0; index < length; index++) target[offset + index] = values[index] as number;
  } else {
    for (let index = 0; index < length; index++) target[offset + index] = values[index] as number;
  }
}

/** Writes a nested array of `rank` levels, row-major. @returns the offset after it. */
export function fillNested(
  dtype: Dtype,
  target: RuntimeArray,
  offset: number,
  value: unknown,
  rank: number,
): number {
  if (rank === 0) {
    fillFlat(dtype, target, offset, [value]);
    return offset + 1;
  }
  const row = value as readonly unknown[];
  if (rank === 1) {
    fillFlat(dtype, target, offset, row);
    return offset + row.length;
  }
  let next = offset;
  for (let index = 0; index < row.length; index++)
    next = fillNested(dtype, target, next, row[index], rank - 1);
  return next;
}
