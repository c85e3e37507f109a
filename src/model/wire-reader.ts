import { isUtf8 } from 'node:buffer';
import { QuickServeError } from '../shared/errors.ts';
import type { ByteSource } from './byte-source.ts';
import { ByteWindow } from './byte-window.ts';
import type { ReaderLimits } from './limits.ts';
import type { FieldKind, MessageSchema } from './onnx-schema.ts';
import { SharedNames } from './shared-names.ts';

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

const WIRE_TYPES: Readonly<Record<FieldKind, number>> = {
  varint: VARINT,
  float: FIXED32,
  double: FIXED64,
  string: LENGTH_DELIMITED,
  bytes: LENGTH_DELIMITED,
  message: LENGTH_DELIMITED,
};

const TWO_32 = 4_294_967_296;

/**
 * Walks over protobuf messages through a window: `enter` a message, ask for the `next` field until there is none,
 * take its value or leave it. What is not taken is skipped by offset and never read.
 *
 * Stricter than protobuf, because what readers disagree about is how files attack: a field that is not repeated may
 * occur once, wire types must be those of the schema, and a message ends where its length says.
 * (https://protobuf.dev/programming-guides/encoding/)
 */
export class WireReader {
  /** Of the current field where it is length-delimited: where its bytes start, and how many there are. */
  valueOffset = 0;
  valueBytes = 0;
  /** Fields that the schemas do not know, by `Message.number`. */
  readonly unknownFields = new Set<string>();

  readonly #source: ByteSource;
  readonly #limits: ReaderLimits;
  readonly #window: ByteWindow;

  #depth = -1;
  readonly #ends: number[] = [];
  readonly #seen: number[] = [];
  readonly #schemaNames: string[] = [];
  /** End of a length-delimited value that nobody took yet; -1 for none. */
  #untakenEnd = -1;
  #wireType = VARINT;
  #low = 0;
  #high = 0;
  readonly #names = new SharedNames();
  #items = 0;
  #textBytes = 0;

  constructor(source: ByteSource, limits: ReaderLimits) {
    this.#source = source;
    this.#window = new ByteWindow(source);
    this.#limits = limits;
  }

  /** Offset of the next byte in the file. */
  get offset(): number {
    return this.#window.offset;
  }

  /** Starts the whole file as one message. */
  enterFile(schemaName: string): void {
    this.#push(this.#source.sizeBytes, schemaName);
  }

  /** Starts the message that is the current field's value. The caller must then call `next` until undefined. */
  enter(schemaName: string): void {
    this.#untakenEnd = -1;
    this.#push(this.valueOffset + this.valueBytes, schemaName);
  }

  #push(end: number, schemaName: string): void {
    this.#depth += 1;
    if (this.#depth >= this.#limits.depth) {
      throw this.limitError(`messages are nested more than ${this.#limits.depth} deep`);
    }
    this.#ends[this.#depth] = end;
    this.#seen[this.#depth] = 0;
    this.#schemaNames[this.#depth] = schemaName;
  }

  /** The name of the next known field of the current message, or undefined at its end, which leaves the message. */
  next<Name extends string>(schema: MessageSchema<Name>): Name | undefined {
    for (;;) {
      if (this.#untakenEnd >= 0) {
        this.#window.seek(this.#untakenEnd);
        this.#untakenEnd = -1;
      }
      const end = this.#ends[this.#depth] ?? 0;
      if (this.offset >= end) {
        this.#depth -= 1;
        return undefined;
      }
      const tagOffset = this.offset;
      this.#readVarint(end);
      if (this.#high !== 0 || this.offset - tagOffset > 5) {
        throw this.malformed('the field number is larger than protobuf allows', tagOffset);
      }
      const number = this.#low >>> 3;
      this.#wireType = this.#low & 7;
      if (number === 0)
        throw this.malformed('a field has the number 0, which protobuf does not allow', tagOffset);
      this.#readValue(end, tagOffset);

      const field = schema.fields[number];
      if (field === undefined) {
        if (this.unknownFields.size < 100) this.unknownFields.add(`${schema.name}.${number}`);
        continue;
      }
      const expected = WIRE_TYPES[field.kind];
      const packed = field.repeated && this.#wireType === LENGTH_DELIMITED;
      if (this.#wireType !== expected && !packed) {
        throw this.malformed(
          `field ${number} (${field.name}) has wire type ${this.#wireType}, and ONNX says ${expected}`,
          tagOffset,
        );
      }
      if (!field.repeated) {
        const bit = 1 << number;
        const seen = this.#seen[this.#depth] ?? 0;
        if ((seen & bit) !== 0) {
          throw this.malformed(
            `field ${number} (${field.name}) occurs twice; readers disagree about which one counts ` +
              '(were two files glued together?)',
            tagOffset,
          );
        }
        this.#seen[this.#depth] = seen | bit;
      }
      return field.name;
    }
  }

  #readValue(end: number, tagOffset: number): void {
    switch (this.#wireType) {
      case VARINT:
        this.#readVarint(end);
        break;
      case FIXED64:
        this.#require(8, end);
        this.#low = this.#window.bytes.readUInt32LE(this.#window.index);
        this.#high = this.#window.bytes.readUInt32LE(this.#window.index + 4);
        this.#window.index += 8;
        break;
      case FIXED32:
        this.#require(4, end);
        this.#low = this.#window.bytes.readUInt32LE(this.#window.index);
        this.#high = 0;
        this.#window.index += 4;
        break;
      case LENGTH_DELIMITED: {
        this.#readVarint(end);
        const length = this.#high * TWO_32 + this.#low;
        this.valueOffset = this.offset;
        this.valueBytes = length;
        if (length > end - this.valueOffset) {
          throw this.#pastEnd(
            `a field of ${length} bytes starts where ${end - this.valueOffset} are left`,
            tagOffset,
          );
        }
        this.#untakenEnd = this.valueOffset + length;
        break;
      }
      default:
        throw this.malformed(`wire type ${this.#wireType} does not occur in ONNX`, tagOffset);
    }
  }

  // Values of the current field

  /** True where a repeated number came as one packed list, false for a single element. */
  get isPacked(): boolean {
    return this.#wireType === LENGTH_DELIMITED;
  }

  /** The current varint as signed 64-bit integer; past 2^53 the nearest number. */
  int(): number {
    return (this.#high | 0) * TWO_32 + this.#low;
  }

  /** The current varint as signed 64-bit integer, a bigint where a number would lose digits. */
  exactInt(): number | bigint {
    const value = this.int();
    if (Number.isSafeInteger(value)) return value;
    return (BigInt(this.#high | 0) << 32n) | BigInt(this.#low);
  }

  /** The current fixed32 as float. */
  float(): number {
    SCRATCH.setUint32(0, this.#low, true);
    return SCRATCH.getFloat32(0, true);
  }

  /** The current value as a name: valid UTF-8, no NUL, of a sane length. Throws otherwise. */
  name(): string {
    const size = this.valueBytes;
    if (size === 0) return '';
    if (size > this.#limits.nameBytes) {
      throw this.limitError(
        `a name has ${size} bytes; at most ${this.#limits.nameBytes} are read`,
        this.valueOffset,
      );
    }
    const bytes = this.#take(size);
    const shared = this.#names.take(this.#window.bytes, this.#window.index, size);
    if (shared !== undefined) return shared;
    if (!isUtf8(bytes)) throw this.malformed('a name is not valid UTF-8', this.valueOffset);
    if (bytes.includes(0)) throw this.malformed('a name contains a NUL character', this.valueOffset);
    return bytes.toString('utf8');
  }

  /** The current value as text for people: invalid UTF-8 is replaced, long text is cut. */
  text(): { readonly value: string; readonly isUtf8: boolean; readonly isCut: boolean } {
    const isCut = this.valueBytes > this.#limits.textBytes;
    const bytes = this.#take(Math.min(this.valueBytes, this.#limits.textBytes));
    return { value: bytes.toString('utf8'), isUtf8: isCut || isUtf8(bytes), isCut };
  }

  /** The current value as string, or null where it is longer than `limit` bytes or not valid UTF-8. */
  shortString(limit: number): string | null {
    if (this.valueBytes > limit) return null;
    const bytes = this.#take(this.valueBytes);
    return isUtf8(bytes) ? bytes.toString('utf8') : null;
  }

  /** Calls `take` for each element of a packed list of varints; read the element with `int()` or `exactInt()`. */
  forEachPackedVarint(take: () => void): void {
    const end = this.valueOffset + this.valueBytes;
    this.#untakenEnd = -1;
    this.#window.seek(this.valueOffset);
    while (this.offset < end) {
      this.#readVarint(end);
      take();
    }
  }

  /** Calls `take` for each element of a packed list of floats; read the element with `float()`. */
  forEachPackedFloat(take: () => void): void {
    const end = this.valueOffset + this.valueBytes;
    this.#untakenEnd = -1;
    this.#window.seek(this.valueOffset);
    while (this.offset < end) {
      this.#require(4, end);
      this.#low = this.#window.bytes.readUInt32LE(this.#window.index);
      this.#window.index += 4;
      take();
    }
  }

  // Limits and errors

  /** Counts things that are kept. Throws MODEL_LIMIT when there are too many. */
  keep(count: number): void {
    this.#items += count;
    if (this.#items > this.#limits.items) {
      throw this.limitError(
        `the model has more than ${this.#limits.items} nodes, tensors, values and attributes`,
      );
    }
  }

  malformed(what: string, offset = this.offset): QuickServeError {
    return new QuickServeError({
      code: 'MODEL_MALFORMED',
      message: `${this.#source.name} is damaged or no ONNX model: ${what} (${this.#place(offset)}).`,
      hint: 'Export or fetch the file again, and compare its checksum with that of the original.',
    });
  }

  limitError(what: string, offset = this.offset): QuickServeError {
    return new QuickServeError({
      code: 'MODEL_LIMIT',
      message: `${this.#source.name} is refused: ${what} (${this.#place(offset)}).`,
      hint: 'A sane exporter does not write this. Where the model is right, split it or shorten its names.',
    });
  }

  #pastEnd(what: string, offset: number): QuickServeError {
    if (this.#depth > 0) return this.malformed(what, offset);
    return new QuickServeError({
      code: 'MODEL_TRUNCATED',
      message: `${this.#source.name} is cut off after ${this.#source.sizeBytes} bytes: ${what} (${this.#place(offset)}).`,
      hint: 'The download or copy was not complete. Fetch the file again, and compare its size and checksum.',
    });
  }

  #place(offset: number): string {
    return `byte ${offset}, in ${this.#schemaNames[this.#depth] ?? 'the file'}`;
  }

  // The window

  /** Makes sure that the window holds `count` bytes from the current offset on, all of them before `end`. */
  #require(count: number, end: number): void {
    this.#window.ensure(count);
    if (this.offset + count > end)
      throw this.#pastEnd('a value runs past the end of its message', this.offset);
  }

  #take(size: number): Buffer {
    this.#textBytes += size;
    if (this.#textBytes > this.#limits.totalTextBytes) {
      throw this.limitError(`names and texts have more than ${this.#limits.totalTextBytes} bytes together`);
    }
    this.#window.seek(this.valueOffset);
    this.#window.ensure(size);
    const { bytes, index } = this.#window;
    const taken = bytes.subarray(index, index + size);
    this.#untakenEnd = this.valueOffset + this.valueBytes;
    return taken;
  }

  #readVarint(end: number): void {
    const window = this.#window;
    if (window.index + 10 > window.size) window.ensure(Math.min(10, this.#source.sizeBytes - window.offset));
    const { bytes } = window;
    const start = window.offset;
    const available = Math.min(window.size, window.index + (end - start));
    let index = window.index;
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      if (index >= available) throw this.#pastEnd('a number runs past the end of its message', start);
      const byte = bytes[index] ?? 0;
      index += 1;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else {
        if (byte > 1) throw this.malformed('a number has more than 64 bits', start);
        high |= bits << 31;
      }
      if (byte < 0x80) break;
    }
    this.#low = low >>> 0;
    this.#high = high >>> 0;
    window.index = index;
  }
}

const SCRATCH = new DataView(new ArrayBuffer(4));
