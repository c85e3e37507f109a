import type { Writable } from 'node:stream';

/**
 * What front and worker say to each other over a pipe: two little-endian lengths, a JSON head, and bytes that are
 * never looked at on the way. Node's own IPC would serialise them, which costs more than a short run.
 */
const PREFIX_BYTES = 8;
/** Far above any head; a larger one means that the stream is not one of frames. */
const LARGEST_HEAD_BYTES = 64 * 1024 * 1024;

/**
 * Writes a frame without copying the body.
 * @param written called when nothing of it is read any more
 */
export function writeFrame(
  stream: Writable,
  head: unknown,
  body: readonly Uint8Array[],
  written?: () => void,
): void {
  const text = Buffer.from(JSON.stringify(head));
  let bodyBytes = 0;
  for (const part of body) bodyBytes += part.byteLength;
  const start = Buffer.allocUnsafe(PREFIX_BYTES + text.byteLength);
  start.writeUInt32LE(text.byteLength, 0);
  start.writeUInt32LE(bodyBytes, 4);
  text.copy(start, PREFIX_BYTES);
  // Corked: everything leaves in one writev.
  stream.cork();
  stream.write(start);
  for (const part of body) if (part.byteLength > 0) stream.write(part);
  if (written !== undefined) stream.write('', error => error ?? written());
  stream.uncork();
}

/** Of a read that is not known to be of one body. */
const SCRATCH_BYTES = 64 * 1024;

/**
 * Puts frames together from what a pipe brings. Bytes come as chunks, or are read straight to where they belong: into
 * `space()`, and then `filled()`. The body that `take` gets is a view of memory that belongs to the frame alone.
 */
export class FrameReader {
  readonly #take: (head: unknown, body: Buffer) => void;
  #scratch: Buffer | null = null;
  /** The beginning of a head. */
  #kept: Buffer = Buffer.alloc(0);
  #head: unknown = null;
  #body: Buffer | null = null;
  #bodyFilled = 0;

  constructor(take: (head: unknown, body: Buffer) => void) {
    this.#take = take;
  }

  /** Where the next bytes are to be put. */
  space(): Buffer {
    if (this.#body !== null) return this.#body.subarray(this.#bodyFilled);
    this.#scratch ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    return this.#scratch;
  }

  /** @param count of bytes that lie in the last `space()` now. @throws Error where they are of no frame. */
  filled(count: number): void {
    if (this.#body === null) this.feed(this.space().subarray(0, count));
    else this.#grown(count);
  }

  /** @throws Error where the bytes are of no frame. */
  feed(chunk: Buffer): void {
    let rest = chunk;
    for (;;) {
      if (this.#body !== null) {
        const taken = Math.min(rest.byteLength, this.#body.byteLength - this.#bodyFilled);
        rest.copy(this.#body, this.#bodyFilled, 0, taken);
        rest = rest.subarray(taken);
        if (!this.#grown(taken)) return;
      }
      if (this.#kept.byteLength > 0) {
        rest = Buffer.concat([this.#kept, rest]);
        this.#kept = Buffer.alloc(0);
      }
      if (rest.byteLength < PREFIX_BYTES) break;
      const headBytes = rest.readUInt32LE(0);
      if (headBytes > LARGEST_HEAD_BYTES) throw new Error(`a head of ${headBytes} bytes`);
      if (rest.byteLength < PREFIX_BYTES + headBytes) break;
      this.#head = JSON.parse(rest.toString('utf8', PREFIX_BYTES, PREFIX_BYTES + headBytes));
      // Not of the shared pool: typed arrays over it want it aligned, and it may live long.
      this.#body = Buffer.allocUnsafeSlow(rest.readUInt32LE(4));
      this.#bodyFilled = 0;
      rest = rest.subarray(PREFIX_BYTES + headBytes);
    }
    if (rest.byteLength > 0) this.#kept = Buffer.from(rest);
  }

  /** @returns whether the body is whole; then it was taken. */
  #grown(count: number): boolean {
    this.#bodyFilled += count;
    if (this.#body === null || this.#bodyFilled < this.#body.byteLength) return false;
    const whole = this.#body;
    this.#body = null;
    this.#take(this.#head, whole);
    return true;
  }
}
