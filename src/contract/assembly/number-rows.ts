/**
 * Numbers of a JSON array into doubles, as WebAssembly: AssemblyScript, not TypeScript. `npm run build` compiles it to
 * ../number-rows-code.ts. Eight digits are looked at in one 64-bit integer, and what no processor can foresee (signs, how many
 * digits) is counted and not branched on (D. Lemire, "Number Parsing at a Gigabyte per Second", 2021, section 6).
 */

/** The number that the text has from `begin` to `end`, as `JSON.parse` reads it. */
@external("host", "parse")
declare function parse(begin: usize, end: usize): f64;

/** Bytes of text that can be held at a time. */
const WINDOW: i32 = 65536;
/** A number may begin so many bytes before the end of a window whose text goes on: a longer one is read by nobody here. */
const LONGEST: usize = 1024;
/** Behind the text, zeros: what is loaded past its end is no digit. */
const MARGIN: i32 = 16;
const text = memory.data(WINDOW + MARGIN, 16);
const numbers = __heap_base;

/** Powers of ten that are exact in a double. */
const POWERS = memory.data<f64>([
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21,
  1e22,
]);
const TENS = memory.data<i64>([1, 10, 100, 1000, 10000, 100000, 1000000, 10000000]);
const LARGEST_POWER: i32 = 22;
/** A mantissa of so many digits fits into 63 bits. */
const MOST_DIGITS: usize = 18;
const LARGEST_EXACT: i64 = 9007199254740991;
/** Below it a float32 has fewer bits, and its midpoints lie elsewhere. */
const SMALLEST_NORMAL_FLOAT32: f64 = 1.1754943508222875e-38;
/** Bits of a double's mantissa that float32 has no place for, and their value in the middle of two neighbours. */
const BELOW_FLOAT32: i32 = 0x1fffffff;
const MIDPOINT: i32 = 0x10000000;
/** Units in the last place that an inexact value is surely within: it takes at most three roundings. */
const DOUBT: i32 = 4;

const SPACE: u32 = 32;
const PLUS: u32 = 43;
const COMMA: u32 = 44;
const MINUS: u32 = 45;
const POINT: u32 = 46;
const ZERO: u32 = 48;
const LETTER_E: u32 = 101;

let used: u32 = 0;
let isExact: i32 = 1;
let isWhole: i32 = 1;
let smallest: f64 = Infinity;
let greatest: f64 = -Infinity;

export function textAddress(): usize {
  return text;
}
export function window(): i32 {
  return WINDOW;
}
export function margin(): i32 {
  return MARGIN;
}
export function numbersAddress(): usize {
  return numbers;
}
/** How many numbers were read, into as many doubles from `numbersAddress`. */
export function count(): u32 {
  return used;
}
/** Forgets the numbers from `kept` on. */
export function keep(kept: u32): void {
  used = kept;
}
/** Whether all numbers since `start` are what `JSON.parse` gives; else some may be a few units in the last place away. */
export function exact(): bool {
  return isExact != 0;
}
/** Whether none was written with a fraction or an exponent. */
export function whole(): bool {
  return isWhole != 0;
}
export function least(): f64 {
  return smallest;
}
export function largest(): f64 {
  return greatest;
}

/** An array begins. */
export function start(): void {
  isExact = 1;
  isWhole = 1;
  smallest = Infinity;
  greatest = -Infinity;
}

/** Makes room for all numbers that a window of text can have. @returns false: there is no memory for them */
export function reserve(): bool {
  const bytes = numbers + ((<usize>used + <usize>WINDOW / 2 + 1) << 3);
  const has = <usize>memory.size() << 16;
  if (bytes <= has) return true;
  const wanted = max(bytes, has + min(has, 1 << 26));
  return memory.grow(<i32>((wanted - has + 0xffff) >> 16)) >= 0;
}

@inline
function isSpace(byte: u32): bool {
  return byte == SPACE || byte == 10 || byte == 13 || byte == 9;
}

@inline
function isDigit(byte: u32): bool {
  return byte - ZERO <= 9;
}

/** The highest bit of each of eight bytes that is no ASCII digit; bytes above such a one may be wrong. */
@inline
function notDigits(eight: u64): u64 {
  return ((eight + 0x4646464646464646) | (eight - 0x3030303030303030)) & 0x8080808080808080;
}

/** The number that eight ASCII digits spell, the first in the lowest byte; zero bytes before them count as zeros. */
@inline
function valueOfDigits(eight: u64): u64 {
  const pairs = (((eight & 0x0f0f0f0f0f0f0f0f) * 2561) >> 8) & 0x00ff00ff00ff00ff;
  const fours = ((pairs * 6553601) >> 16) & 0x0000ffff0000ffff;
  return (fours * 42949672960001) >> 32;
}

/** How many digits of a number count, or one more where a point is among them: zeros before them make no mantissa larger. */
function significant(from: usize, end: usize): usize {
  let at = from;
  while (at < end && (load<u8>(at) == ZERO || load<u8>(at) == POINT)) at += 1;
  return end - at;
}

/**
 * Reads numbers with commas between them. `reserve` comes first.
 * @param from a place in the text, where a number or white space before one begins
 * @param length bytes of text in the window
 * @param isLast whether the text ends with them
 * @returns the place of the first byte that belongs to none; 0: no JSON; negative: what follows that place is to be put into the
 * window
 */
export function readRow(from: usize, length: usize, isLast: bool): i32 {
  const last = text + length - (isLast ? 0 : LONGEST);
  let at = from;
  let out = numbers + (<usize>used << 3);
  let least = smallest;
  let largest = greatest;
  let result: i32 = 0;
  for (;;) {
    let byte: u32 = load<u8>(at);
    if (byte <= SPACE) {
      while (isSpace(byte)) byte = load<u8>(++at);
    }
    if (at >= last) {
      result = -(<i32>at);
      break;
    }
    const begin = at;
    const minus = u32(byte == MINUS);
    at += minus;
    let mantissa = <i64>load<u8>(at) - ZERO;
    if (<u64>mantissa > 9) break;
    byte = load<u8>(at, 1);
    at += 1;
    let digits: usize = 1;
    if (isDigit(byte)) {
      if (mantissa == 0) break;
      let eight = load<u64>(at);
      let others = notDigits(eight);
      if (others != 0) {
        const bits = ctz(others) - 7;
        mantissa = mantissa * load<i64>(TENS + <usize>bits) + valueOfDigits((eight << 8) << (56 - bits));
        at += <usize>(bits >> 3);
      } else {
        for (; isDigit(byte); byte = load<u8>(++at)) mantissa = mantissa * 10 + (byte - ZERO);
      }
      digits = at - begin - minus;
      byte = load<u8>(at);
    }
    let end = at;
    let decimals: usize = 0;
    if (byte == POINT) {
      const first = ++at;
      let eight = load<u64>(at);
      let others = notDigits(eight);
      while (others == 0) {
        mantissa = mantissa * 100000000 + valueOfDigits(eight);
        at += 8;
        eight = load<u64>(at);
        others = notDigits(eight);
      }
      const bits = ctz(others) - 7;
      mantissa = mantissa * load<i64>(TENS + <usize>bits) + valueOfDigits((eight << 8) << (56 - bits));
      at += <usize>(bits >> 3);
      decimals = at - first;
      if (decimals == 0) break;
      digits += decimals;
      end = at;
      isWhole = 0;
      byte = load<u8>(at);
    }
    let exponent: i32 = 0;
    if ((byte | 32) == LETTER_E) {
      byte = load<u8>(++at);
      const isNegative = byte == MINUS;
      if (isNegative || byte == PLUS) byte = load<u8>(++at);
      if (!isDigit(byte)) break;
      for (; isDigit(byte); byte = load<u8>(++at)) exponent = min(exponent * 10 + (byte - ZERO), 100000);
      if (isNegative) exponent = -exponent;
      isWhole = 0;
    }
    let value: f64;
    let isRounded = mantissa > LARGEST_EXACT;
    if (exponent == 0 && digits <= MOST_DIGITS) {
      value = <f64>mantissa / load<f64>(POWERS + (decimals << 3));
    } else {
      exponent -= <i32>decimals;
      if (
        exponent > LARGEST_POWER ||
        exponent < -2 * LARGEST_POWER ||
        (digits > MOST_DIGITS && significant(begin + minus, end) > MOST_DIGITS)
      ) {
        value = parse(begin + minus, at);
        isRounded = false;
      } else {
        value = <f64>mantissa;
        if (exponent < -LARGEST_POWER) {
          value /= 1e22;
          exponent += LARGEST_POWER;
          isRounded = true;
        }
        if (exponent < 0) value /= load<f64>(POWERS - (exponent << 3));
        else value *= load<f64>(POWERS + (exponent << 3));
      }
    }
    if (isRounded) {
      const distance = (<i32>reinterpret<i64>(value) & BELOW_FLOAT32) - MIDPOINT;
      if ((distance <= DOUBT && distance >= -DOUBT) || value < SMALLEST_NORMAL_FLOAT32) value = parse(begin + minus, at);
      else isExact = 0;
    }
    value = reinterpret<f64>(reinterpret<u64>(value) ^ (<u64>minus << 63));
    if (value < least) least = value;
    if (value > largest) largest = value;
    store<f64>(out, value);
    out += 8;
    if (byte != COMMA) {
      while (isSpace(byte)) byte = load<u8>(++at);
      if (byte != COMMA) {
        result = <i32>at;
        break;
      }
    }
    at += 1;
  }
  used = <u32>((out - numbers) >> 3);
  smallest = least;
  greatest = largest;
  return result;
}
