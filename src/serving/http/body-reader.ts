import type { IncomingMessage } from 'node:http';
import type { HeldBytes } from '../held-bytes.ts';

export type BodyReading =
  | { readonly kind: 'read'; readonly chunks: readonly Uint8Array[]; readonly bytes: number }
  | { readonly kind: 'too-large' }
  /** The server holds as much as it may. */
  | { readonly kind: 'no-room' }
  | { readonly kind: 'too-slow' }
  /** The client went away. */
  | { readonly kind: 'gone' };

/**
 * Reads a body in the chunks that it comes in. Room is taken as bytes come, not as they are declared: who declares much
 * and sends nothing takes nothing. What is no good is said at the first byte too many.
 * @param bodyLimit in bytes
 * @param timeMs for the whole body
 * @returns `read`: the bytes stay taken from `room` until the caller releases them; otherwise they are released here.
 */
export function readBody(
  request: IncomingMessage,
  bodyLimit: number,
  timeMs: number,
  room: HeldBytes,
): Promise<BodyReading> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > bodyLimit) return Promise.resolve({ kind: 'too-large' });
  if (room.held + declared > room.limit) return Promise.resolve({ kind: 'no-room' });
  return new Promise(resolve => {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    // Taking listeners off costs more than one look: this is done for every request.
    let isSettled = false;
    const timer = setTimeout(() => settle({ kind: 'too-slow' }), timeMs);
    const settle = (reading: BodyReading): void => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      if (reading.kind !== 'read') room.release(bytes);
      resolve(reading);
    };
    request.on('data', (chunk: Buffer) => {
      if (isSettled) return;
      if (bytes + chunk.byteLength > bodyLimit) settle({ kind: 'too-large' });
      else if (!room.take(chunk.byteLength)) settle({ kind: 'no-room' });
      else {
        bytes += chunk.byteLength;
        chunks.push(chunk);
      }
    });
    request.on('end', () => settle({ kind: 'read', chunks, bytes }));
    request.on('close', () => settle({ kind: 'gone' }));
  });
}
