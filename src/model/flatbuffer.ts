import { QuickServeError } from '../shared/errors.ts';
import type { ByteSource } from './byte-source.ts';
import type { ReaderLimits } from './limits.ts';

const WINDOW_BYTES = 64 * 1024;

/**
 * Random access to a FlatBuffer through a window; every offset is checked.
 * (https://flatbuffers.dev/internals/: tables point back to a vtable, vtables hold the offsets of the fields.)
 */
export class FlatBuffer {
  readonly #source: ByteSource;
  readonly #limits: ReaderLimits;
  readonly #window = Buffer.allocUnsafe(WINDOW_BYTES);
  #windowOffset = 0;
  #windowBytes = 0;
  #items = 0;
  #textBytes = 0;

  constructor(source: ByteSource, limits: ReaderLimits) {
    this.#source = source;
    this.#limits = limits;
  }

  /** The root table. */
  root(): FlatTable {
    return this.table(this.#uint32(0), 0);
  }

  table(offset: number, depth: number): FlatTable {
    if (depth > this.#limits.depth) {
      throw this.#limit(`tables are nested more than ${this.#limits.depth} deep`, offset);
    }
    const vtable = offset - this.#int32(offset);
    const vtableBytes = this.#uint16(vtable);
    if (vtableBytes < 4 || vtableBytes % 2 !== 0)
      throw this.#malformed('a table has no valid vtable', offset);
    return new FlatTable(this, offset, vtable, vtableBytes, depth);
  }

  keep(count: number): void {
    this.#items += count;
    if (this.#items > this.#limits.items) {
      throw this.#limit(`the model has more than ${this.#limits.items} nodes, tensors and values`, 0);
    }
  }

  /** Offset of field `slot`, or 0 where the table does not have it. */
  fieldOffset(table: number, vtable: number, vtableBytes: number, slot: number): number {
    const entry = 4 + slot * 2;
    if (entry + 2 > vtableBytes) return 0;
    const relative = this.#uint16(vtable + entry);
    return relative === 0 ? 0 : table + relative;
  }

  int8(offset: number): number {
    const index = this.#at(offset, 1);
    return this.#window.readInt8(index);
  }

  int32(offset: number): number {
    return this.#int32(offset);
  }

  int64(offset: number): number | bigint {
    const value = this.#window.readBigInt64LE(this.#at(offset, 8));
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  float(offset: number): number {
    return this.#window.readFloatLE(this.#at(offset, 4));
  }

  /** Where an offset field points to. */
  follow(offset: number): number {
    return offset + this.#uint32(offset);
  }

  /** Number of elements of the vector at `offset`, each of `elementBytes`; all of them are inside the file. */
  vectorLength(offset: number, elementBytes: number): number {
    const length = this.#uint32(offset);
    if (length * elementBytes > this.#source.sizeBytes - offset - 4) {
      throw this.#malformed(`a list of ${length} elements runs past the end of the file`, offset);
    }
    return length;
  }

  string(offset: number): string {
    const size = this.vectorLength(offset, 1);
    if (size > this.#limits.nameBytes) {
      throw this.#limit(`a text has ${size} bytes; at most ${this.#limits.nameBytes} are read`, offset);
    }
    this.#textBytes += size;
    if (this.#textBytes > this.#limits.totalTextBytes) throw this.#limit('there is too much text', offset);
    if (size === 0) return '';
    const index = this.#at(offset + 4, size);
    return this.#window.toString('utf8', index, index + size);
  }

  #uint16(offset: number): number {
    return this.#window.readUInt16LE(this.#at(offset, 2));
  }

  #int32(offset: number): number {
    return this.#window.readInt32LE(this.#at(offset, 4));
  }

  #uint32(offset: number): number {
    return this.#window.readUInt32LE(this.#at(offset, 4));
  }

  /** Index in the window of the byte at `offset`, with `count` bytes behind it. */
  #at(offset: number, count: number): number {
    if (offset < 0 || offset + count > this.#source.sizeBytes) {
      throw this.#malformed('a reference points outside the file', offset);
    }
    if (offset < this.#windowOffset || offset + count > this.#windowOffset + this.#windowBytes) {
      // Tables lie after what they point to and before their parents: keep some of both sides.
      const start = Math.max(0, Math.min(offset - WINDOW_BYTES / 4, this.#source.sizeBytes - WINDOW_BYTES));
      this.#windowOffset = count > WINDOW_BYTES / 2 ? offset : start;
      this.#windowBytes = this.#source.read(this.#windowOffset, this.#window);
      if (offset + count > this.#windowOffset + this.#windowBytes) {
        throw this.#malformed('the file became shorter while it was read', offset);
      }
    }
    return offset - this.#windowOffset;
  }

  #malformed(what: string, offset: number): QuickServeError {
    return new QuickServeError({
      code: 'MODEL_MALFORMED',
      message: `${this.#source.name} is a damaged ORT-format model: ${what} (byte ${offset}).`,
      hint: 'The file may be cut off. Fetch or convert it again, and compare its size and checksum.',
    });
  }

  #limit(what: string, offset: number): QuickServeError {
    return new QuickServeError({
      code: 'MODEL_LIMIT',
      message: `${this.#source.name} is refused: ${what} (byte ${offset}).`,
      hint: 'A sane exporter does not write this.',
    });
  }
}

/** One table; fields are addressed by their slot, in the order of the schema. Absent fields have their default. */
export class FlatTable {
  readonly offset: number;
  readonly #buffer: FlatBuffer;
  readonly #vtable: number;
  readonly #vtableBytes: number;
  readonly #depth: number;

  constructor(buffer: FlatBuffer, offset: number, vtable: number, vtableBytes: number, depth: number) {
    this.#buffer = buffer;
    this.offset = offset;
    this.#vtable = vtable;
    this.#vtableBytes = vtableBytes;
    this.#depth = depth;
  }

  #field(slot: number): number {
    return this.#buffer.fieldOffset(this.offset, this.#vtable, this.#vtableBytes, slot);
  }

  int8(slot: number): number {
    const field = this.#field(slot);
    return field === 0 ? 0 : this.#buffer.int8(field);
  }

  int32(slot: number): number {
    const field = this.#field(slot);
    return field === 0 ? 0 : this.#buffer.int32(field);
  }

  int64(slot: number): number | bigint {
    const field = this.#field(slot);
    return field === 0 ? 0 : this.#buffer.int64(field);
  }

  float(slot: number): number {
    const field = this.#field(slot);
    return field === 0 ? 0 : this.#buffer.float(field);
  }

  string(slot: number): string {
    const field = this.#field(slot);
    return field === 0 ? '' : this.#buffer.string(this.#buffer.follow(field));
  }

  table(slot: number): FlatTable | null {
    const field = this.#field(slot);
    return field === 0 ? null : this.#buffer.table(this.#buffer.follow(field), this.#depth + 1);
  }

  tables(slot: number): FlatTable[] {
    return this.#vector(slot, 4, offset => this.#buffer.table(this.#buffer.follow(offset), this.#depth + 1));
  }

  strings(slot: number): string[] {
    return this.#vector(slot, 4, offset => this.#buffer.string(this.#buffer.follow(offset)));
  }

  int64s(slot: number): (number | bigint)[] {
    return this.#vector(slot, 8, offset => this.#buffer.int64(offset));
  }

  floats(slot: number): number[] {
    return this.#vector(slot, 4, offset => this.#buffer.float(offset));
  }

  /** Where the elements of a list are, and how many; null where the table does not have it. */
  vector(slot: number, elementBytes: number): { readonly offset: number; readonly length: number } | null {
    const field = this.#field(slot);
    if (field === 0) return null;
    const vector = this.#buffer.follow(field);
    return { offset: vector + 4, length: this.#buffer.vectorLength(vector, elementBytes) };
  }

  #vector<Element>(slot: number, elementBytes: number, read: (offset: number) => Element): Element[] {
    const vector = this.vector(slot, elementBytes);
    if (vector === null) return [];
    // Lists of tables may share their elements, so that a small file unfolds: each element counts again.
    this.#buffer.keep(vector.length);
    return Array.from({ length: vector.length }, (_, index) => read(vector.offset + index * elementBytes));
  }
}
