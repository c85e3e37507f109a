import { elementCount } from '../shared/element-types.ts';
import { afterSpace, endOfString, firstInside, isDigit, isSpace } from './json-bytes.ts';
import { type NumberFacts, NumberRows } from './number-rows.ts';

/**
 * Stands where a payload has a large rectangular array of numbers. To whoever does not know it, an array of nothing, which
 * is a value of no tensor. Its numbers lie in the reader's memory, and are good until the reader's next text.
 */
export class NumberArray extends Array<undefined> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
  readonly shape: readonly number[];
  /** Row-major. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** Whether all are what `JSON.parse` gives; else some may be a few units in the last place away. */
  readonly exact: boolean;
  /** Whether none was written with a fraction or an exponent. */
  readonly whole: boolean;
  readonly least: number;
  readonly largest: number;

  constructor(block: Block, numbers: Float64Array<ArrayBuffer>) {
    super();
    this.length = block.shape[0] ?? 0;
    this.shape = block.shape;
    this.numbers = numbers;
    this.exact = block.exact;
    this.whole = block.whole;
    this.least = block.least;
    this.largest = block.largest;
  }

  /** Rounded to float32 as exact ones are. */
  toFloat32(): Float32Array<ArrayBuffer> {
    return new Float32Array(this.numbers);
  }
}

/** Shorter texts and arrays are left to `JSON.parse`, which is quick enough with them. */
const SHORTEST_TEXT = 4096;
const SMALLEST_ARRAY = 256;
const DEEPEST = 32;
/** Stands for an array while the text around it is parsed: a control character, which JSON writes in one way only. */
const MARK = '\u0001';
const WRITTEN_MARK = '\\u0001';
/** Of 8 bytes each. */
const KEPT_NUMBERS = 1 << 20;

const [QUOTE, COMMA, MINUS, OPEN, CLOSE, CLOSE_OBJECT] = [34, 44, 45, 91, 93, 125];

interface Block extends NumberFacts {
  /** Its first value in the reader's memory. */
  readonly from: number;
  readonly shape: readonly number[];
  /** The place after its last bracket. */
  readonly end: number;
}

/**
 * Reads JSON texts whose bulk is arrays of numbers several times as quickly as `JSON.parse`: those arrays become
 * `NumberArray`s, all else is left to `JSON.parse`.
 */
export class NumberArrayReader {
  #rows: NumberRows | null = null;

  /**
   * @param bytes UTF-8
   * @returns the value, with at least one NumberArray in it; null: nothing to win here, or not what it seems (ragged, mixed,
   * not JSON): `JSON.parse` has the answer
   */
  read(bytes: Uint8Array): unknown {
    if (bytes.byteLength < SHORTEST_TEXT) return null;
    if (this.#rows !== null && this.#rows.count > KEPT_NUMBERS) this.#rows = null;
    this.#rows ??= new NumberRows();
    const rows = this.#rows;
    const blocks: Block[] = [];
    rows.open(bytes);
    const rest = takeBlocks(bytes, rows, blocks);
    rows.close();
    if (rest === null || blocks.length === 0) return null;
    // Beside a key that is there twice, a string of the client could stand for an array that was dropped.
    if (rest.some(part => part.includes(WRITTEN_MARK))) return null;
    const text = rest
      .map((part, index) => (index === 0 ? part : `"${WRITTEN_MARK}${index - 1}"${part}`))
      .join('');
    if (text.length > bytes.byteLength / 4) return null;
    let put = 0;
    try {
      const value: unknown = JSON.parse(text, (_key, member: unknown) => {
        if (typeof member !== 'string' || !member.startsWith(MARK)) return member;
        const block = blocks[Number(member.slice(MARK.length))];
        put += 1;
        return block === undefined
          ? member
          : new NumberArray(block, rows.numbers(block.from, elementCount(block.shape)));
      });
      // Fewer: a key is there twice.
      return put === blocks.length ? value : null;
    } catch {
      return null;
    }
  }
}

/** Reads the large arrays of numbers of a text into memory. @returns the text around them; null: see `read` of the reader */
function takeBlocks(bytes: Uint8Array, rows: NumberRows, blocks: Block[]): string[] | null {
  let last = bytes.byteLength - 1;
  while (isSpace(bytes[last])) last -= 1;
  // Every loop over numbers ends at this byte, if at no other.
  if (bytes[last] !== CLOSE_OBJECT) return null;
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const rest: string[] = [];
  let from = 0;
  let at = 0;
  try {
    while (at <= last) {
      const byte = bytes[at];
      if (byte === QUOTE) {
        at = endOfString(bytes, at, last);
        continue;
      }
      if (byte !== OPEN) {
        at += 1;
        continue;
      }
      const first = firstInside(bytes, at);
      if (bytes[first] !== MINUS && !isDigit(bytes[first])) {
        at = Math.max(first, at + 1);
        continue;
      }
      const used = rows.count;
      const block = readBlock(bytes, rows, at);
      if (block === null) return null;
      if (rows.count - used >= SMALLEST_ARRAY) {
        rest.push(decoder.decode(bytes.subarray(from, at)));
        blocks.push(block);
        from = block.end;
      } else rows.keep(used);
      at = block.end;
    }
    rest.push(decoder.decode(bytes.subarray(from)));
  } catch {
    return null;
  }
  return rest;
}

/** Reads the nested array of numbers that begins at `start`; null: it is ragged, mixed, or no JSON. */
function readBlock(bytes: Uint8Array, rows: NumberRows, start: number): Block | null {
  const sizes: number[] = [];
  const counts: number[] = [];
  const from = rows.count;
  let depth = 0;
  let leafDepth = 0;
  let at = start;
  rows.startArray();
  for (;;) {
    // Here a value begins.
    at = afterSpace(bytes, at);
    if (bytes[at] === OPEN) {
      if (depth === DEEPEST || (leafDepth > 0 && depth >= leafDepth)) return null;
      if (depth > 0) counts[depth - 1] = (counts[depth - 1] ?? 0) + 1;
      counts[depth] = 0;
      depth += 1;
      at += 1;
      continue;
    }
    if (leafDepth === 0) leafDepth = depth;
    else if (depth !== leafDepth) return null;
    const before = rows.count;
    at = rows.readRow(at);
    if (at < 0) return null;
    counts[depth - 1] = rows.count - before;
    // Brackets that close, until the next value.
    do {
      if (bytes[at] !== CLOSE) return null;
      depth -= 1;
      const count = counts[depth] ?? 0;
      sizes[depth] ??= count;
      if (sizes[depth] !== count) return null;
      at += 1;
      if (depth === 0) return { ...rows.facts(), from, shape: sizes, end: at };
      at = afterSpace(bytes, at);
    } while (bytes[at] !== COMMA);
    at += 1;
  }
}
