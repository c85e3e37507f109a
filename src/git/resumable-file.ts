import { createHash } from 'node:crypto';
import { mkdir, open as openFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCodeOf } from '../shared/errors.ts';
import { readAhead } from '../shared/read-ahead.ts';
import { isAlive } from './scratch-folders.ts';

/** A file of which size and digest are known before its first byte comes. */
export interface ExpectedFile {
  /** hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Bytes from `offset` on: the one that was asked for, or 0 where the server does not send parts. */
export interface Body {
  readonly offset: number;
  readonly bytes: AsyncIterable<Uint8Array>;
}

export type OpenBody = (offset: number) => Promise<Body>;

/** A partial file is somebody's who is at work on it, unless nothing was added to it for so long. */
const IDLE_MS = 15_000;
let counter = 0;

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

/** Puts in the place of `own` the largest part that a process which is no more left of the same file; others are removed. */
async function takeOver(own: string, place: string): Promise<void> {
  const nowMs = (await stat(own)).mtimeMs;
  const left: { readonly path: string; readonly size: number }[] = [];
  for (const name of await readdir(dirname(place))) {
    const pid = Number(/\.(\d+)-\d+\.part$/.exec(name)?.[1]);
    const path = join(dirname(place), name);
    if (!name.startsWith(`${basename(place)}.`) || !Number.isSafeInteger(pid) || isAlive(pid)) continue;
    const found = await stat(path).catch(() => null);
    if (found !== null && nowMs - found.mtimeMs >= IDLE_MS) left.push({ path, size: found.size });
  }
  const [best, ...others] = left.toSorted((one, other) => other.size - one.size);
  for (const { path } of others) await rm(path, { force: true });
  // Where another process is quicker, the file stays empty.
  if (best !== undefined) await rename(best.path, own).catch(() => undefined);
}

/** Writes one body behind what is there. @returns why the file is not what was expected, or null where it is. */
async function receive(path: string, expected: ExpectedFile, open: OpenBody): Promise<string | null> {
  const { sizeBytes, sha256 } = expected;
  await using file = await openFile(path, 'r+');
  let hash = createHash('sha256');
  let written = 0;
  for await (const chunk of file.createReadStream({ autoClose: false, start: 0 })) {
    hash.update(chunk as Buffer);
    written += (chunk as Buffer).length;
  }
  if (written < sizeBytes || sizeBytes === 0) {
    const { offset, bytes } = await open(written);
    if (offset !== written) {
      await file.truncate(0);
      hash = createHash('sha256');
      written = 0;
    }
    for await (const chunk of readAhead(bytes)) {
      // A server must not be able to fill the disk with more than was announced.
      if (written + chunk.length > sizeBytes)
        return `it is larger than the ${sizeBytes} bytes it should have`;
      await file.write(chunk, 0, chunk.length, written);
      hash.update(chunk);
      written += chunk.length;
    }
  }
  if (written !== sizeBytes) return `it has ${written} bytes instead of ${sizeBytes}`;
  const found = hash.digest('hex');
  return found === sha256 ? null : `its sha256 is ${found}`;
}

/**
 * Downloads a file by way of a partial one, which stays when the connection breaks or the process dies, so that the next
 * attempt, also of another process, goes on behind its last byte. What turns out to be wrong is removed.
 * @param place names the partial files, `<place>.<pid>-<n>.part`: the same for every attempt at this file.
 * @param destination gets the whole file, in one step; in the same file system.
 * @param download gets what writes a body, and may call it again after a failure of the network.
 * @throws Error where the bytes are not what was expected; what `download` throws; system errors.
 */
export async function writeResumable(
  place: string,
  expected: ExpectedFile,
  destination: string,
  download: (write: (open: OpenBody) => Promise<void>) => Promise<void>,
): Promise<void> {
  await mkdir(dirname(place), { recursive: true });
  await mkdir(dirname(destination), { recursive: true });
  counter += 1;
  const own = `${place}.${process.pid}-${counter}.part`;
  const empty = async (): Promise<void> => {
    await rm(own, { force: true });
    await (await openFile(own, 'wx')).close();
  };
  await empty();
  await takeOver(own, place);
  let mayBeStale = (await sizeOf(own)) > 0;
  try {
    await download(async open => {
      let wrong = await receive(own, expected, open);
      if (wrong !== null && mayBeStale) {
        // What was left may have been the wrong part: once more from the start.
        mayBeStale = false;
        await empty();
        wrong = await receive(own, expected, open);
      }
      if (wrong === null) return;
      await empty();
      throw new Error(wrong);
    });
    await rename(own, destination);
  } catch (error) {
    // On a full disk the part that fitted would keep it full.
    if (systemCodeOf(error) === 'ENOSPC' || (await sizeOf(own)) === 0) await rm(own, { force: true });
    throw error;
  }
}
