import { createRemoteJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { RateLimit } from './api-keys.ts';

export interface TokenSettings {
  readonly issuer: string;
  readonly audience: string;
  /** Where the issuer publishes its keys; https, or http on the loopback interface. */
  readonly jwksUrl: string;
  /** Signature algorithms; asymmetric ones only, so that a public key can never serve as a shared secret. */
  readonly algorithms: readonly string[];
  /** Of every subject. */
  readonly rate: RateLimit | null;
}

export type TokenDecision =
  | { readonly kind: 'valid'; readonly subject: string }
  | { readonly kind: 'invalid'; readonly reason: string }
  /** The issuer's keys cannot be had, so nothing can be said of the token. */
  | { readonly kind: 'unavailable'; readonly reason: string };

export const ASYMMETRIC_ALGORITHMS: readonly string[] = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
];

const LONGEST_TOKEN = 8192;
const CLOCK_TOLERANCE_SECONDS = 30;
/** Keys are read again after this long; an unknown key id reads them at once, but no more often than the pause allows. */
const KEYS_FRESH_MS = 600_000;
const KEYS_PAUSE_MS = 30_000;
const KEYS_TIMEOUT_MS = 5000;

/** jose's own words hold parts of the token's claims; these do not. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.reason === 'missing'
      ? `the token has no claim "${error.claim}"`
      : `the token's "${error.claim}" is not the one wanted here`;
  }
  if (error instanceof errors.JWKSNoMatchingKey)
    return 'the token is signed with a key that the issuer does not have';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'the token is signed in a way that is not allowed';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'the signature of the token is wrong';
  return 'the token cannot be read';
}

const saysOfToken = (error: unknown): boolean =>
  error instanceof errors.JOSEError &&
  !(error instanceof errors.JWKSTimeout) &&
  !(error instanceof errors.JWKSInvalid) &&
  error.code !== 'ERR_JOSE_GENERIC';

/** Verifies JSON Web Tokens (RFC 7519) against the keys that their issuer publishes (RFC 7517). */
export interface TokenVerifier {
  verify(token: string): Promise<TokenDecision>;
}

/**
 * Keys are fetched at the first token, kept for ten minutes, and fetched again when a token names one that is not among
 * them (rotation), at most every `pauseMs`.
 * @param now milliseconds since the epoch.
 */
export function createTokenVerifier(
  settings: TokenSettings,
  now: () => number,
  pauseMs = KEYS_PAUSE_MS,
): TokenVerifier {
  const keys: JWTVerifyGetKey = createRemoteJWKSet(new URL(settings.jwksUrl), {
    cacheMaxAge: KEYS_FRESH_MS,
    cooldownDuration: pauseMs,
    timeoutDuration: KEYS_TIMEOUT_MS,
  });
  return {
    async verify(token) {
      if (token.length > LONGEST_TOKEN) return { kind: 'invalid', reason: 'the token is too long' };
      try {
        const { payload } = await jwtVerify(token, keys, {
          issuer: settings.issuer,
          audience: settings.audience,
          algorithms: [...settings.algorithms],
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          currentDate: new Date(now()),
          requiredClaims: ['exp', 'sub'],
        });
        return { kind: 'valid', subject: payload.sub ?? '' };
      } catch (error) {
        return saysOfToken(error)
          ? { kind: 'invalid', reason: reasonOf(error) }
          : { kind: 'unavailable', reason: "the issuer's keys cannot be read" };
      }
    },
  };
}
