import { stripVTControlCharacters } from 'node:util';

const LONGEST_MESSAGE = 400;
/** More than this is not looked at: the patterns below take time in proportion to the square of the length. */
const LONGEST_INPUT = 4000;

/**
 * A message of the runtime as it may be shown: on one line, without the folders of this machine or of the machine
 * that built the runtime (file names stay), and not longer than a few lines.
 */
export function cleanMessage(message: string): string {
  const oneLine = stripVTControlCharacters(message.slice(0, LONGEST_INPUT))
    .replace(/\p{Cc}+|\p{Cf}+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  const folderless = oneLine
    .replace(/(^|[\s"'(=:,])(?:\/[^\s"':,()/]+)*\/(?=[^\s"':,()/]+)/g, '$1')
    .replace(/(^|[\s"'(=,])[A-Za-z]:\\(?:[^\s"':,()\\]+\\)*/g, '$1');
  return folderless.length <= LONGEST_MESSAGE ? folderless : `${folderless.slice(0, LONGEST_MESSAGE)} ...`;
}

/**
 * Whether a message or the end of stderr says that memory could not be had. Node's "ArrayBuffer::New Allocation failed"
 * does not: that is what a runtime gets which asks for an impossible size, as for 4-bit outputs.
 */
export function saysOutOfMemory(text: string): boolean {
  const signs =
    /std::bad_alloc|bad allocation|bad_array_new_length|Failed to allocate memory|heap out of memory|process out of memory|Cannot allocate memory|Array buffer allocation failed|memory limit exceeded/i;
  return signs.test(text.replace(/ArrayBuffer::New Allocation failed - process out of memory/g, ''));
}

/** The telling line of what a process wrote before it died, else the end of it; cleaned, and empty for nothing. */
export function excerptOf(stderr: string): string {
  const telling = /^.*(?:FATAL ERROR|terminate called|what\(\)|[Ee]rror:|[Aa]ssertion).*$/m.exec(stderr)?.[0];
  return cleanMessage(telling ?? stderr.slice(-LONGEST_MESSAGE));
}
