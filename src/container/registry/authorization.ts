import { QuickServeError } from '../../shared/errors.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { type RegistryCredentials, secretsOf } from './credentials.ts';
import { answerError, parseErrorBody, shownUrl } from './failure.ts';
import {
  isTransientStatus,
  type RetrySurroundings,
  retryAfterMs,
  TransientAnswer,
  withRetries,
} from './retry.ts';
import { readAtMost, type Transport, type WireAnswer } from './transport.ts';

/** What a token must allow: `repository:acme/digits:pull,push`. */
export const pullScope = (repository: string): string => `repository:${repository}:pull`;
export const pushScope = (repository: string): string => `repository:${repository}:pull,push`;

interface Token {
  readonly value: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

interface Bearer {
  readonly kind: 'bearer';
  readonly realm: URL;
  readonly service: string | null;
}

type Scheme = { readonly kind: 'none' } | { readonly kind: 'basic' } | Bearer;

export interface Authorization {
  /** The value of the header for a request that needs these scopes; null: none is wanted, as far as is known. */
  header(scopes: readonly string[]): Promise<string | null>;
  /**
   * Takes in a 401: the scheme it asks for, and that the header that was sent is of no use. Returns whether another
   * attempt can succeed.
   */
  challenge(answer: WireAnswer, sent: string | null, scopes: readonly string[]): Promise<boolean>;
  /** Everything that was sent or received as a secret so far. */
  secrets(): readonly string[];
  /** Whether credentials were found for this registry. */
  readonly authenticated: () => boolean;
}

export interface AuthorizationOptions extends RetrySurroundings {
  readonly transport: Transport;
  readonly origin: URL;
  /** Whether secrets may go over plain HTTP: somebody asked for it. */
  readonly mayBePlain: boolean;
  readonly find: () => Promise<RegistryCredentials>;
}

/** Tokens without a lifetime live a minute (distribution, "Token Authentication Specification"). */
const DEFAULT_LIFETIME_S = 60;
const LARGEST_TOKEN_ANSWER_BYTES = 256 * 1024;

function chooseScheme(challenges: readonly Challenge[], origin: URL): Scheme {
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
  const realm = bearer?.parameters.get('realm');
  if (bearer !== undefined && realm !== undefined && URL.canParse(realm, origin.href)) {
    return {
      kind: 'bearer',
      realm: new URL(realm, origin),
      service: bearer.parameters.get('service') ?? null,
    };
  }
  return challenges.some(({ scheme }) => scheme === 'basic') ? { kind: 'basic' } : { kind: 'none' };
}

const basic = (username: string, password: string): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

function parseToken(text: string, now: number): Token | null {
  try {
    const fields: Readonly<Record<string, unknown>> = Object(JSON.parse(text));
    const value = fields['token'] ?? fields['access_token'];
    const lifetimeS = Number(fields['expires_in'] ?? DEFAULT_LIFETIME_S);
    if (typeof value !== 'string' || value === '' || /[^\x21-\x7e]/.test(value)) return null;
    const usableMs = (Number.isFinite(lifetimeS) && lifetimeS > 0 ? lifetimeS : DEFAULT_LIFETIME_S) * 1000;
    // A tenth is kept back for the way and for clocks that differ.
    return { value, expiresAt: now + usableMs * 0.9 };
  } catch {
    return null;
  }
}

/** Authenticates at one registry: Basic, or Bearer tokens by scope from the token server that its challenge names. */
export function createAuthorization(options: AuthorizationOptions): Authorization {
  const { transport, origin, mayBePlain, now } = options;
  const tokens = new Map<string, Promise<Token>>();
  const seen = new Set<string>();
  let scheme: Scheme = { kind: 'none' };
  let hasCredentials = false;
  let found: Promise<RegistryCredentials> | null = null;
  /** Scopes that challenges asked for beyond what was expected. */
  const extraScopes = new Map<string, readonly string[]>();

  const credentials = async (): Promise<RegistryCredentials> => {
    found ??= options.find();
    const result = await found;
    hasCredentials = result.kind !== 'anonymous';
    for (const secret of secretsOf(result)) seen.add(secret);
    return result;
  };

  const guardPlain = (url: URL): void => {
    if (url.protocol === 'https:' || mayBePlain) return;
    throw new QuickServeError({
      code: 'CONTAINER_REGISTRY_REFUSED',
      message: `${origin.host} wants its password at ${shownUrl(url)}, which is not encrypted.`,
      hint: `If that is meant: --insecure ${origin.host}.`,
    });
  };

  const tokenRequest = (
    bearer: Bearer,
    scopes: readonly string[],
    mine: RegistryCredentials,
    asForm: boolean,
  ) => {
    const url = new URL(bearer.realm);
    const parameters = new URLSearchParams();
    if (bearer.service !== null) parameters.set('service', bearer.service);
    if (asForm && mine.kind === 'identity-token') {
      parameters.set('scope', scopes.join(' '));
      parameters.set('grant_type', 'refresh_token');
      parameters.set('refresh_token', mine.token);
      parameters.set('client_id', 'quickserveml');
      return {
        method: 'POST' as const,
        url,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: { kind: 'bytes' as const, bytes: Buffer.from(parameters.toString()) },
      };
    }
    for (const scope of scopes) parameters.append('scope', scope);
    for (const [name, value] of parameters) url.searchParams.append(name, value);
    const authorization =
      mine.kind === 'password'
        ? basic(mine.username, mine.password)
        : // Token servers without OAuth 2 take the token as the password of this user.
          mine.kind === 'identity-token'
          ? basic('<token>', mine.token)
          : null;
    return { method: 'GET' as const, url, authorization };
  };

  const fetchToken = async (bearer: Bearer, scopes: readonly string[]): Promise<Token> => {
    const mine = await credentials();
    if (mine.kind === 'registry-token') return { value: mine.token, expiresAt: Number.POSITIVE_INFINITY };
    if (mine.kind !== 'anonymous') guardPlain(bearer.realm);
    let asForm = mine.kind === 'identity-token';
    return withRetries(async () => {
      let answer = await transport.send(tokenRequest(bearer, scopes, mine, asForm));
      if (asForm && (answer.status === 404 || answer.status === 405)) {
        await answer.body.dump();
        asForm = false;
        answer = await transport.send(tokenRequest(bearer, scopes, mine, asForm));
      }
      const text = (await readAtMost(answer.body, LARGEST_TOKEN_ANSWER_BYTES)).toString('utf8');
      const token = answer.status === 200 ? parseToken(text, now()) : null;
      if (token !== null) {
        seen.add(token.value);
        return token;
      }
      const failure = answerError({
        method: asForm ? 'POST' : 'GET',
        url: bearer.realm,
        status: answer.status,
        entries: parseErrorBody(text, [...seen]),
        action: `get a token for ${origin.host}`,
        authenticated: hasCredentials,
      });
      throw isTransientStatus(answer.status)
        ? new TransientAnswer(failure, retryAfterMs(answer.headers, now()))
        : failure;
    }, options);
  };

  const keyOf = (bearer: Bearer, scopes: readonly string[]): string =>
    JSON.stringify([bearer.realm.href, bearer.service, scopes]);
  const wantedScopes = (scopes: readonly string[]): readonly string[] => {
    const own = [...new Set(scopes)].sort();
    return [...new Set([...own, ...(extraScopes.get(own.join('\n')) ?? [])])];
  };

  const bearerHeader = async (bearer: Bearer, scopes: readonly string[]): Promise<string> => {
    const key = keyOf(bearer, scopes);
    const known = tokens.get(key);
    const usable = known === undefined ? null : await known.catch(() => null);
    if (usable !== null && usable.expiresAt > now()) return `Bearer ${usable.value}`;
    // Another request may have begun a new one while this one waited.
    const current = tokens.get(key);
    const fresh = current !== undefined && current !== known ? current : fetchToken(bearer, scopes);
    tokens.set(key, fresh);
    return `Bearer ${(await fresh).value}`;
  };

  return {
    async header(scopes) {
      switch (scheme.kind) {
        case 'none':
          return null;
        case 'basic': {
          const mine = await credentials();
          if (mine.kind !== 'password') return null;
          guardPlain(origin);
          const value = basic(mine.username, mine.password);
          seen.add(value.slice('Basic '.length));
          return value;
        }
        case 'bearer':
          return bearerHeader(scheme, wantedScopes(scopes));
      }
    },
    async challenge(answer, sent, scopes) {
      const header = answer.headers['www-authenticate'];
      const challenges = parseChallenges(Array.isArray(header) ? header.join(', ') : (header ?? ''));
      const next = chooseScheme(challenges, origin);
      if (next.kind === 'none') return false;
      const changed = next.kind !== scheme.kind;
      scheme = next;
      if (next.kind === 'basic') return changed || sent === null;
      const own = [...new Set(scopes)].sort().join('\n');
      const asked = challenges.find(each => each.scheme === 'bearer')?.parameters.get('scope');
      const before = wantedScopes(scopes);
      if (asked !== undefined) {
        const all = [...(extraScopes.get(own) ?? []), ...asked.split(' ').filter(scope => scope !== '')];
        extraScopes.set(own, [...new Set(all)]);
      }
      // The token that was refused, and no newer one that another request has brought meanwhile.
      const key = keyOf(next, before);
      const refused = tokens.get(key);
      const value = (await refused?.catch(() => null))?.value;
      if (tokens.get(key) === refused && (value === undefined || sent === `Bearer ${value}`))
        tokens.delete(key);
      return true;
    },
    secrets: () => [...seen],
    authenticated: () => hasCredentials,
  };
}
