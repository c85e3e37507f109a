/** Smaller memory is left to the collector: giving it back by hand costs more than it. */
const SMALLEST_BYTES = 4 * 1024;

/**
 * Gives large memory back at once. The collector counts what lies outside of its heap, and marks the whole heap again for
 * every few dozen megabytes of bodies that came and went: with bodies of a megabyte that took half of the front's time.
 * Only for memory that nothing reads any more, also not the kernel: the views of it are empty afterwards.
 */
export function freeMemory(view: ArrayBufferView): void {
  const { buffer, byteLength } = view;
  if (byteLength < SMALLEST_BYTES || byteLength < buffer.byteLength || !(buffer instanceof ArrayBuffer))
    return;
  buffer.transfer(0);
}
