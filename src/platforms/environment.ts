/** The environment variables of a run, handed in by the front door. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The variable, or null where it is unset or empty. */
export function variable(env: Environment, name: string): string | null {
  const value = env[name];
  return value === undefined || value === '' ? null : value;
}

/** The variable where it is an http(s) address without credentials, without a slash at its end; else null. */
export function webAddress(env: Environment, name: string): string | null {
  return cleanAddress(variable(env, name));
}

/** An http(s) address without user, password and trailing slashes, or null. */
export function cleanAddress(text: string | null): string | null {
  if (text === null || !URL.canParse(text)) return null;
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return null;
  url.username = '';
  url.password = '';
  return url.href.replace(/\/+$/u, '');
}
