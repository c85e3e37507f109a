import { createHash } from 'node:crypto';
import { digestBeside, digestHere } from './payload-digest.ts';
import { readTar, type TarArchive } from './tar.ts';

/**
 * A gzip stream (RFC 1952) of stored blocks (RFC 1951, 3.2.4): its size is known before its bytes, every byte can be made
 * from the archive's alone, and no zlib has a say in it. Weights do not compress anyway.
 */

const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
const TRAILER_BYTES = 8;
const BLOCK_BYTES = 65_535;
const BLOCK_HEADER_BYTES = 5;
const STORED_BLOCK_BYTES = BLOCK_BYTES + BLOCK_HEADER_BYTES;
/** Blocks that are hashed at a time. */
const HASHED_BLOCKS = 8;
/** Blocks that are sent at a time: many small buffers are given back earlier than few large ones (130 MB against 165 MB). */
const SENT_BLOCKS = 1;
/** Below, starting a thread takes longer than it saves. */
export const THREAD_FROM_BYTES = 32 * 2 ** 20;

const blockCount = (sizeBytes: number): number => Math.max(1, Math.ceil(sizeBytes / BLOCK_BYTES));

export const storedGzipSize = (sizeBytes: number): number =>
  HEADER.length + BLOCK_HEADER_BYTES * blockCount(sizeBytes) + sizeBytes + TRAILER_BYTES;

/** What one reading of the archive tells. */
export interface StoredGzipFacts {
  /** `sha256:...` of the gzip stream: the digest of the layer. */
  readonly digest: string;
  /** `sha256:...` of the archive: the layer's diff id. */
  readonly diffId: string;
  readonly sizeBytes: number;
  readonly crc: number;
}

/**
 * Whole blocks of the archive, with their headers.
 * @param start at the beginning of a block.
 * @param nextBuffer a buffer for the next blocks, which are as many as it has room for.
 */
async function* storedBlocks(
  archive: TarArchive,
  start: number,
  nextBuffer: () => Promise<Buffer> | Buffer,
): AsyncGenerator<Buffer, void> {
  let out = await nextBuffer();
  const payloadBytes = (out.length / STORED_BLOCK_BYTES) * BLOCK_BYTES;
  // What is read is copied between the headers at once.
  const scratch = Buffer.allocUnsafeSlow(payloadBytes);
  let filled = 0;
  let position = start;
  const at = (offset: number): number =>
    Math.floor(offset / BLOCK_BYTES) * STORED_BLOCK_BYTES + BLOCK_HEADER_BYTES + (offset % BLOCK_BYTES);
  const finish = (): Buffer => {
    const blocks = Math.ceil(filled / BLOCK_BYTES);
    for (let block = 0; block < blocks; block++) {
      const length = Math.min(BLOCK_BYTES, filled - block * BLOCK_BYTES);
      const isLast = position === archive.sizeBytes && block === blocks - 1;
      const header = block * STORED_BLOCK_BYTES;
      out[header] = isLast ? 1 : 0;
      out.writeUInt16LE(length, header + 1);
      out.writeUInt16LE(length ^ 0xffff, header + 3);
    }
    return out.subarray(0, filled + blocks * BLOCK_HEADER_BYTES);
  };
  for await (const piece of readTar(archive, start, archive.sizeBytes, payloadBytes, scratch)) {
    for (let taken = 0; taken < piece.length; ) {
      const room = BLOCK_BYTES - (filled % BLOCK_BYTES);
      const length = Math.min(room, piece.length - taken);
      out.set(piece.subarray(taken, taken + length), at(filled));
      filled += length;
      taken += length;
      position += length;
      if (filled < payloadBytes) continue;
      yield finish();
      filled = 0;
      out = await nextBuffer();
    }
  }
  if (filled > 0) yield finish();
}

/**
 * The sha256 and crc of the archive and its gzip stream, in one reading.
 * @param write gets every byte of the gzip stream, only of archives of THREAD_FROM_BYTES or more: their buffers are used again
 *   after some more calls.
 */
export async function measureStoredGzip(
  archive: TarArchive,
  onProgress: (readBytes: number) => void = () => undefined,
  write: ((bytes: Uint8Array) => Promise<void>) | null = null,
): Promise<StoredGzipFacts> {
  const whole = createHash('sha256').update(HEADER);
  await write?.(HEADER);
  const layout = {
    blockBytes: STORED_BLOCK_BYTES,
    headerBytes: BLOCK_HEADER_BYTES,
    bufferBytes: HASHED_BLOCKS * STORED_BLOCK_BYTES,
  };
  await using payload = archive.sizeBytes < THREAD_FROM_BYTES ? digestHere(layout) : digestBeside(layout);
  let readBytes = 0;
  for await (const blocks of storedBlocks(archive, 0, payload.nextBuffer)) {
    payload.add(blocks.length);
    whole.update(blocks);
    await write?.(blocks);
    readBytes += blocks.length;
    onProgress(Math.min(readBytes, archive.sizeBytes));
  }
  const { sha256, crc } = await payload.finish();
  const end = trailer(crc, archive.sizeBytes);
  whole.update(end);
  await write?.(end);
  return {
    digest: `sha256:${whole.digest('hex')}`,
    diffId: `sha256:${sha256}`,
    sizeBytes: storedGzipSize(archive.sizeBytes),
    crc,
  };
}

function trailer(crc: number, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(TRAILER_BYTES);
  bytes.writeUInt32LE(crc >>> 0, 0);
  bytes.writeUInt32LE(sizeBytes % 2 ** 32, 4);
  return bytes;
}

async function* pieces(
  archive: TarArchive,
  crc: number,
  firstBlock: number,
): AsyncGenerator<Uint8Array, void> {
  yield* storedBlocks(archive, firstBlock * BLOCK_BYTES, () =>
    // Whoever sends them keeps each until it is on its way.
    Buffer.allocUnsafeSlow(SENT_BLOCKS * STORED_BLOCK_BYTES),
  );
  yield trailer(crc, archive.sizeBytes);
}

/** Bytes of the gzip stream from `start` to `end` (exclusive), made from the archive again. */
export async function* readStoredGzip(
  archive: TarArchive,
  crc: number,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array, void> {
  if (start < HEADER.length) yield HEADER.subarray(start, Math.min(end, HEADER.length));
  const blocks = blockCount(archive.sizeBytes);
  const firstBlock = Math.min(
    Math.max(0, Math.floor((start - HEADER.length) / STORED_BLOCK_BYTES)),
    blocks - 1,
  );
  let position = HEADER.length + firstBlock * STORED_BLOCK_BYTES;
  for await (const piece of pieces(archive, crc, firstBlock)) {
    if (position >= end) return;
    const from = Math.max(0, start - position);
    const to = Math.min(piece.length, end - position);
    if (from < to) yield piece.subarray(from, to);
    position += piece.length;
  }
}
