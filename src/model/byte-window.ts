import { QuickServeError } from '../shared/errors.ts';
import type { ByteSource } from './byte-source.ts';

/** Large enough for the longest name and text; small enough to be nothing. */
const WINDOW_BYTES = 128 * 1024;
/** After a jump over a payload only this much is read: most jumps land before the next payload. */
const WINDOW_AFTER_JUMP_BYTES = 4 * 1024;

/** The part of a source that is in memory, and the place in it where reading goes on. */
export class ByteWindow {
  readonly bytes = Buffer.allocUnsafe(WINDOW_BYTES);
  /** How many of `bytes` are filled. */
  size = 0;
  /** Index in `bytes` of the next byte. */
  index = 0;
  readonly #source: ByteSource;
  /** Offset in the source of the first of `bytes`. */
  #start = 0;
  #nextBytes = WINDOW_AFTER_JUMP_BYTES;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Offset in the source of the next byte. */
  get offset(): number {
    return this.#start + this.index;
  }

  /** Goes on at `offset`, without reading yet. */
  seek(offset: number): void {
    const index = offset - this.#start;
    if (index >= 0 && index <= this.size) {
      this.index = index;
      return;
    }
    this.#start = offset;
    this.size = 0;
    this.index = 0;
    this.#nextBytes = WINDOW_AFTER_JUMP_BYTES;
  }

  /** Makes `count` bytes from the current offset on available, or as many as the source has. At most 128 KiB. */
  ensure(count: number): void {
    if (this.index + count <= this.size) return;
    const { offset } = this;
    const wanted = Math.min(Math.max(count, this.#nextBytes), WINDOW_BYTES);
    this.size = this.#source.read(offset, this.bytes.subarray(0, wanted));
    this.#start = offset;
    this.index = 0;
    this.#nextBytes = Math.min(this.#nextBytes * 2, WINDOW_BYTES);
    if (this.size < Math.min(count, this.#source.sizeBytes - offset)) {
      throw new QuickServeError({
        code: 'MODEL_TRUNCATED',
        message: `${this.#source.name} became shorter while it was read (byte ${offset}).`,
        hint: 'Something else writes to the file. Wait until it is complete.',
      });
    }
  }
}
