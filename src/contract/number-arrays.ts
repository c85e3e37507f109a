import { elementCount } from '../shared/element-types.ts';
import {
  afterSpace,
  endOfString,
  firstBytes,
  firstInside,
  isDigit,
  isSpace,
  lastBytes,
  lowestByte,
  notDigits,
  valueOfDigits,
} from './json-bytes.ts';

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

  constructor(block: Omit<Block, 'end'>, memory: Float64Array<ArrayBuffer>) {
    super();
    this.length = block.shape[0] ?? 0;
    this.shape = block.shape;
    this.numbers = memory.subarray(block.from, block.from + elementCount(block.shape));
    this.exact = block.exact;
    this.whole = block.whole;
    this.least = block.least;
    this.largest = block.largest;
  }

  /** Rounded to float32 as exact ones would be; null: that cannot be told from these. */
  toFloat32(): Float32Array<ArrayBuffer> | null {
    if (!this.exact && this.#nearMidpoint()) return null;
    return new Float32Array(this.numbers);
  }

  /** Whether an inexact double lies so near the middle of two neighbours in float32 that the exact one may round otherwise. */
  #nearMidpoint(): boolean {
    const { buffer, byteOffset, length } = this.numbers;
    const words = new Uint32Array(buffer, byteOffset, 2 * length);
    const lowWord = LITTLE_ENDIAN ? 0 : 1;
    for (let index = lowWord; index < words.length; index += 2) {
      const distance = ((words[index] ?? 0) & BELOW_FLOAT32) - MIDPOINT;
      if (distance <= DOUBT && distance >= -DOUBT) return true;
    }
    return false;
  }
}

/** Bits of a double's mantissa that float32 has no place for, and their value in the middle of two neighbours. */
const BELOW_FLOAT32 = 0x1fffffff;
const MIDPOINT = 0x10000000;
/** Units in the last place that an inexact double is surely within: it takes at most six roundings. */
const DOUBT = 64;
const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** Shorter texts and arrays are left to `JSON.parse`, which is quick enough with them. */
const SHORTEST_TEXT = 4096;
const SMALLEST_ARRAY = 256;
const DEEPEST = 32;
/** Stands for an array while the text around it is parsed: a control character, which JSON writes in one way only. */
const MARK = '\u0001';
const WRITTEN_MARK = '\\u0001';
const NO_BYTES = new DataView(new ArrayBuffer(0));
const KEPT_NUMBERS = 1 << 20;

/** Powers of ten that are exact in a double: one multiplication or division by them rounds once. */
const POWERS = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
/** Above it too many digits were rounded on the way. */
const LARGEST_MANTISSA = 1e22;

const [SPACE, QUOTE, PLUS, COMMA, MINUS, POINT, ZERO, NINE] = [32, 34, 43, 44, 45, 46, 48, 57];
const [OPEN, CLOSE, CLOSE_OBJECT] = [91, 93, 125];

interface NumberFacts {
  readonly exact: boolean;
  readonly whole: boolean;
  readonly least: number;
  readonly largest: number;
}
const NO_NUMBERS: NumberFacts = {
  exact: true,
  whole: true,
  least: Number.POSITIVE_INFINITY,
  largest: Number.NEGATIVE_INFINITY,
};

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
  #memory = new Float64Array(0);
  #used = 0;
  /** The text that is being read: a view takes longer to make than a short row to read. */
  #view: DataView = NO_BYTES;
  /** What is true of all numbers of the array that is being read. */
  #row = NO_NUMBERS;

  /**
   * @param bytes UTF-8
   * @returns the value, with at least one NumberArray in it; null: nothing to win here, or not what it seems (ragged, mixed,
   * not JSON): `JSON.parse` has the answer
   */
  read(bytes: Uint8Array): unknown {
    if (bytes.byteLength < SHORTEST_TEXT) return null;
    this.#used = 0;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.#memory.length > KEPT_NUMBERS) this.#memory = new Float64Array(0);
    const blocks: Block[] = [];
    const rest = this.#takeBlocks(bytes, blocks);
    this.#view = NO_BYTES;
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
        return block === undefined ? member : new NumberArray(block, this.#memory);
      });
      // Fewer: a key is there twice.
      return put === blocks.length ? value : null;
    } catch {
      return null;
    }
  }

  /** Reads the large arrays of numbers of a text into memory. @returns the text around them; null: see `read` */
  #takeBlocks(bytes: Uint8Array, blocks: Block[]): string[] | null {
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
        const used = this.#used;
        const block = this.#readBlock(bytes, at);
        if (block === null) return null;
        if (this.#used - used >= SMALLEST_ARRAY) {
          rest.push(decoder.decode(bytes.subarray(from, at)));
          blocks.push(block);
          from = block.end;
        } else this.#used = used;
        at = block.end;
      }
      rest.push(decoder.decode(bytes.subarray(from)));
    } catch {
      return null;
    }
    return rest;
  }

  /** Reads the nested array of numbers that begins at `start`; null: it is ragged, mixed, or no JSON. */
  #readBlock(bytes: Uint8Array, start: number): Block | null {
    const sizes: number[] = [];
    const counts: number[] = [];
    const from = this.#used;
    let depth = 0;
    let leafDepth = 0;
    let at = start;
    this.#row = { ...NO_NUMBERS };
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
      const before = this.#used;
      at = this.#readRow(bytes, at);
      if (at < 0) return null;
      counts[depth - 1] = this.#used - before;
      // Brackets that close, until the next value.
      do {
        if (bytes[at] !== CLOSE) return null;
        depth -= 1;
        const count = counts[depth] ?? 0;
        sizes[depth] ??= count;
        if (sizes[depth] !== count) return null;
        at += 1;
        if (depth === 0) return { ...this.#row, from, shape: sizes, end: at };
        at = afterSpace(bytes, at);
      } while (bytes[at] !== COMMA);
      at += 1;
    }
  }

  /**
   * Reads numbers with commas between them. A method of its own that is called for each row: the engine compiles it as a
   * whole, which it does not with the loops around it.
   * @returns the place of the first byte that belongs to none; -1: no JSON
   */
  #readRow(bytes: Uint8Array, start: number): number {
    const view = this.#view;
    const lastFour = bytes.byteLength - 4;
    let memory = this.#memory;
    let used = this.#used;
    let { exact, whole, least, largest } = this.#row;
    let at = start;
    let byte = bytes[at] ?? 0;
    for (;;) {
      const begin = at;
      // Counted and not branched on, as the last digits are below: what no processor can foresee.
      const minus = +(byte === MINUS);
      at += minus;
      let mantissa = (bytes[at] ?? 0) - ZERO;
      if (mantissa < 0 || mantissa > 9) return -1;
      byte = bytes[++at] ?? 0;
      if (byte >= ZERO && byte <= NINE) {
        if (mantissa === 0) return -1;
        for (; byte >= ZERO && byte <= NINE; byte = bytes[++at] ?? 0)
          mantissa = mantissa * 10 + (byte - ZERO);
      }
      let exponent = 0;
      if (byte === POINT) {
        const firstDecimal = ++at;
        let four = at <= lastFour ? view.getUint32(at, true) : lastBytes(bytes, at);
        let others = notDigits(four);
        while (others === 0) {
          mantissa = mantissa * 10_000 + valueOfDigits(four);
          at += 4;
          four = at <= lastFour ? view.getUint32(at, true) : lastBytes(bytes, at);
          others = notDigits(four);
        }
        if ((others & 0x80) === 0) {
          const count = lowestByte(others);
          mantissa = mantissa * (POWERS[count] ?? 1) + valueOfDigits(firstBytes(four, count));
          at += count;
        }
        byte = bytes[at] ?? 0;
        exponent = firstDecimal - at;
        if (exponent === 0) return -1;
        whole = false;
      }
      if (byte === 101 || byte === 69) {
        byte = bytes[++at] ?? 0;
        const isNegative = byte === MINUS;
        if (isNegative || byte === PLUS) byte = bytes[++at] ?? 0;
        if (byte < ZERO || byte > NINE) return -1;
        let power = 0;
        for (; byte >= ZERO && byte <= NINE; byte = bytes[++at] ?? 0)
          power = Math.min(power * 10 + (byte - ZERO), 100_000);
        exponent += isNegative ? -power : power;
        whole = false;
      }
      let value = mantissa;
      if (exponent < -22 || exponent > 22 || mantissa > LARGEST_MANTISSA) {
        value = Number(Buffer.from(bytes.buffer, bytes.byteOffset + begin, at - begin).toString('latin1'));
      } else {
        if (exponent < 0) value = mantissa / (POWERS[-exponent] ?? 1);
        else if (exponent > 0) value = mantissa * (POWERS[exponent] ?? 1);
        if (mantissa > Number.MAX_SAFE_INTEGER) exact = false;
        if (minus === 1) value = -value;
      }
      if (value < least) least = value;
      if (value > largest) largest = value;
      if (used === memory.length) memory = this.#grow(bytes.byteLength);
      memory[used++] = value;
      if (byte <= SPACE) {
        at = afterSpace(bytes, at);
        byte = bytes[at] ?? 0;
      }
      if (byte !== COMMA) break;
      byte = bytes[++at] ?? 0;
      if (byte <= SPACE) {
        at = afterSpace(bytes, at);
        byte = bytes[at] ?? 0;
      }
    }
    this.#used = used;
    this.#row = { exact, whole, least, largest };
    return at;
  }

  /** Twice the memory, and at first as much as numbers of eight characters would need. */
  #grow(textBytes: number): Float64Array<ArrayBuffer> {
    const grown = new Float64Array(Math.max(2 * this.#memory.length, Math.ceil(textBytes / 8)));
    grown.set(this.#memory);
    this.#memory = grown;
    return grown;
  }
}
