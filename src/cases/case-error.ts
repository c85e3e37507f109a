import { QuickServeError } from '../shared/errors.ts';

/** A file of a case or dataset that cannot be used. */
export function unusable(file: string, what: string, hint: string, cause?: unknown): QuickServeError {
  return new QuickServeError({ code: 'CASE_INVALID', message: `${file}: ${what}.`, hint, cause });
}
