import { listOf, sectionOf, settingsError, textOf } from '../settings-section.ts';
import type { ApiKey, RateLimit } from './api-keys.ts';
import type { CrossOriginSettings } from './browser-headers.ts';
import { ASYMMETRIC_ALGORITHMS, type TokenSettings } from './json-web-tokens.ts';

/** The section `access` of the settings file. */
export interface AccessSettings {
  readonly keys: readonly ApiKey[];
  readonly tokens: TokenSettings | null;
  /** Of each address, where neither keys nor tokens are asked for. */
  readonly anonymousRate: RateLimit | null;
  readonly crossOrigin: CrossOriginSettings;
}

/** Prints in logs and headers as it is. */
const NAME = /^[A-Za-z0-9][\w.@-]{0,63}$/;

function rateOf(value: unknown, where: string): RateLimit | null {
  if (value === undefined || value === null) return null;
  const section = sectionOf(value, where, ['perSecond', 'burst']);
  const perSecond = section['perSecond'];
  if (typeof perSecond !== 'number' || !(perSecond > 0 && perSecond <= 1e6))
    throw settingsError(`${where}.perSecond`, 'a number over 0 and at most 1000000 is wanted');
  const burst = section['burst'] ?? Math.max(1, Math.ceil(perSecond));
  if (typeof burst !== 'number' || !Number.isInteger(burst) || burst < 1 || burst > 1e6)
    throw settingsError(`${where}.burst`, 'a whole number from 1 to 1000000 is wanted');
  return { perSecond, burst };
}

function keyOf(value: unknown, where: string): ApiKey {
  const section = sectionOf(value, where, ['name', 'sha256', 'rate']);
  const name = textOf(section, 'name', where);
  if (!NAME.test(name))
    throw settingsError(`${where}.name`, 'letters, digits and . _ @ - are wanted, at most 64');
  const sha256 = textOf(section, 'sha256', where);
  // The value is not shown: whoever writes the key itself here by mistake must not find it in a log.
  if (!/^[0-9a-f]{64}$/.test(sha256))
    throw settingsError(
      `${where}.sha256`,
      'the 64 hexadecimal digits that `quickserveml key` prints are wanted, not the key itself',
    );
  return { name, sha256, rate: rateOf(section['rate'], `${where}.rate`) };
}

function keysOf(value: unknown): readonly ApiKey[] {
  const keys = listOf(value, 'access.keys').map((each, index) => keyOf(each, `access.keys[${index}]`));
  for (const [index, { name, sha256 }] of keys.entries()) {
    const twin = keys.slice(0, index).find(other => other.name === name || other.sha256 === sha256);
    if (twin !== undefined)
      throw settingsError(
        `access.keys[${index}]`,
        twin.name === name ? `there are two keys "${name}"` : `"${twin.name}" has the same key`,
      );
  }
  return keys;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

function tokensOf(value: unknown): TokenSettings | null {
  if (value === undefined || value === null) return null;
  const where = 'access.jwt';
  const section = sectionOf(value, where, ['issuer', 'audience', 'jwks', 'algorithms', 'rate']);
  const jwksUrl = textOf(section, 'jwks', where);
  const url = URL.canParse(jwksUrl) ? new URL(jwksUrl) : null;
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.test(url.hostname));
  if (url === null || !safe) throw settingsError(`${where}.jwks`, 'an https:// address is wanted');
  if (url.username !== '' || url.password !== '')
    throw settingsError(`${where}.jwks`, 'an address without user and password is wanted');
  const algorithms = listOf(section['algorithms'], `${where}.algorithms`);
  const odd = algorithms.find(each => !ASYMMETRIC_ALGORITHMS.some(known => known === each));
  if (odd !== undefined)
    throw settingsError(
      `${where}.algorithms`,
      `${JSON.stringify(odd)} is none of ${ASYMMETRIC_ALGORITHMS.join(', ')}`,
    );
  return {
    issuer: textOf(section, 'issuer', where),
    audience: textOf(section, 'audience', where),
    jwksUrl,
    algorithms: algorithms.length === 0 ? ASYMMETRIC_ALGORITHMS : algorithms.map(String),
    rate: rateOf(section['rate'], `${where}.rate`),
  };
}

function crossOriginOf(value: unknown): CrossOriginSettings {
  if (value === undefined || value === null) return { origins: [], maxAgeSeconds: 600 };
  const where = 'access.cors';
  const section = sectionOf(value, where, ['origins', 'maxAgeSeconds']);
  const origins = listOf(section['origins'], `${where}.origins`).map((each, index) => {
    if (each === '*') return each;
    const isOrigin = typeof each === 'string' && URL.canParse(each) && new URL(each).origin === each;
    if (!isOrigin)
      throw settingsError(
        `${where}.origins[${index}]`,
        'an origin such as "https://app.example.com" is wanted, without a path',
      );
    return each;
  });
  if (origins.includes('*') && origins.length > 1)
    throw settingsError(`${where}.origins`, '"*" allows every origin and stands alone');
  const maxAgeSeconds = section['maxAgeSeconds'] ?? 600;
  if (typeof maxAgeSeconds !== 'number' || !Number.isInteger(maxAgeSeconds) || maxAgeSeconds < 0)
    throw settingsError(`${where}.maxAgeSeconds`, 'a whole number of seconds is wanted');
  return { origins, maxAgeSeconds };
}

/** Reads the section. @throws QuickServeError SERVING_SETTINGS_INVALID naming the key, never showing a secret. */
export function parseAccessSettings(value: unknown): AccessSettings {
  const section = sectionOf(value, 'access', ['keys', 'jwt', 'anonymousRate', 'cors']);
  return {
    keys: keysOf(section['keys']),
    tokens: tokensOf(section['jwt']),
    anonymousRate: rateOf(section['anonymousRate'], 'access.anonymousRate'),
    crossOrigin: crossOriginOf(section['cors']),
  };
}
