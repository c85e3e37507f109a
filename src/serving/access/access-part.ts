import {
  type Admission,
  type AdmissionDecision,
  type Audience,
  type Call,
  errorReply,
  type Route,
} from '../call.ts';
import type { ServingWorld } from '../server-parts.ts';
import { createKeyRing, type RateLimit } from './api-keys.ts';
import { crossOriginHeaders, preflightHeaders, SECURITY_HEADERS } from './browser-headers.ts';
import { createTokenVerifier, type TokenVerifier } from './json-web-tokens.ts';
import { RateLimiter } from './rate-limiter.ts';
import { type AccessSettings, parseAccessSettings } from './settings.ts';

type Identity =
  | {
      readonly kind: 'known';
      readonly name: string;
      readonly caller: string;
      readonly rate: RateLimit | null;
    }
  | { readonly kind: 'refused'; readonly status: 401 | 503; readonly message: string };

interface Gate {
  readonly settings: AccessSettings;
  readonly world: Pick<ServingWorld, 'now' | 'monotonicMs'>;
  readonly verifier: TokenVerifier | null;
}

/** What a caller may send as a name of its own is not one of ours: it must not look like another's in a log. */
const LOGGED_SUBJECT = /^[\w.@:|/-]{1,128}$/;

/** The secret of a call: `Authorization: Bearer ...`, or `X-API-Key`. Never from the address, which ends up in logs. */
function secretOf({ headers }: Call): string | null {
  const [, bearer] = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
  if (bearer !== undefined) return bearer;
  const key = headers['x-api-key'];
  return typeof key === 'string' && key !== '' ? key : null;
}

/** A JSON Web Token is three parts of base64url; an API key of this project has no dots. */
const looksLikeToken = (secret: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]*$/.test(secret);

/** A token may want the issuer's keys, which come over the network; everything else is decided at once. */
function createIdentification({ settings, verifier }: Gate): (call: Call) => Identity | Promise<Identity> {
  const ring = createKeyRing(settings.keys);
  const identifyToken = async (tokens: TokenVerifier, token: string): Promise<Identity> => {
    const decision = await tokens.verify(token);
    switch (decision.kind) {
      case 'valid': {
        const { subject } = decision;
        const name = LOGGED_SUBJECT.test(subject) ? `jwt:${subject}` : 'jwt';
        return { kind: 'known', name, caller: `jwt ${subject}`, rate: settings.tokens?.rate ?? null };
      }
      case 'invalid':
        return { kind: 'refused', status: 401, message: decision.reason };
      case 'unavailable':
        return { kind: 'refused', status: 503, message: decision.reason };
    }
  };
  return call => {
    const secret = secretOf(call);
    if (secret === null) {
      const ways = [ring.size > 0 ? 'an API key' : '', verifier === null ? '' : 'a token'].filter(Boolean);
      return { kind: 'refused', status: 401, message: `${ways.join(' or ')} is needed` };
    }
    const key = ring.find(secret);
    if (key !== null) return { kind: 'known', name: key.name, caller: `key ${key.name}`, rate: key.rate };
    if (verifier === null || !looksLikeToken(secret))
      return { kind: 'refused', status: 401, message: 'the API key is not known' };
    return identifyToken(verifier, secret);
  };
}

/** Only what costs the model's time is counted: a page that reloads must not use up a caller's share. */
const isLimited = (audience: Audience): boolean => audience === 'inference';

/** Decides who may call and how often, and what browsers are told. */
function createAdmission(gate: Gate): Admission {
  const { settings, world } = gate;
  const identify = createIdentification(gate);
  const limiter = new RateLimiter();
  const asksForSecret = settings.keys.length > 0 || settings.tokens !== null;

  const limited = (
    caller: string,
    rate: RateLimit | null,
    audience: Audience,
    keyName: string | null,
  ): AdmissionDecision => {
    if (rate === null || !isLimited(audience)) return { kind: 'admitted', keyName };
    const decision = limiter.take(caller, rate, world.monotonicMs());
    if (decision.kind === 'allowed') return { kind: 'admitted', keyName };
    const seconds = Math.max(1, Math.ceil(decision.retryAfterMs / 1000));
    const reply = errorReply(
      429,
      `too many requests: ${rate.perSecond} a second are allowed, ${rate.burst} at once`,
      { 'retry-after': String(seconds) },
    );
    return { kind: 'answered', keyName, reply };
  };

  const refuse = (status: 401 | 503, message: string): AdmissionDecision => ({
    kind: 'answered',
    keyName: null,
    reply: errorReply(
      status,
      message,
      status === 401 ? { 'www-authenticate': 'Bearer realm="quickserveml"' } : { 'retry-after': '5' },
    ),
  });

  return {
    admit(call: Call, route: Route | null) {
      const preflight = preflightHeaders(
        call.method,
        call.headers.origin,
        call.headers['access-control-request-method'],
        settings.crossOrigin,
      );
      if (preflight !== null)
        return { kind: 'answered', keyName: null, reply: { status: 204, headers: preflight, body: '' } };
      // What is not there is not a secret either: 404 and 405 are for everybody.
      if (route === null || route.audience === 'open') return { kind: 'admitted', keyName: null };
      if (!asksForSecret)
        return limited(`address ${call.clientAddress}`, settings.anonymousRate, route.audience, null);
      const { audience } = route;
      const decide = (identity: Identity): AdmissionDecision =>
        identity.kind === 'refused'
          ? refuse(identity.status, identity.message)
          : limited(identity.caller, identity.rate, audience, identity.name);
      const identity = identify(call);
      return identity instanceof Promise ? identity.then(decide) : decide(identity);
    },
    replyHeaders: call =>
      settings.crossOrigin.origins.length === 0
        ? SECURITY_HEADERS
        : { ...SECURITY_HEADERS, ...crossOriginHeaders(call.headers.origin, settings.crossOrigin) },
  };
}

/** The part `access`: API keys, JSON Web Tokens, rate limits, and headers for browsers. */
export function accessPart(
  section: unknown,
  world: Pick<ServingWorld, 'now' | 'monotonicMs'>,
): { readonly admission: Admission } {
  const settings = parseAccessSettings(section);
  const verifier = settings.tokens === null ? null : createTokenVerifier(settings.tokens, world.now);
  return { admission: createAdmission({ settings, world, verifier }) };
}
