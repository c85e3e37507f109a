/** Looking at JSON text byte by byte, and at four bytes at once, little-endian in an int32. */
const [SPACE, QUOTE, ZERO, NINE, OPEN, BACKSLASH] = [32, 34, 48, 57, 91, 92];

export const isSpace = (byte: number | undefined): boolean =>
  byte === SPACE || byte === 10 || byte === 13 || byte === 9;
export const isDigit = (byte: number | undefined): boolean =>
  byte !== undefined && byte >= ZERO && byte <= NINE;

/** The place after the string that begins at `at`, or after `last` where it does not end. */
export function endOfString(bytes: Uint8Array, at: number, last: number): number {
  let next = at + 1;
  while (next <= last && bytes[next] !== QUOTE) next += bytes[next] === BACKSLASH ? 2 : 1;
  return next + 1;
}

/** The highest bit of each of four bytes that is no ASCII digit; bytes above such a one may be wrong. */
export const notDigits = (four: number): number => ((four + 0x46464646) | (four - 0x30303030)) & 0x80808080;

/** The place of the lowest byte that has its highest bit set. */
export const lowestByte = (bits: number): number => (31 - Math.clz32(bits & -bits)) >> 3;

/** The first of four bytes, at most three of them, with zeros before them. */
export const firstBytes = (four: number, count: number): number => (four << (24 - 8 * count)) << 8;

/** Four bytes of which the last are past the end of the text. */
export function lastBytes(bytes: Uint8Array, at: number): number {
  let four = 0;
  for (let index = 3; index >= 0; index -= 1) four = (four << 8) | (bytes[at + index] ?? 0);
  return four;
}

/** The number that four ASCII digits spell, the first in the lowest byte. */
export function valueOfDigits(four: number): number {
  const digits = four & 0x0f0f0f0f;
  const pairs = Math.imul(digits, 10) + (digits >>> 8);
  return (pairs & 0xff) * 100 + ((pairs >>> 16) & 0xff);
}

export function afterSpace(bytes: Uint8Array, at: number): number {
  let next = at;
  while (isSpace(bytes[next])) next += 1;
  return next;
}

/** The place of the first byte after opening brackets and white space. */
export function firstInside(bytes: Uint8Array, at: number): number {
  let next = at;
  while (bytes[next] === OPEN || isSpace(bytes[next])) next += 1;
  return next;
}
