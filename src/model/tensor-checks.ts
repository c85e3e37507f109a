import { bitsOf, packedBytes } from './dtypes.ts';
import type { Dtype } from './inspection.ts';
import type { TensorInfo, TensorPayload } from './model.ts';
import type { ProblemLog } from './problem-log.ts';

/** The most bytes that a varint takes. */
const VARINT_BYTES = 10;

/** Which typed list holds which element types (onnx.proto, TensorProto). */
const TYPED_FIELDS: Readonly<Record<string, readonly Dtype[]>> = {
  float_data: ['float32', 'complex64'],
  double_data: ['float64', 'complex128'],
  int64_data: ['int64'],
  uint64_data: ['uint32', 'uint64'],
  string_data: ['string'],
  int32_data: [
    'int32',
    'int16',
    'int8',
    'int4',
    'int2',
    'uint16',
    'uint8',
    'uint4',
    'uint2',
    'bool',
    'float16',
    'bfloat16',
    'float8e4m3fn',
    'float8e4m3fnuz',
    'float8e5m2',
    'float8e5m2fnuz',
    'float8e8m0',
    'float4e2m1',
  ],
};

/** Product of the dims, or null (and a finding) where one is negative or the product is no exact number. */
export function countElements(
  problems: ProblemLog,
  where: string,
  dims: readonly number[],
  offset: number,
): number | null {
  let count = 1;
  for (const dim of dims) {
    if (dim < 0) {
      problems.add({
        code: 'MODEL_DIMENSION',
        severity: 'error',
        message: `${where} has the negative dimension ${dim} (byte ${offset}).`,
        hint: 'onnxruntime accepts this silently, and the result is undefined. Export the model again.',
      });
      return null;
    }
    count *= dim;
  }
  // Nothing overflows where one of the dimensions is 0, whatever the others are.
  if (dims.includes(0)) return 0;
  if (!Number.isSafeInteger(count) || !dims.every(Number.isSafeInteger)) {
    problems.add({
      code: 'MODEL_DIMENSION',
      severity: 'error',
      message: `${where} has dimensions whose product is larger than 2^53 (byte ${offset}).`,
      hint: 'No machine holds such a tensor: the file is damaged or made to overflow a reader.',
    });
    return null;
  }
  return count;
}

/** Compares the stored data with what dims and type say. */
export function checkPayload(problems: ProblemLog, where: string, tensor: TensorInfo, offset: number): void {
  const complaint = complaintAbout(tensor);
  if (complaint === null) return;
  problems.add({
    code: 'MODEL_TENSOR_SIZE',
    severity: 'error',
    message: `${where} (${tensor.dtype}[${tensor.dims.join(',')}]) ${complaint} (byte ${offset}).`,
    hint: 'Its data and its description do not belong together. Export the model again.',
  });
}

function complaintAbout({ dtype, elementCount, payload }: TensorInfo): string | null {
  const expectedBytes = packedBytes(dtype, elementCount);
  switch (payload.kind) {
    case 'none':
      return elementCount === 0 || dtype === 'undefined' ? null : 'has no data';
    case 'raw':
      if (dtype === 'string') return 'holds strings as raw data, which ONNX does not allow';
      return payload.sizeBytes === expectedBytes || bitsOf(dtype) === 0
        ? null
        : `has ${payload.sizeBytes} bytes of data where ${expectedBytes} are needed`;
    case 'external':
      if (dtype === 'string') return 'holds strings as external data, which ONNX does not allow';
      return payload.sizeBytes === null || payload.sizeBytes === expectedBytes || bitsOf(dtype) === 0
        ? null
        : `names ${payload.sizeBytes} bytes of external data where ${expectedBytes} are needed`;
    case 'typed':
      return complaintAboutTyped(dtype, elementCount, payload);
  }
}

function complaintAboutTyped(
  dtype: Dtype,
  elementCount: number,
  { field, storedCount, sizeBytes }: Extract<TensorPayload, { kind: 'typed' }>,
): string | null {
  if (dtype === 'undefined') return null;
  if (TYPED_FIELDS[field]?.includes(dtype) !== true)
    return `has its data in ${field}, which is for other types`;
  const expected = storedElements(dtype, elementCount);
  if (storedCount === null) {
    // Too long to count: each element takes 1 to 10 bytes.
    const possible = sizeBytes >= expected && sizeBytes <= expected * VARINT_BYTES;
    return possible
      ? null
      : `has ${sizeBytes} bytes in ${field}, too ${sizeBytes < expected ? 'few' : 'many'} for its dims`;
  }
  return storedCount === expected
    ? null
    : `has ${storedCount} values in ${field} where ${expected} are needed`;
}

/** How many entries of a typed list hold so many elements: complex take two, sub-byte types share one. */
function storedElements(dtype: Dtype, elementCount: number): number {
  if (dtype === 'complex64' || dtype === 'complex128') return elementCount * 2;
  const bits = bitsOf(dtype);
  return bits > 0 && bits < 8 ? packedBytes(dtype, elementCount) : elementCount;
}
