import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { afterEach, describe, expect, it } from 'vitest';
import { keyCommand } from '../../../src/commands/key.ts';
import { accessPart } from '../../../src/serving/access/access-part.ts';
import { createKeyRing, hashOfKey, keyOfBytes } from '../../../src/serving/access/api-keys.ts';
import { createTokenVerifier } from '../../../src/serving/access/json-web-tokens.ts';
import { RateLimiter } from '../../../src/serving/access/rate-limiter.ts';
import { parseAccessSettings } from '../../../src/serving/access/settings.ts';
import type { Audience, Call } from '../../../src/serving/call.ts';
import { callOf, routeOf } from '../../support/serving-doubles.ts';

const NOW = Date.UTC(2026, 0, 1);
const key = keyOfBytes(new Uint8Array(32).fill(7));
const entry = { name: 'ci', sha256: hashOfKey(key) };

/** An admission whose clock is moved by hand. */
function admissionOf(section: unknown) {
  const clock = { ms: 0 };
  const { admission } = accessPart(section, { now: () => NOW, monotonicMs: () => clock.ms });
  const admit = async (call: Call, audience: Audience | null = 'inference') =>
    admission.admit(call, audience === null ? null : routeOf(audience));
  const statusOf = async (call: Call, audience: Audience | null = 'inference') => {
    const decision = await admit(call, audience);
    return decision.kind === 'admitted' ? 'admitted' : decision.reply.status;
  };
  return { clock, admit, statusOf, headers: (call: Call) => admission.replyHeaders(call) };
}

const bearer = (secret: string): Call => callOf({ authorization: `Bearer ${secret}` });

describe('API keys', () => {
  it('are found by their hash, and nothing else is', () => {
    const other = keyOfBytes(new Uint8Array(32).fill(8));
    const ring = createKeyRing([
      { ...entry, rate: null },
      { name: 'other', sha256: hashOfKey(other), rate: null },
    ]);
    expect(ring.find(key)?.name).toBe('ci');
    expect(ring.find(other)?.name).toBe('other');
    for (const wrong of ['', key.slice(0, -1), `${key}x`, entry.sha256, 'x'.repeat(10_000)])
      expect(ring.find(wrong)).toBeNull();
  });

  it('are made by a command whose entry the settings take, and which keeps the key out of the entry', async () => {
    const nothing = (async function* () {})();
    const { document } = await keyCommand({ name: 'team-a', perSecond: 5 }, nothing);
    const { key: made, entry: written } = document as { key: string; entry: { rate: unknown } };
    expect(JSON.stringify(written)).not.toContain(made);
    const settings = parseAccessSettings({ keys: [written] });
    expect(settings.keys[0]?.rate).toEqual({ perSecond: 5, burst: 5 });
    expect(createKeyRing(settings.keys).find(made)?.name).toBe('team-a');
  });

  it("of one's own are hashed from stdin, and refused where they are short, without being shown", async () => {
    const from = async function* (text: string) {
      yield Buffer.from(text);
    };
    const own = 'a'.repeat(40);
    const { document, text } = await keyCommand({ name: 'own', stdin: true }, from(`${own}\n`));
    expect(document).toEqual({ entry: { name: 'own', sha256: hashOfKey(own) } });
    expect(text).not.toContain(own);
    const short = keyCommand({ name: 'own', stdin: true }, from('hunter2'));
    await expect(short).rejects.toMatchObject({ code: 'USAGE' });
    await expect(short).rejects.not.toThrow('hunter2');
  });
});

describe('admission by key', () => {
  it('takes a key as bearer token or in X-API-Key, and names its owner', async () => {
    const { admit } = admissionOf({ keys: [entry] });
    expect(await admit(bearer(key))).toEqual({ kind: 'admitted', keyName: 'ci' });
    expect(await admit(callOf({ 'x-api-key': key }))).toEqual({ kind: 'admitted', keyName: 'ci' });
  });

  it('refuses others with 401 on every route but the open ones', async () => {
    const { admit, statusOf } = admissionOf({ keys: [entry] });
    for (const audience of ['reading', 'inference', 'watching'] as const) {
      expect(await statusOf(callOf(), audience)).toBe(401);
      expect(await statusOf(bearer('wrong'), audience)).toBe(401);
    }
    expect(await statusOf(callOf(), 'open')).toBe('admitted');
    const decision = await admit(bearer('wrong'));
    expect(decision).toMatchObject({ reply: { headers: { 'www-authenticate': expect.any(String) } } });
    expect(JSON.stringify(decision)).not.toContain('"wrong"');
  });

  it('does not look for keys in the address, which ends up in logs', async () => {
    const { statusOf } = admissionOf({ keys: [entry] });
    expect(await statusOf(callOf({}, { query: `api_key=${key}` }))).toBe(401);
  });

  it('asks for nothing where nothing is configured', async () => {
    expect(await admissionOf(undefined).admit(callOf())).toEqual({ kind: 'admitted', keyName: null });
  });
});

describe('rate limits', () => {
  it('answer 429 with the seconds to wait, and let requests through again after them', async () => {
    const { clock, admit, statusOf } = admissionOf({
      keys: [{ ...entry, rate: { perSecond: 0.5, burst: 2 } }],
    });
    expect(await statusOf(bearer(key))).toBe('admitted');
    expect(await statusOf(bearer(key))).toBe('admitted');
    expect(await admit(bearer(key))).toMatchObject({
      keyName: 'ci',
      reply: { status: 429, headers: { 'retry-after': '2' } },
    });
    clock.ms += 1999;
    expect(await statusOf(bearer(key))).toBe(429);
    clock.ms += 1;
    expect(await statusOf(bearer(key))).toBe('admitted');
    expect(await statusOf(bearer(key))).toBe(429);
  });

  it('are of each key alone, and count only what runs a model', async () => {
    const other = keyOfBytes(new Uint8Array(32).fill(9));
    const rate = { perSecond: 1, burst: 1 };
    const { statusOf } = admissionOf({
      keys: [
        { ...entry, rate },
        { name: 'other', sha256: hashOfKey(other), rate },
      ],
    });
    expect(await statusOf(bearer(key))).toBe('admitted');
    expect(await statusOf(bearer(key))).toBe(429);
    expect(await statusOf(bearer(other))).toBe('admitted');
    expect(await statusOf(bearer(key), 'watching')).toBe('admitted');
  });

  it('hold for an address where callers need no key', async () => {
    const { statusOf } = admissionOf({ anonymousRate: { perSecond: 1, burst: 1 } });
    expect(await statusOf(callOf())).toBe('admitted');
    expect(await statusOf(callOf())).toBe(429);
    expect(await statusOf(callOf({}, { clientAddress: '192.0.2.2' }))).toBe('admitted');
  });

  it('allow in the long run what they say, and never more than the burst at once', () => {
    const limiter = new RateLimiter();
    const limit = { perSecond: 10, burst: 5 };
    let allowed = 0;
    for (let ms = 0; ms < 10_000; ms += 1) if (limiter.take('a', limit, ms).kind === 'allowed') allowed += 1;
    expect(allowed).toBeGreaterThanOrEqual(104);
    expect(allowed).toBeLessThanOrEqual(105);
    let atOnce = 0;
    for (let call = 0; call < 100; call += 1)
      if (limiter.take('a', limit, 100_000).kind === 'allowed') atOnce += 1;
    expect(atOnce).toBe(5);
  });

  it('remember a bounded number of callers', () => {
    const limiter = new RateLimiter(100);
    for (let caller = 0; caller < 1000; caller += 1)
      limiter.take(`address ${caller}`, { perSecond: 1, burst: 1 }, caller);
    expect(limiter.size).toBe(100);
    expect(limiter.take('address 999', { perSecond: 1, burst: 1 }, 999).kind).toBe('limited');
  });
});

describe('JSON Web Tokens', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    }
  });

  /** An issuer with a key set that can be changed, and the number of times it was asked. */
  async function issuerOf() {
    const state = { asked: 0, keys: [] as unknown[], status: 200 };
    const server = createServer((_, response) => {
      state.asked += 1;
      response.writeHead(state.status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ keys: state.keys }));
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    servers.push(server);
    const jwks = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    const addKey = async (kid: string) => {
      const pair = await generateKeyPair('ES256');
      state.keys.push({ ...(await exportJWK(pair.publicKey)), kid, alg: 'ES256' });
      return (claims: JWTPayload = {}) =>
        new SignJWT({
          iss: 'https://issuer.test',
          aud: 'models',
          sub: 'alice',
          exp: NOW / 1000 + 60,
          ...claims,
        })
          .setProtectedHeader({ alg: 'ES256', kid })
          .sign(pair.privateKey);
    };
    return { state, jwks, addKey, section: { issuer: 'https://issuer.test', audience: 'models', jwks } };
  }

  it('of the issuer and audience are let in under their subject, with one reading of the keys', async () => {
    const { state, addKey, section } = await issuerOf();
    const sign = await addKey('one');
    const { admit } = admissionOf({ jwt: section });
    for (let turn = 0; turn < 5; turn += 1)
      expect(await admit(bearer(await sign()))).toEqual({ kind: 'admitted', keyName: 'jwt:alice' });
    expect(state.asked).toBe(1);
  });

  it.each([
    ['issuer', { iss: 'https://evil.test' }, 'the token\'s "iss" is not the one wanted here'],
    ['audience', { aud: 'other' }, 'the token\'s "aud" is not the one wanted here'],
    ['age', { exp: NOW / 1000 - 31 }, 'the token has expired'],
    ['start', { nbf: NOW / 1000 + 3600 }, 'the token\'s "nbf" is not the one wanted here'],
    ['missing end', { exp: undefined }, 'the token has no claim "exp"'],
    ['missing subject', { sub: undefined }, 'the token has no claim "sub"'],
  ])('with a wrong %s are refused with the reason', async (_, claims, reason) => {
    const { addKey, section } = await issuerOf();
    const sign = await addKey('one');
    const decision = await admissionOf({ jwt: section }).admit(bearer(await sign(claims as JWTPayload)));
    expect(decision).toMatchObject({ reply: { status: 401, body: JSON.stringify({ error: reason }) } });
  });

  it('with a wrong signature, no signature, or a shared secret are refused', async () => {
    const { state, addKey, section } = await issuerOf();
    const sign = await addKey('one');
    const { statusOf } = admissionOf({ jwt: section });
    const [head, body, signature] = (await sign()).split('.');
    const flipped = `${head}.${body}.${signature?.startsWith('A') ? 'B' : 'A'}${signature?.slice(1)}`;
    expect(await statusOf(bearer(flipped))).toBe(401);
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    expect(await statusOf(bearer(`${none}.${body}.`))).toBe(401);
    const publicKey = Buffer.from(JSON.stringify(state.keys[0]));
    const shared = await new SignJWT({ iss: section.issuer, aud: 'models', sub: 'x', exp: NOW / 1000 + 60 })
      .setProtectedHeader({ alg: 'HS256', kid: 'one' })
      .sign(publicKey);
    expect(await statusOf(bearer(shared))).toBe(401);
  });

  it('signed with a key that is new are let in: the keys are read again', async () => {
    const { state, jwks, addKey, section } = await issuerOf();
    const first = await addKey('one');
    const settings = parseAccessSettings({ jwt: { ...section, jwks } }).tokens!;
    const verifier = createTokenVerifier(settings, () => NOW, 0);
    expect((await verifier.verify(await first())).kind).toBe('valid');
    state.keys.length = 0;
    const second = await addKey('two');
    expect((await verifier.verify(await second())).kind).toBe('valid');
    expect(state.asked).toBe(2);
  });

  it('that name unknown keys do not make the server ask again and again', async () => {
    const { state, addKey, section } = await issuerOf();
    const sign = await addKey('one');
    const { statusOf } = admissionOf({ jwt: section });
    await statusOf(bearer(await sign()));
    state.keys.length = 0;
    const stranger = await addKey('strange');
    for (let turn = 0; turn < 20; turn += 1) expect(await statusOf(bearer(await stranger()))).toBe(401);
    expect(state.asked).toBe(1);
  });

  it('get 503 and not 401 while the issuer cannot be asked', async () => {
    const { state, addKey, section } = await issuerOf();
    const sign = await addKey('one');
    state.status = 500;
    const decision = await admissionOf({ jwt: section }).admit(bearer(await sign()));
    expect(decision).toMatchObject({ reply: { status: 503, headers: { 'retry-after': '5' } } });
  });

  it('do not put what a subject contains into the log', async () => {
    const { addKey, section } = await issuerOf();
    const sign = await addKey('one');
    const { admit } = admissionOf({ jwt: section });
    expect(await admit(bearer(await sign({ sub: 'a\n{"level":"fake"}' })))).toEqual({
      kind: 'admitted',
      keyName: 'jwt',
    });
  });
});

describe('headers for browsers', () => {
  it('allow no other origin by default, no frame, no sniffing', () => {
    const headers = admissionOf(undefined).headers(callOf({ origin: 'https://app.test' }));
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(Object.keys(headers).filter(name => name.startsWith('access-control'))).toEqual([]);
  });

  it('allow the origins that are named, and tell caches that the answer depends on it', async () => {
    const { headers, admit } = admissionOf({ keys: [entry], cors: { origins: ['https://app.test'] } });
    expect(headers(callOf({ origin: 'https://app.test' }))).toMatchObject({
      'access-control-allow-origin': 'https://app.test',
      vary: 'origin',
    });
    const refused = headers(callOf({ origin: 'https://evil.test' }));
    expect(refused['access-control-allow-origin']).toBeUndefined();
    expect(refused['vary']).toBe('origin');
    const preflight = (origin: string) =>
      callOf({ origin, 'access-control-request-method': 'POST' }, { method: 'OPTIONS' });
    expect(await admit(preflight('https://app.test'), null)).toMatchObject({
      reply: { status: 204, headers: { 'access-control-allow-methods': 'GET, POST' } },
    });
    expect(await admit(preflight('https://evil.test'), null)).toMatchObject({ kind: 'admitted' });
  });
});

describe('the settings of access', () => {
  it.each([
    [[], 'access: it is no object'],
    [{ key: [] }, '"key" is not known'],
    [{ keys: [{ name: 'a b', sha256: entry.sha256 }] }, 'access.keys[0].name'],
    [{ keys: [entry, entry] }, 'there are two keys "ci"'],
    [{ keys: [entry, { ...entry, name: 'b' }] }, '"ci" has the same key'],
    [{ keys: [{ ...entry, rate: { perSecond: 0 } }] }, 'access.keys[0].rate.perSecond'],
    [{ keys: [{ ...entry, rate: { perSecond: 1, burst: 0.5 } }] }, 'access.keys[0].rate.burst'],
    [{ jwt: { issuer: 'i', audience: 'a', jwks: 'http://issuer.test/keys' } }, 'an https:// address'],
    [{ jwt: { issuer: 'i', audience: 'a', jwks: 'https://u:p@issuer.test' } }, 'without user and password'],
    [
      { jwt: { issuer: 'i', audience: 'a', jwks: 'https://issuer.test', algorithms: ['HS256'] } },
      '"HS256" is none of',
    ],
    [{ jwt: { issuer: '', audience: 'a', jwks: 'https://issuer.test' } }, 'access.jwt.issuer'],
    [{ cors: { origins: ['https://app.test/path'] } }, 'access.cors.origins[0]'],
    [{ cors: { origins: ['*', 'https://app.test'] } }, 'stands alone'],
  ])('refuse %j', (section, message) => {
    expect(() => parseAccessSettings(section)).toThrow(message);
  });

  it('do not show a key that was written where its hash belongs', () => {
    expect(() => parseAccessSettings({ keys: [{ name: 'ci', sha256: key }] })).toThrow('not the key itself');
    expect(() => parseAccessSettings({ keys: [{ name: 'ci', sha256: key }] })).not.toThrow(key);
  });
});
