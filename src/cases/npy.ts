import type { Dtype } from '../model/inspection.ts';
import { elementCount, elementFacts, packedByteLength } from '../shared/element-types.ts';
import type { TensorData } from './case-value.ts';

/** How the elements of a .npy file lie there (numpy.lib.format). */
export interface NpyHeader {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly fortranOrder: boolean;
  readonly bigEndian: boolean;
  /** Bytes of one element in the file: of strings, those of their fixed width. */
  readonly itemBytes: number;
  /** `U`: UTF-32, `S`: bytes; null: numbers. */
  readonly textKind: 'U' | 'S' | null;
  /** Where the elements start. */
  readonly dataOffset: number;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const LONGEST_HEADER = 1_048_576;

const KINDS: Readonly<Record<string, Dtype>> = {
  b1: 'bool',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  c8: 'complex64',
  c16: 'complex128',
};

/** Bytes that are needed to know how long the header is. */
export const NPY_PREFIX_BYTES = 12;

/** Length of the header with its prefix. @throws RangeError where the bytes are no .npy file. */
export function npyHeaderBytes(prefix: Uint8Array): number {
  if (prefix.length < 10 || MAGIC.some((byte, index) => prefix[index] !== byte))
    throw new RangeError('is no .npy array');
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  const wide = (prefix[6] ?? 1) >= 2;
  if (wide && prefix.length < 12) throw new RangeError('ends inside its header');
  const length = wide ? view.getUint32(8, true) + 12 : view.getUint16(8, true) + 10;
  if (length > LONGEST_HEADER) throw new RangeError(`has a header of ${length} bytes`);
  return length;
}

/** Parses a .npy header: a Python literal, of which only numpy's own three keys are understood. @throws RangeError. */
export function parseNpyHeader(bytes: Uint8Array): NpyHeader {
  const dataOffset = npyHeaderBytes(bytes);
  if (bytes.length < dataOffset) throw new RangeError('ends inside its header');
  const start = (bytes[6] ?? 1) >= 2 ? 12 : 10;
  const header = new TextDecoder('latin1').decode(bytes.subarray(start, dataOffset));
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const sizes = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  if (descr === undefined || order === undefined || sizes === undefined) {
    throw new RangeError('has a header that is not of a plain array (records are not understood)');
  }
  const match = /^([<>|=])([a-zA-Z])(\d*)$/.exec(descr);
  const kind = match?.[2] ?? '';
  const width = Number(match?.[3] ?? 0);
  if (kind === 'O')
    throw new RangeError(
      'holds Python objects, which would have to be unpickled: save it with a numeric or string dtype',
    );
  const shape = sizes
    .split(',')
    .map(size => size.trim())
    .filter(size => size !== '')
    .map(Number);
  if (!shape.every(size => Number.isSafeInteger(size) && size >= 0))
    throw new RangeError('has an impossible shape');
  const common = {
    shape,
    fortranOrder: order === 'True' && shape.length > 1,
    bigEndian: match?.[1] === '>',
    dataOffset,
  };
  if (kind === 'U') return { ...common, dtype: 'string', itemBytes: width * 4, textKind: 'U' };
  if (kind === 'S') return { ...common, dtype: 'string', itemBytes: width, textKind: 'S' };
  // ml_dtypes writes bfloat16 as two opaque bytes.
  const dtype = descr === '|V2' || descr === '<V2' ? 'bfloat16' : KINDS[`${kind}${width}`];
  if (dtype === undefined)
    throw new RangeError(`has elements of numpy type ${JSON.stringify(descr)}, which ONNX has no tensors of`);
  return { ...common, dtype, itemBytes: packedByteLength(dtype, 1), textKind: null };
}

/** The text of one element of a fixed width, without the zeros it is filled up with. */
function textOf(bytes: Uint8Array, kind: 'U' | 'S', bigEndian: boolean): string {
  if (kind === 'S') return new TextDecoder().decode(bytes).replace(/\0+$/, '');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = '';
  for (let offset = 0; offset < bytes.length; offset += 4) {
    const code = view.getUint32(offset, !bigEndian);
    text += code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd';
  }
  return text.replace(/\0+$/, '');
}

/** Elements of column-major order in row-major order. */
function rowMajor(bytes: Uint8Array, shape: readonly number[], itemBytes: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  const count = elementCount(shape);
  const index = shape.map(() => 0);
  for (let to = 0; to < count; to++) {
    let from = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--)
      from = from * (shape[axis] ?? 1) + (index[axis] ?? 0);
    out.set(bytes.subarray(from * itemBytes, (from + 1) * itemBytes), to * itemBytes);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      index[axis] = next === shape[axis] ? 0 : next;
      if (next !== shape[axis]) break;
    }
  }
  return out;
}

function swapped(bytes: Uint8Array, unit: number): Uint8Array {
  const out = new Uint8Array(bytes);
  for (let start = 0; start < out.length; start += unit) out.subarray(start, start + unit).reverse();
  return out;
}

/** Elements of a file, or of whole rows of it, as a tensor of the given shape. */
export function npyElements(header: NpyHeader, raw: Uint8Array, shape: readonly number[]): TensorData {
  const { dtype, itemBytes, textKind, bigEndian, fortranOrder } = header;
  const ordered = fortranOrder ? rowMajor(raw, shape, itemBytes) : raw;
  if (textKind !== null) {
    const data = Array.from({ length: elementCount(shape) }, (_, index) =>
      textOf(ordered.subarray(index * itemBytes, (index + 1) * itemBytes), textKind, bigEndian),
    );
    return { dtype, shape, data };
  }
  const unit = elementFacts(dtype).kind === 'complex' ? itemBytes / 2 : itemBytes;
  return { dtype, shape, data: bigEndian && unit > 1 ? swapped(ordered, unit) : ordered };
}

/** Decodes a whole .npy file. @throws RangeError saying what is wrong with it. */
export function decodeNpy(bytes: Uint8Array): TensorData {
  const header = parseNpyHeader(bytes);
  const count = elementCount(header.shape);
  const expected = count * header.itemBytes;
  const raw = bytes.subarray(header.dataOffset);
  if (raw.length !== expected)
    throw new RangeError(`has ${raw.length} bytes of data where ${expected} belong`);
  return npyElements(header, raw, header.shape);
}

const DESCRIPTIONS = new Map(Object.entries(KINDS).map(([kind, dtype]) => [dtype, kind]));

/** Encodes a tensor as .npy (format 1.0, or 3.0 for long headers never needed here). @throws RangeError for dtypes that numpy lacks. */
export function encodeNpy(tensor: TensorData): Uint8Array {
  const { dtype, shape, data } = tensor;
  let descr = `<${DESCRIPTIONS.get(dtype) ?? ''}`;
  let body: Uint8Array;
  if (data instanceof Uint8Array) {
    if (!DESCRIPTIONS.has(dtype)) throw new RangeError(`numpy has no ${dtype}`);
    if (packedByteLength(dtype, 1) === 1) descr = descr.replace('<', '|');
    body = data;
  } else {
    const points = data.map(element => [...element].map(character => character.codePointAt(0) ?? 0));
    const width = Math.max(1, ...points.map(({ length }) => length));
    const codes = new Uint32Array(points.length * width);
    for (const [index, element] of points.entries()) codes.set(element, index * width);
    descr = `<U${width}`;
    body = new Uint8Array(codes.buffer);
  }
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const length = Math.ceil((10 + dict.length + 1) / 64) * 64 - 10;
  const header = Buffer.alloc(10 + length, 0x20);
  header.set(MAGIC);
  header.set([1, 0], 6);
  header.writeUInt16LE(length, 8);
  header.write(dict, 10, 'latin1');
  header[header.length - 1] = 0x0a;
  return Buffer.concat([header, body]);
}
