import type { Dtype } from '../model/inspection.ts';
import { QuickServeError } from '../shared/errors.ts';
import type { FeedTensor } from './measurement.ts';

/** One file of a test case: `input_0.pb`, with its bytes. */
export interface TensorFile {
  /** For messages and for the index in `input_<index>.pb`. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** TensorProto.DataType by number, as far as files of test cases have them; bits of one element, 0 for strings. */
const TYPES: Readonly<Record<number, { readonly dtype: Dtype; readonly bytes: number }>> = {
  1: { dtype: 'float32', bytes: 4 },
  2: { dtype: 'uint8', bytes: 1 },
  3: { dtype: 'int8', bytes: 1 },
  4: { dtype: 'uint16', bytes: 2 },
  5: { dtype: 'int16', bytes: 2 },
  6: { dtype: 'int32', bytes: 4 },
  7: { dtype: 'int64', bytes: 8 },
  8: { dtype: 'string', bytes: 0 },
  9: { dtype: 'bool', bytes: 1 },
  10: { dtype: 'float16', bytes: 2 },
  11: { dtype: 'float64', bytes: 8 },
  12: { dtype: 'uint32', bytes: 4 },
  13: { dtype: 'uint64', bytes: 8 },
  16: { dtype: 'bfloat16', bytes: 2 },
};

/** Fields of TensorProto (onnx.proto). */
const FIELD = {
  dims: 1,
  dataType: 2,
  floatData: 4,
  int32Data: 5,
  stringData: 6,
  int64Data: 7,
  name: 8,
  rawData: 9,
  doubleData: 10,
  uint64Data: 11,
  dataLocation: 14,
} as const;

/** A tensor of a test case: a feed whose name may be empty (then the file's index decides). */
export type CaseTensor = FeedTensor & { readonly index: number | null };

class Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly fail: (what: string) => never;
  offset = 0;

  constructor(bytes: Uint8Array, fail: (what: string) => never) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.fail = fail;
  }

  get done(): boolean {
    return this.offset >= this.bytes.length;
  }

  /** An unsigned 64-bit varint. */
  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.offset];
      if (byte === undefined) this.fail('ends inside a number');
      this.offset += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    return this.fail('holds a number of more than ten bytes');
  }

  take(length: number): Uint8Array {
    if (length > this.bytes.length - this.offset) this.fail('ends inside a field');
    const part = this.bytes.subarray(this.offset, this.offset + length);
    this.offset += length;
    return part;
  }

  block(): Uint8Array {
    const length = this.varint();
    if (length > BigInt(this.bytes.length)) this.fail('ends inside a field');
    return this.take(Number(length));
  }
}

interface Fields {
  readonly dims: bigint[];
  dataType: number;
  name: string;
  raw: Uint8Array | null;
  external: boolean;
  readonly strings: string[];
  readonly varints: bigint[];
  /** Little-endian bytes of float_data or double_data. */
  readonly fixed: Uint8Array[];
}

function readFields(reader: Reader): Fields {
  const fields: Fields = {
    dims: [],
    dataType: 0,
    name: '',
    raw: null,
    external: false,
    strings: [],
    varints: [],
    fixed: [],
  };
  const text = new TextDecoder();
  const readVarints = (wire: number, into: bigint[]): void => {
    if (wire === 0) into.push(reader.varint());
    else {
      const packed = new Reader(reader.block(), reader.fail);
      while (!packed.done) into.push(packed.varint());
    }
  };
  while (!reader.done) {
    const tag = reader.varint();
    const field = Number(tag >> 3n);
    const wire = Number(tag & 7n);
    if (field === FIELD.dims && (wire === 0 || wire === 2)) readVarints(wire, fields.dims);
    else if (field === FIELD.dataType && wire === 0) fields.dataType = Number(reader.varint());
    else if (field === FIELD.dataLocation && wire === 0) fields.external = reader.varint() === 1n;
    else if (field === FIELD.name && wire === 2) fields.name = text.decode(reader.block());
    else if (field === FIELD.rawData && wire === 2) fields.raw = reader.block();
    else if (field === FIELD.stringData && wire === 2) fields.strings.push(text.decode(reader.block()));
    else if (
      (field === FIELD.int32Data || field === FIELD.int64Data || field === FIELD.uint64Data) &&
      (wire === 0 || wire === 2)
    ) {
      readVarints(wire, fields.varints);
    } else if ((field === FIELD.floatData || field === FIELD.doubleData) && wire === 2) {
      fields.fixed.push(reader.block());
    } else if (field === FIELD.floatData && wire === 5) fields.fixed.push(reader.take(4));
    else if (field === FIELD.doubleData && wire === 1) fields.fixed.push(reader.take(8));
    else if (wire === 0) reader.varint();
    else if (wire === 1) reader.take(8);
    else if (wire === 2) reader.block();
    else if (wire === 5) reader.take(4);
    else reader.fail('has a field of an unknown kind');
  }
  return fields;
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** The low bytes of each number, as raw_data would have them. */
function packed(numbers: readonly bigint[], bytesEach: number): Uint8Array {
  const whole = new Uint8Array(numbers.length * bytesEach);
  const view = new DataView(new ArrayBuffer(8));
  for (const [index, number] of numbers.entries()) {
    view.setBigUint64(0, BigInt.asUintN(64, number), true);
    whole.set(new Uint8Array(view.buffer, 0, bytesEach), index * bytesEach);
  }
  return whole;
}

/**
 * Decodes a serialised TensorProto (onnx.proto, message TensorProto), with raw_data or typed fields.
 * @throws QuickServeError INPUTS_UNAVAILABLE where it is no tensor, is cut, or its data do not fit its shape.
 */
export function decodeTensorFile(file: TensorFile): CaseTensor {
  const fail = (what: string): never => {
    throw new QuickServeError({
      code: 'INPUTS_UNAVAILABLE',
      message: `${file.name} is not a usable tensor: it ${what}.`,
      hint: 'Write it again as a serialised onnx.TensorProto, as onnx.numpy_helper.from_array makes it.',
    });
  };
  const fields = readFields(new Reader(file.bytes, fail));
  const type = TYPES[fields.dataType];
  if (type === undefined)
    return fail(`has the element type ${fields.dataType}, which test cases cannot have`);
  if (fields.external) return fail('keeps its data in another file');
  const shape = fields.dims.map(Number);
  const count = shape.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(count)) return fail('has an impossible shape');
  const match = /(\d+)\.pb$/.exec(file.name);
  const index = match === null ? null : Number(match[1]);
  const common = { name: fields.name, dtype: type.dtype, shape, index };
  if (type.dtype === 'string') {
    if (fields.strings.length !== count)
      return fail(`has ${fields.strings.length} strings where ${count} belong`);
    return { ...common, data: fields.strings };
  }
  const data =
    fields.raw ?? (fields.fixed.length > 0 ? concatenate(fields.fixed) : packed(fields.varints, type.bytes));
  if (data.length !== count * type.bytes) {
    return fail(`has ${data.length} bytes of data where ${count * type.bytes} belong`);
  }
  return { ...common, data };
}
