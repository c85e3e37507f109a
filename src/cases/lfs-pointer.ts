import { closeSync, openSync, readSync } from 'node:fs';

const POINTER_START = 'version https://git-lfs.github.com/spec/v1';

/** Whether a file is a Git LFS pointer instead of what it stands for. False where it cannot be read. */
export function isLfsPointer(path: string): boolean {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return false;
  }
  try {
    const start = Buffer.alloc(POINTER_START.length);
    return (
      readSync(file, start, 0, start.length, 0) === start.length && start.toString('latin1') === POINTER_START
    );
  } catch {
    return false;
  } finally {
    closeSync(file);
  }
}

export const LFS_HINT =
  'Fetch it with `git lfs pull`, or let the checkout do it (actions/checkout: lfs: true).';
