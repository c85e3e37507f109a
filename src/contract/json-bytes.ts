/** Looking at JSON text byte by byte. */
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
