/** Reading of JSON that somebody else wrote: a missing or misshapen field is null, never an exception. */

/** The value at a path of own keys, or undefined. */
export function valueAt(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined;
    current = (current as Readonly<Record<string, unknown>>)[key];
  }
  return current;
}

/** The string at a path, null where there is none or it is empty. */
export function stringAt(value: unknown, ...path: readonly string[]): string | null {
  const found = valueAt(value, ...path);
  return typeof found === 'string' && found !== '' ? found : null;
}

/** The whole, positive number at a path, or null. */
export function idAt(value: unknown, ...path: readonly string[]): number | null {
  const found = valueAt(value, ...path);
  return typeof found === 'number' && Number.isSafeInteger(found) && found > 0 ? found : null;
}

/** The array at a path; empty where there is none. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = valueAt(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** A commit id in lower case, or null for anything else and for git's null id (all zeros). */
export function commitId(text: string | null | undefined): string | null {
  if (
    text === null ||
    text === undefined ||
    !/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(text) ||
    /^0+$/.test(text)
  )
    return null;
  return text.toLowerCase();
}

/** A positive whole number written in decimal, as CI variables are, or null. */
export function parseId(text: string | undefined): number | null {
  if (text === undefined || !/^[1-9]\d{0,14}$/.test(text)) return null;
  return Number(text);
}
