import type { Readable, Writable } from 'node:stream';

/**
 * What front and worker say to each other over a pipe: two little-endian lengths, a JSON head, and bytes that are
 * never looked at on the way. Node's own IPC would serialise them, which costs more than a short run.
 */
const PREFIX_BYTES = 8;
/** Far above any head; a larger one means that the stream is not one of frames. */
const LARGEST_HEAD_BYTES = 64 * 1024 * 1024;

/** Writes a frame without copying the body. */
export function writeFrame(stream: Writable, head: unknown, body: readonly Uint8Array[]): void {
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
  stream.uncork();
}

/**
 * Calls `take` for every frame. The body is a view of memory that belongs to the frame alone.
 * @param fail told once where the stream is not one of frames.
 */
export function readFrames(
  stream: Readable,
  take: (head: unknown, body: Buffer) => void,
  fail: (reason: string) => void,
): void {
  let kept: Buffer = Buffer.alloc(0);
  let body: Buffer | null = null;
  let filled = 0;
  let head: unknown = null;

  const feed = (chunk: Buffer): void => {
    let rest = chunk;
    for (;;) {
      if (body !== null) {
        const taken = Math.min(rest.byteLength, body.byteLength - filled);
        rest.copy(body, filled, 0, taken);
        filled += taken;
        rest = rest.subarray(taken);
        if (filled < body.byteLength) return;
        const whole = body;
        body = null;
        take(head, whole);
      }
      if (kept.byteLength > 0) {
        rest = Buffer.concat([kept, rest]);
        kept = Buffer.alloc(0);
      }
      if (rest.byteLength < PREFIX_BYTES) break;
      const headBytes = rest.readUInt32LE(0);
      if (headBytes > LARGEST_HEAD_BYTES) throw new Error(`a head of ${headBytes} bytes`);
      if (rest.byteLength < PREFIX_BYTES + headBytes) break;
      const bodyBytes = rest.readUInt32LE(4);
      head = JSON.parse(rest.toString('utf8', PREFIX_BYTES, PREFIX_BYTES + headBytes));
      rest = rest.subarray(PREFIX_BYTES + headBytes);
      // Not of the shared pool: typed arrays over it want it aligned, and it may live long.
      body = Buffer.from(new ArrayBuffer(bodyBytes));
      filled = 0;
    }
    if (rest.byteLength > 0) kept = Buffer.from(rest);
  };

  const onData = (chunk: Buffer): void => {
    try {
      feed(chunk);
    } catch (error) {
      stream.off('data', onData);
      fail(String(error));
    }
  };
  stream.on('data', onData);
}
