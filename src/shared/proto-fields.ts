/** One field of a protobuf message in memory. */
export interface ProtoField {
  readonly number: number;
  /** 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes. */
  readonly wire: 0 | 1 | 2 | 5;
  /** Of a varint; else 0. */
  readonly varint: bigint;
  /** The bytes of wire types 1, 2 and 5; of a varint none. */
  readonly bytes: Uint8Array;
}

const NO_BYTES = new Uint8Array();

/** A varint that starts at an offset, and where it ends. @throws RangeError where it is cut or too long. */
export function readVarint(
  bytes: Uint8Array,
  offset: number,
): { readonly value: bigint; readonly end: number } {
  let value = 0n;
  for (let index = 0; index < 10; index++) {
    const byte = bytes[offset + index];
    if (byte === undefined) throw new RangeError('ends inside a number');
    value |= BigInt(byte & 0x7f) << BigInt(index * 7);
    if (byte < 0x80) return { value: BigInt.asUintN(64, value), end: offset + index + 1 };
  }
  throw new RangeError('holds a number of more than ten bytes');
}

/** The fields of a message in their order. @throws RangeError where the bytes are no message. */
export function* protoFields(bytes: Uint8Array): Generator<ProtoField> {
  let offset = 0;
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - offset) throw new RangeError('ends inside a field');
    const part = bytes.subarray(offset, offset + length);
    offset += length;
    return part;
  };
  const varint = (): bigint => {
    const { value, end } = readVarint(bytes, offset);
    offset = end;
    return value;
  };
  while (offset < bytes.length) {
    const tag = varint();
    const number = Number(tag >> 3n);
    const wire = Number(tag & 7n);
    if (number === 0 || number > 536_870_911)
      throw new RangeError('has a field that protobuf does not allow');
    if (wire === 0) yield { number, wire, varint: varint(), bytes: NO_BYTES };
    else if (wire === 1) yield { number, wire, varint: 0n, bytes: take(8) };
    else if (wire === 2) {
      const length = varint();
      if (length > BigInt(bytes.length)) throw new RangeError('ends inside a field');
      yield { number, wire, varint: 0n, bytes: take(Number(length)) };
    } else if (wire === 5) yield { number, wire, varint: 0n, bytes: take(4) };
    else throw new RangeError('has a field of an unknown kind');
  }
}

/** The varints of a repeated field, packed or not. */
export function varintsOf(field: ProtoField): readonly bigint[] {
  if (field.wire === 0) return [field.varint];
  const values: bigint[] = [];
  for (let offset = 0; offset < field.bytes.length; ) {
    const { value, end } = readVarint(field.bytes, offset);
    values.push(value);
    offset = end;
  }
  return values;
}

function encodeVarint(value: bigint): readonly number[] {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, value);
  do {
    const low = Number(left & 0x7fn);
    left >>= 7n;
    bytes.push(left === 0n ? low : low | 0x80);
  } while (left !== 0n);
  return bytes;
}

/** A varint field as bytes. */
export const varintField = (number: number, value: number | bigint): Uint8Array =>
  Uint8Array.from([...encodeVarint(BigInt(number) << 3n), ...encodeVarint(BigInt(value))]);

/** A length-delimited field as bytes. */
export const bytesField = (number: number, value: Uint8Array): Uint8Array =>
  Buffer.concat([
    Uint8Array.from([...encodeVarint((BigInt(number) << 3n) | 2n), ...encodeVarint(BigInt(value.length))]),
    value,
  ]);
