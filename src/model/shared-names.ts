/** Longer names are rarely used twice. */
const LONGEST_SHARED_NAME = 256;

/**
 * Hands out one string for equal names. A value's name stands once where it is computed and once for each use, so this
 * saves most of the time and memory of a large graph.
 */
export class SharedNames {
  /** By hash of the bytes; on a collision the last one stays. */
  readonly #names = new Map<number, string>();

  /** The name in `size` bytes from `start` on, or undefined where it is long or not plain ASCII without NUL. */
  take(bytes: Buffer, start: number, size: number): string | undefined {
    if (size > LONGEST_SHARED_NAME) return undefined;
    let hash = 0x811c9dc5;
    for (let index = start; index < start + size; index += 1) {
      const byte = bytes[index] ?? 0;
      if (byte === 0 || byte > 0x7f) return undefined;
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    const known = this.#names.get(hash);
    if (known !== undefined && known.length === size) {
      let index = 0;
      while (index < size && known.charCodeAt(index) === bytes[start + index]) index += 1;
      if (index === size) return known;
    }
    const name = bytes.toString('latin1', start, start + size);
    this.#names.set(hash, name);
    return name;
  }
}
