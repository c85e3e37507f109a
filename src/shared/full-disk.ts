import { fileReason, messageOf, QuickServeError, systemCodeOf } from './errors.ts';

/** System errors that say that nothing more can be written, whoever writes. */
const CODES = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EFBIG']);

/** What programs print when a write fails for want of space (strerror(3)). */
export const FULL_DISK_WORDS =
  /No space left on device|Out of diskspace|Disk quota exceeded|Read-only file system|File too large/i;

export const isFullDisk = (thrown: unknown): boolean => CODES.has(systemCodeOf(thrown) ?? '');

/** @param place the file or folder that could not be written. */
export function fullDiskError(place: string, thrown: unknown): QuickServeError {
  const isFull = isFullDisk(thrown) || FULL_DISK_WORDS.test(messageOf(thrown));
  return new QuickServeError({
    code: 'OUTPUT_UNWRITABLE',
    message: `${place} cannot be written: ${fileReason(thrown)}`,
    hint: `${isFull ? 'Free some space there' : 'See that its folder exists and may be written to'}; for temporary files TMPDIR may name another folder. Then run again.`,
    cause: thrown,
  });
}
