import type { ByteSource } from './byte-source.ts';

/** Enough to see the first fields of any of these. */
const LOOKED_AT_BYTES = 4096;

interface ShallowField {
  readonly number: number;
  readonly wireType: number;
  readonly value: number;
}

/** The protobuf messages that are met where a model was expected, told by their first fields. */
const FOREIGN_MESSAGES: readonly {
  readonly what: string;
  readonly matches: (fields: readonly ShallowField[]) => boolean;
}[] = [
  {
    what: 'an ONNX tensor (TensorProto), such as a test input or output',
    matches: fields =>
      has(fields, 2, 0) &&
      fields.every(({ number, wireType }) => number <= 14 && isTensorField(number, wireType)),
  },
  {
    what: 'a TensorFlow SavedModel; convert it with tf2onnx',
    matches: ([first, second]) =>
      first?.number === 1 &&
      first.wireType === 0 &&
      first.value === 1 &&
      second?.number === 2 &&
      second.wireType === 2,
  },
  {
    what: 'a list of protobuf messages: a bare ONNX graph (GraphProto), or a frozen TensorFlow graph (GraphDef)',
    matches: fields =>
      fields.length > 0 && fields[0]?.number === 1 && fields.every(({ wireType }) => wireType === 2),
  },
];

function has(fields: readonly ShallowField[], number: number, wireType: number): boolean {
  return fields.some(field => field.number === number && field.wireType === wireType);
}

function isTensorField(number: number, wireType: number): boolean {
  if (number === 2 || number === 14) return wireType === 0;
  if (number === 1 || number === 5 || number === 7 || number === 11) return wireType === 0 || wireType === 2;
  return wireType === 2 || (number === 4 && wireType === 5) || (number === 10 && wireType === 1);
}

/** What a file that could not be decoded as ModelProto is instead, by the shape of its first fields; null: no idea. */
export function recogniseForeignMessage(source: ByteSource): string | null {
  const bytes = Buffer.alloc(Math.min(LOOKED_AT_BYTES, source.sizeBytes));
  const fields = readShallowFields(bytes.subarray(0, source.read(0, bytes)), source.sizeBytes);
  if (fields === null || fields.length === 0) return null;
  return FOREIGN_MESSAGES.find(({ matches }) => matches(fields))?.what ?? null;
}

/** The top-level fields that start in `bytes`; null where the bytes are no protobuf message that fills the file. */
function readShallowFields(bytes: Buffer, sizeBytes: number): ShallowField[] | null {
  const fields: ShallowField[] = [];
  let offset = 0;
  const varint = (): number | null => {
    let value = 0;
    for (let factor = 1; offset < bytes.length && factor < 2 ** 70; factor *= 128) {
      const byte = bytes[offset] ?? 0;
      offset += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    return null;
  };
  while (offset < bytes.length) {
    const tag = varint();
    if (tag === null || tag < 8) return null;
    const number = Math.floor(tag / 8);
    const wireType = tag % 8;
    const value = wireType === 0 || wireType === 2 ? varint() : 0;
    if (value === null) return null;
    if (wireType === 2) offset += value;
    else if (wireType === 1) offset += 8;
    else if (wireType === 5) offset += 4;
    else if (wireType !== 0) return null;
    if (offset > sizeBytes) return null;
    fields.push({ number, wireType, value });
  }
  return fields;
}
