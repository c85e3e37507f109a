import { lstat, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '../shared/errors.ts';
import { fullDiskError } from '../shared/full-disk.ts';

/** Throw-away git folders: named after the process that owns them, so that what a killed one left can be told. */

/** Before the number of the process that owns the folder. */
export const SCRATCH_PREFIX = 'quickserveml-git-';
/** A process that another container runs cannot be seen from here: the longest job that hosts allow is waited for. */
const LEFT_AFTER_MS = 6 * 3600 * 1000;

const swept = new Set<string>();

/** Whether there is a process of this number, as far as can be seen from here. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process may not be signalled, and is one.
    return systemCodeOf(error) !== 'ESRCH';
  }
}

/**
 * Removes the throw-away folders of processes that ended without doing so, no younger than six hours. Others' folders and
 * what cannot be removed are left.
 * @param fresh a folder just made there, whose time is that of the file system's clock.
 */
async function removeLeftovers(temporaryFolder: string, fresh: string): Promise<void> {
  try {
    const nowMs = (await lstat(fresh)).mtimeMs;
    for (const name of await readdir(temporaryFolder)) {
      const pid = Number(/^quickserveml-git-(\d+)-/.exec(name)?.[1]);
      if (!Number.isSafeInteger(pid) || pid < 1 || isAlive(pid)) continue;
      const path = join(temporaryFolder, name);
      const found = await lstat(path);
      const isOurs = found.isDirectory() && (process.getuid === undefined || found.uid === process.getuid());
      if (!isOurs || nowMs - found.mtimeMs < LEFT_AFTER_MS) continue;
      await rm(path, { recursive: true, force: true });
    }
  } catch {
    // Another process removes them at the same time, or the folder cannot be listed: they do no harm.
  }
}

/**
 * Makes a throw-away folder, and once per process removes those that killed processes left beside it.
 * @throws QuickServeError OUTPUT_UNWRITABLE.
 */
export async function createScratchFolder(temporaryFolder: string): Promise<string> {
  let folder: string;
  try {
    await mkdir(temporaryFolder, { recursive: true });
    folder = await mkdtemp(join(temporaryFolder, `${SCRATCH_PREFIX}${process.pid}-`));
  } catch (error) {
    throw fullDiskError(temporaryFolder, error);
  }
  if (!swept.has(temporaryFolder)) {
    swept.add(temporaryFolder);
    await removeLeftovers(temporaryFolder, folder);
  }
  return folder;
}
