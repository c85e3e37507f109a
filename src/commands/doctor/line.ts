import { ERROR_CATALOG, type ErrorCode } from '../../shared/error-catalog.ts';
import { QuickServeError } from '../../shared/errors.ts';

/** What a line is about; the order in which they are shown. */
export const AREAS = [
  'machine',
  'network',
  'repository',
  'configuration',
  'models',
  'lfs',
  'runtime',
  'registry',
  'platform',
  'images',
] as const;

export type Area = (typeof AREAS)[number];

/** What was found out about one thing. */
export interface DoctorLine {
  readonly area: Area;
  readonly state: 'ok' | 'warning' | 'problem';
  readonly message: string;
  /** What to do; null where nothing is. */
  readonly hint: string | null;
  /** The error that a command would end with because of it; null where there is none such. */
  readonly code: ErrorCode | null;
}

export const ok = (area: Area, message: string): DoctorLine => ({
  area,
  state: 'ok',
  message,
  hint: null,
  code: null,
});

export const warning = (area: Area, message: string, hint: string): DoctorLine => ({
  area,
  state: 'warning',
  message,
  hint,
  code: null,
});

export const problem = (area: Area, code: ErrorCode, message: string, hint: string): DoctorLine => ({
  area,
  state: 'problem',
  message,
  hint,
  code,
});

/** A problem from what a step threw. @throws whatever is no QuickServeError: a bug of ours. */
export function problemOf(area: Area, thrown: unknown, prefix = ''): DoctorLine {
  if (!(thrown instanceof QuickServeError)) throw thrown;
  return problem(area, thrown.code, `${prefix}${thrown.message}`, thrown.hint);
}

/** The lines of a step; one problem where it threw. */
export async function linesOf(
  area: Area,
  step: () => Promise<readonly DoctorLine[]> | readonly DoctorLine[],
): Promise<readonly DoctorLine[]> {
  try {
    return await step();
  } catch (thrown) {
    return [problemOf(area, thrown)];
  }
}

/** 2: something of this repository or machine is to be mended; 3: only others stand in the way; 0: nothing does. */
export function exitCodeOf(lines: readonly DoctorLine[]): 0 | 2 | 3 {
  const codes = lines.flatMap(({ code }) => (code === null ? [] : [ERROR_CATALOG[code].exit]));
  return codes.includes(2) ? 2 : codes.includes(3) ? 3 : 0;
}
