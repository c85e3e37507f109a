import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Writable } from 'node:stream';
import { fileReason, QuickServeError, systemCodeOf } from '../../shared/errors.ts';
import { roomIn } from '../../shared/stream-room.ts';
import { requireNoModel } from '../text-file.ts';

/** Where results go, line by line. */
export interface ResultWriter {
  /** Resolves when more can be taken; false: whoever read them has gone. */
  write(line: string): Promise<boolean>;
  /** All was written. */
  finish(): Promise<void>;
  /** Something went wrong: what was written stays, under a name that says so. */
  abandon(): Promise<void>;
}

/** Lines are joined up to this size, so that small results do not cost a system call each. */
const PIECE_CHARACTERS = 65_536;

function unwritable(name: string, cause: unknown): QuickServeError {
  return new QuickServeError({
    code: 'OUTPUT_UNWRITABLE',
    message: `${name} cannot be written: ${fileReason(cause)}`,
    hint: 'Check that the folder exists and that there is room.',
    cause,
  });
}

/** Writes to a stream with back-pressure. A reader that closes early (`| head`) is no error. */
function writeTo(
  stream: Writable,
  name: string,
): Pick<ResultWriter, 'write'> & { flush(): Promise<boolean> } {
  let piece = '';
  let failure: unknown = null;
  stream.on('error', error => {
    failure = error;
  });
  const isOpen = (): boolean => {
    if (failure === null) return true;
    if (systemCodeOf(failure) === 'EPIPE') return false;
    throw unwritable(name, failure);
  };
  const flush = async (): Promise<boolean> => {
    if (!isOpen()) return false;
    const text = piece;
    piece = '';
    if (text !== '' && !stream.write(text)) {
      await roomIn(stream);
    }
    return isOpen();
  };
  return {
    write: async line => {
      piece += line;
      return piece.length < PIECE_CHARACTERS ? isOpen() : await flush();
    },
    flush,
  };
}

/** Results on stdout. The stream stays open. */
export function writeToStream(stream: Writable): ResultWriter {
  const writer = writeTo(stream, 'stdout');
  const flush = async (): Promise<void> => {
    await writer.flush();
  };
  return { write: writer.write, finish: flush, abandon: flush };
}

/** Results in a file that gets its name when it is whole. */
export function writeToFile(path: string): ResultWriter {
  requireNoModel(path);
  const partial = `${path}.partial`;
  const stream = createWriteStream(partial);
  const writer = writeTo(stream, basename(path));
  const close = async (): Promise<void> => {
    await writer.flush();
    await new Promise<void>(resolve => stream.end(() => resolve()));
  };
  return {
    write: writer.write,
    finish: async () => {
      await close();
      await rename(partial, path).catch(async error => {
        await rm(partial, { force: true });
        throw unwritable(basename(path), error);
      });
    },
    abandon: () => close().catch(() => undefined),
  };
}
