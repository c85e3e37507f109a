import { fileReason, QuickServeError, systemCodeOf } from './errors.ts';

/** System errors that say that nothing more can be written, whoever writes. */
const CODES = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EFBIG']);

/** What programs print when a write fails for want of space (strerror(3)). */
export const FULL_DISK_WORDS =
  /No space left on device|Out of diskspace|Disk quota exceeded|Read-only file system|File too large/i;

export const isFullDisk = (thrown: unknown): boolean => CODES.has(systemCodeOf(thrown) ?? '');

/** @param place the file or folder that could not be written. */
export function fullDiskError(place: string, thrown: unknown): QuickServeError {
  return new QuickServeError({
    code: 'OUTPUT_UNWRITABLE',
    message: `${place} cannot be written: ${fileReason(thrown)}`,
    hint: 'Free some space there; for temporary files TMPDIR may name another folder. Then run again.',
    cause: thrown,
  });
}
