import { QuickServeError } from '../shared/errors.ts';
import { extraCertificates } from './certificates.ts';

/** How this machine reaches others. */
export interface NetworkSettings {
  /** The proxy for `http:` addresses. */
  readonly httpProxy: string | null;
  /** The proxy for `https:` addresses. */
  readonly httpsProxy: string | null;
  /** As NO_PROXY is written. */
  readonly noProxy: string | null;
  /** Certificates (PEM) to trust besides the usual ones. */
  readonly certificates: readonly string[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

const PROTOCOLS = new Set(['http:', 'https:']);

/** Lower case first, as curl does it: where both are set, the lower one is the one that git obeys. */
const read = (env: Environment, name: string): string | null =>
  env[name.toLowerCase()] || env[name.toUpperCase()] || null;

/**
 * The address of a proxy, which is often written without `http://`.
 * @param source what names it, for the message; the address itself may hold a password.
 * @throws QuickServeError PROXY_INVALID.
 */
export function proxyAddress(value: string, source: string): string {
  const address = value.includes('://') ? value : `http://${value}`;
  if (URL.canParse(address) && PROTOCOLS.has(new URL(address).protocol)) return address;
  throw new QuickServeError({
    code: 'PROXY_INVALID',
    message: `${source} names no proxy that can be used.`,
    hint: 'Write it as http://HOST:PORT or https://HOST:PORT; special characters of a password as %XX.',
  });
}

/** The variable that decides, and its value; null: there is none. */
export function proxyVariable(
  env: Environment,
  kind: 'http' | 'https',
): { readonly name: string; readonly value: string } | null {
  for (const name of [`${kind}_proxy`, 'all_proxy']) {
    const value = read(env, name);
    if (value !== null) return { name: env[name] ? name : name.toUpperCase(), value };
  }
  return null;
}

/**
 * The settings that every connection of this tool obeys: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY in either case,
 * NODE_EXTRA_CA_CERTS, and the authority that GitLab's runner was given for its server.
 * @throws QuickServeError PROXY_INVALID.
 */
export function networkSettings(env: Environment): NetworkSettings {
  const proxy = (kind: 'http' | 'https'): string | null => {
    const variable = proxyVariable(env, kind);
    return variable === null ? null : proxyAddress(variable.value, variable.name);
  };
  return {
    httpProxy: proxy('http'),
    httpsProxy: proxy('https'),
    noProxy: read(env, 'no_proxy'),
    certificates: extraCertificates(env),
  };
}
