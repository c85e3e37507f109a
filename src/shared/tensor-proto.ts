import { type ElementType, elementCount, elementFacts, packedByteLength } from './element-types.ts';
import { bytesField, protoFields, varintField, varintsOf } from './proto-fields.ts';

/** A tensor as plain data: little-endian elements as in ONNX's raw_data, or strings. */
export interface TensorContent {
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  readonly data: Uint8Array | readonly string[];
}

/** TensorProto.DataType, by number (onnx.proto, IR version 13). */
const DTYPES: readonly ElementType[] = [
  'undefined',
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
  'complex64',
  'complex128',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'uint4',
  'int4',
  'float4e2m1',
  'float8e8m0',
  'uint2',
  'int2',
];

/** Fields of TensorProto (onnx.proto). */
const TENSOR = {
  dims: 1,
  dataType: 2,
  segment: 3,
  floatData: 4,
  int32Data: 5,
  stringData: 6,
  int64Data: 7,
  name: 8,
  rawData: 9,
  doubleData: 10,
  uint64Data: 11,
  externalData: 13,
  dataLocation: 14,
} as const;

const text = new TextDecoder();

/** The low bytes of each number, as raw_data would have them. Types under a byte are packed into int32_data as they are. */
function lowBytes(numbers: readonly bigint[], bytesEach: number): Uint8Array {
  const whole = Buffer.alloc(numbers.length * bytesEach);
  const one = new DataView(new ArrayBuffer(8));
  for (const [index, number] of numbers.entries()) {
    one.setBigUint64(0, BigInt.asUintN(64, number), true);
    whole.set(new Uint8Array(one.buffer, 0, bytesEach), index * bytesEach);
  }
  return whole;
}

interface TensorFields {
  readonly dims: readonly bigint[];
  readonly dtype: ElementType;
  readonly name: string;
  readonly raw: Uint8Array | null;
  readonly strings: readonly string[];
  readonly varints: readonly bigint[];
  readonly fixed: readonly Uint8Array[];
}

function readTensorFields(bytes: Uint8Array): TensorFields {
  const dims: bigint[] = [];
  const strings: string[] = [];
  const varints: bigint[] = [];
  const fixed: Uint8Array[] = [];
  let dataType = 0;
  let name = '';
  let raw: Uint8Array | null = null;
  for (const field of protoFields(bytes)) {
    switch (field.number) {
      case TENSOR.dims:
        for (const size of varintsOf(field)) dims.push(size);
        break;
      case TENSOR.dataType:
        dataType = Number(field.varint);
        break;
      case TENSOR.name:
        name = text.decode(field.bytes);
        break;
      case TENSOR.rawData:
        raw = field.bytes;
        break;
      case TENSOR.stringData:
        strings.push(text.decode(field.bytes));
        break;
      case TENSOR.floatData:
      case TENSOR.doubleData:
        fixed.push(field.bytes);
        break;
      case TENSOR.int32Data:
      case TENSOR.int64Data:
      case TENSOR.uint64Data:
        for (const value of varintsOf(field)) varints.push(value);
        break;
      case TENSOR.dataLocation:
        if (field.varint === 1n) throw new RangeError('keeps its data in another file');
    }
  }
  const dtype = DTYPES[dataType];
  if (dtype === undefined || dtype === 'undefined')
    throw new RangeError(`has the element type ${dataType}, which ONNX does not define`);
  return { dims, dtype, name, raw, strings, varints, fixed };
}

interface NamedData extends TensorContent {
  readonly name: string;
}

/** Decodes a TensorProto with raw_data or typed fields. @throws RangeError saying what is wrong with it. */
export function decodeTensorProto(bytes: Uint8Array): NamedData {
  const { dims, dtype, name, raw, strings, varints, fixed } = readTensorFields(bytes);
  const shape = dims.map(Number);
  const count = elementCount(shape);
  if (!Number.isSafeInteger(count) || shape.some(size => size < 0))
    throw new RangeError('has an impossible shape');
  if (dtype === 'string') {
    if (strings.length !== count) throw new RangeError(`has ${strings.length} strings where ${count} belong`);
    return { name, dtype, shape, data: strings };
  }
  const { bits } = elementFacts(dtype);
  const expected = packedByteLength(dtype, count);
  let data = raw ?? (fixed.length > 0 ? Buffer.concat(fixed) : lowBytes(varints, Math.max(1, bits / 8)));
  // Types of four and two bits stand packed in int32_data, one byte of them a number.
  if (bits >= 8 && raw === null && fixed.length === 0 && varints.length !== count) {
    throw new RangeError(`has ${varints.length} elements where ${count} belong`);
  }
  if (data.length !== expected)
    throw new RangeError(`has ${data.length} bytes of data where ${expected} belong`);
  if (data.byteOffset % 8 !== 0) data = new Uint8Array(data);
  return { name, dtype, shape, data };
}

/** A TensorProto with raw_data (strings: string_data), as onnx.numpy_helper.from_array makes it. */
export function encodeTensorProto(tensor: TensorContent, name: string): Uint8Array {
  const { dtype, shape, data } = tensor;
  const encoder = new TextEncoder();
  const elements =
    data instanceof Uint8Array
      ? [bytesField(TENSOR.rawData, data)]
      : data.map(element => bytesField(TENSOR.stringData, encoder.encode(element)));
  return Buffer.concat([
    ...shape.map(size => varintField(TENSOR.dims, size)),
    varintField(TENSOR.dataType, DTYPES.indexOf(dtype)),
    bytesField(TENSOR.name, encoder.encode(name)),
    ...elements,
  ]);
}
