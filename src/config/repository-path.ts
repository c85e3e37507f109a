import { posix } from 'node:path';

/** `./models//digits.onnx` is `models/digits.onnx`. */
export function normalisePath(path: string): string {
  return posix.normalize(path).replace(/(?<=.)\/$/, '');
}

/** Why a path cannot be one inside the repository, as the rest of a sentence that begins with its key; or null. */
export function pathProblem(path: string): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no path of a repository has them on purpose
  if (/[\u0000-\u001f\u007f]/.test(path)) return 'has a control character in it';
  if (path.includes('\\')) return 'has a backslash in it; write / between folders, on Windows too';
  if (path.startsWith('/') || path.startsWith('~/') || /^[A-Za-z]:/.test(path)) {
    return 'is an absolute path; write it relative to the root of the repository';
  }
  const segments = normalisePath(path).split('/');
  if (segments.includes('..')) return 'leaves the repository';
  if (segments[0]?.toLowerCase() === '.git') return "is inside git's own folder";
  return segments[0] === '.' ? 'is the repository itself' : null;
}
