import { Gzip } from 'fflate';
import { readTar, type TarArchive } from './tar.ts';

/**
 * gzip in JavaScript: Node's own zlib gives other bytes from version to version and from processor to processor, which
 * would give the same image another digest. The size of the pieces is part of the outcome; a test pins a digest.
 */
const PIECE_BYTES = 1024 * 1024;
const LEVEL = 6;

/** Pieces of exactly PIECE_BYTES, except for the last. */
async function* evenPieces(archive: TarArchive): AsyncGenerator<Uint8Array, void> {
  let buffer = new Uint8Array(PIECE_BYTES);
  let filled = 0;
  for await (const piece of readTar(archive, 0, archive.sizeBytes, PIECE_BYTES)) {
    for (let taken = 0; taken < piece.length; ) {
      const length = Math.min(PIECE_BYTES - filled, piece.length - taken);
      buffer.set(piece.subarray(taken, taken + length), filled);
      filled += length;
      taken += length;
      if (filled < PIECE_BYTES) continue;
      yield buffer;
      buffer = new Uint8Array(PIECE_BYTES);
      filled = 0;
    }
  }
  yield buffer.subarray(0, filled);
}

/** The archive compressed, piece by piece; the same bytes on every machine. */
export async function* compressTar(
  archive: TarArchive,
  onInput: (piece: Uint8Array) => void = () => undefined,
): AsyncGenerator<Uint8Array, void> {
  let ready: Uint8Array[] = [];
  const gzip = new Gzip({ level: LEVEL, mtime: 0 }, chunk => {
    ready.push(chunk);
  });
  let position = 0;
  for await (const piece of evenPieces(archive)) {
    onInput(piece);
    position += piece.length;
    gzip.push(piece, position === archive.sizeBytes && piece.length < PIECE_BYTES);
    yield* ready;
    ready = [];
  }
}
