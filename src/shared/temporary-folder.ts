import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fullDiskError } from './full-disk.ts';

/** A folder of ours, with whatever is put into it gone when it is disposed of. */
export interface TemporaryFolder extends AsyncDisposable {
  /** Absolute. */
  readonly path: string;
}

/**
 * Makes an empty folder where the system keeps temporary files. Disposed with `await using`.
 * @param purpose in its name, so that a leftover tells whose it is.
 * @throws QuickServeError OUTPUT_UNWRITABLE.
 */
export async function openTemporaryFolder(purpose: string): Promise<TemporaryFolder> {
  const parent = tmpdir();
  const path = await mkdtemp(join(parent, `quickserveml-${purpose}-`)).catch(thrown => {
    throw fullDiskError(parent, thrown);
  });
  return {
    path,
    // Windows holds a file that was just closed for a moment longer.
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  };
}
