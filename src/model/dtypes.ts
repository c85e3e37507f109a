import type { Dtype } from './inspection.ts';

interface ElementType {
  readonly dtype: Dtype;
  /** Bits of one element in raw_data; 0 where elements have no fixed size. */
  readonly bits: number;
  /** As ONNX and onnxruntime write it in type strings. */
  readonly onnxName: string;
}

/** TensorProto.DataType, by number (onnx.proto, IR version 13). */
const ELEMENT_TYPES: readonly ElementType[] = [
  { dtype: 'undefined', bits: 0, onnxName: 'undefined' },
  { dtype: 'float32', bits: 32, onnxName: 'float' },
  { dtype: 'uint8', bits: 8, onnxName: 'uint8' },
  { dtype: 'int8', bits: 8, onnxName: 'int8' },
  { dtype: 'uint16', bits: 16, onnxName: 'uint16' },
  { dtype: 'int16', bits: 16, onnxName: 'int16' },
  { dtype: 'int32', bits: 32, onnxName: 'int32' },
  { dtype: 'int64', bits: 64, onnxName: 'int64' },
  { dtype: 'string', bits: 0, onnxName: 'string' },
  { dtype: 'bool', bits: 8, onnxName: 'bool' },
  { dtype: 'float16', bits: 16, onnxName: 'float16' },
  { dtype: 'float64', bits: 64, onnxName: 'double' },
  { dtype: 'uint32', bits: 32, onnxName: 'uint32' },
  { dtype: 'uint64', bits: 64, onnxName: 'uint64' },
  { dtype: 'complex64', bits: 64, onnxName: 'complex64' },
  { dtype: 'complex128', bits: 128, onnxName: 'complex128' },
  { dtype: 'bfloat16', bits: 16, onnxName: 'bfloat16' },
  { dtype: 'float8e4m3fn', bits: 8, onnxName: 'float8e4m3fn' },
  { dtype: 'float8e4m3fnuz', bits: 8, onnxName: 'float8e4m3fnuz' },
  { dtype: 'float8e5m2', bits: 8, onnxName: 'float8e5m2' },
  { dtype: 'float8e5m2fnuz', bits: 8, onnxName: 'float8e5m2fnuz' },
  { dtype: 'uint4', bits: 4, onnxName: 'uint4' },
  { dtype: 'int4', bits: 4, onnxName: 'int4' },
  { dtype: 'float4e2m1', bits: 4, onnxName: 'float4e2m1' },
  { dtype: 'float8e8m0', bits: 8, onnxName: 'float8e8m0' },
  { dtype: 'uint2', bits: 2, onnxName: 'uint2' },
  { dtype: 'int2', bits: 2, onnxName: 'int2' },
];

const BY_DTYPE = new Map(ELEMENT_TYPES.map(type => [type.dtype, type]));

/** The element type for a TensorProto.DataType number, or undefined where ONNX has none by that number. */
export function dtypeOfNumber(value: number): Dtype | undefined {
  return ELEMENT_TYPES[value]?.dtype;
}

/** Bits that one element takes in raw_data: 4 for int4, 0 for string and undefined. */
export function bitsOf(dtype: Dtype): number {
  return BY_DTYPE.get(dtype)?.bits ?? 0;
}

/** Bytes that so many elements take in raw_data (elements under one byte are packed). */
export function packedBytes(dtype: Dtype, elementCount: number): number {
  return Math.ceil((bitsOf(dtype) * elementCount) / 8);
}

/** ONNX's own word for an element type: `float` for float32, `double` for float64. */
export function onnxNameOf(dtype: Dtype): string {
  return BY_DTYPE.get(dtype)?.onnxName ?? dtype;
}
