const HARMLESS = /^[\w.:-]{1,128}$/;

/** The caller's request id, where it can stand in a header and a log as it is. */
export function requestIdOf(header: string | readonly string[] | undefined): string | null {
  return typeof header === 'string' && HARMLESS.test(header) ? header : null;
}
