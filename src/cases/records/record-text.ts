/** Records of text are larger than this only by mistake. */
export const LARGEST_RECORD_BYTES = 64 * 1024 * 1024;

/** The text of a record, or why there is none. */
export type RecordText =
  /** UTF-8, not decoded: who only hands it on has no use for a string. */
  | { readonly kind: 'text'; readonly bytes: Buffer }
  | { readonly kind: 'too-long'; readonly limitBytes: number };

/** What is said of a record that is too long. */
export const tooLongMessage = (limitBytes: number): string =>
  `it is longer than ${limitBytes >= 2 ** 20 ? `${limitBytes / 2 ** 20} MiB` : `${limitBytes} bytes`}`;

export const LINE_END = 0x0a;
const isBlank = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);

/** One piece is not copied. */
function joined(pieces: readonly Uint8Array[]): Buffer {
  const [only] = pieces;
  return only !== undefined && pieces.length === 1
    ? Buffer.from(only.buffer, only.byteOffset, only.byteLength)
    : Buffer.concat(pieces);
}

/** Bytes of a record that is still coming in; past the limit they are only counted. */
class RecordBuffer {
  readonly #limitBytes: number;
  #pieces: Uint8Array[] = [];
  #sizeBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#sizeBytes += piece.length;
    if (this.#sizeBytes > this.#limitBytes) this.#pieces = [];
    else this.#pieces.push(piece);
  }

  /** null: nothing but blanks. */
  take(): RecordText | null {
    const tooLong = this.#sizeBytes > this.#limitBytes;
    const bytes = joined(this.#pieces);
    this.#pieces = [];
    this.#sizeBytes = 0;
    if (tooLong) return { kind: 'too-long', limitBytes: this.#limitBytes };
    return bytes.every(isBlank) ? null : { kind: 'text', bytes };
  }
}

/** What came in at once, cut behind each end of a line. */
export function* linePieces(piece: Uint8Array): Generator<Uint8Array> {
  let from = 0;
  for (let end = piece.indexOf(LINE_END); end >= 0; end = piece.indexOf(LINE_END, from)) {
    yield piece.subarray(from, end + 1);
    from = end + 1;
  }
  if (from < piece.length) yield piece.subarray(from);
}

/** The lines of a stream that are not blank; one that is too long is skipped to its end and said. */
export async function* splitLines(
  pieces: AsyncIterable<Uint8Array>,
  limitBytes = LARGEST_RECORD_BYTES,
): AsyncGenerator<RecordText> {
  const buffer = new RecordBuffer(limitBytes);
  for await (const piece of pieces) {
    for (const part of linePieces(piece)) {
      const isEnd = part.at(-1) === LINE_END;
      buffer.add(isEnd ? part.subarray(0, -1) : part);
      const record = isEnd ? buffer.take() : null;
      if (record !== null) yield record;
    }
  }
  const last = buffer.take();
  if (last !== null) yield last;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/**
 * The elements of a JSON array as texts, without holding the array; a document that is no array is one record.
 * Only brackets and strings are looked at: whether an element is JSON is found when it is parsed.
 * @throws RangeError where the array is not closed, or something follows it.
 */
export async function* splitJsonArray(
  pieces: AsyncIterable<Uint8Array>,
  limitBytes = LARGEST_RECORD_BYTES,
): AsyncGenerator<RecordText> {
  const buffer = new RecordBuffer(limitBytes);
  let started = false;
  let isArray = false;
  let closed = false;
  let depth = 0;
  let quoted = false;
  let escaped = false;
  for await (const piece of pieces) {
    let from = 0;
    for (let at = 0; at < piece.length; at += 1) {
      const byte = piece[at] ?? 0;
      if (quoted) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) quoted = false;
        continue;
      }
      if (!started) {
        // A byte order mark is allowed before the document, as blanks are.
        if (isBlank(byte) || byte === 0xef || byte === 0xbb || byte === 0xbf) {
          from = at + 1;
          continue;
        }
        started = true;
        isArray = byte === 0x5b;
        if (isArray) {
          from = at + 1;
          continue;
        }
      }
      if (closed) {
        if (!isBlank(byte)) throw new RangeError('has something after the end of its array');
        continue;
      }
      if (byte === QUOTE) quoted = true;
      else if (OPENING.has(byte)) depth += 1;
      else if (CLOSING.has(byte)) {
        if (depth === 0 && isArray) closed = true;
        else depth -= 1;
      }
      if (closed || (isArray && depth === 0 && byte === COMMA)) {
        buffer.add(piece.subarray(from, at));
        from = at + 1;
        const record = buffer.take();
        if (record !== null) yield record;
      }
    }
    if (!closed) buffer.add(piece.subarray(from));
  }
  if (isArray && !closed) throw new RangeError('ends inside its array');
  const last = isArray ? null : buffer.take();
  if (last !== null) yield last;
}
