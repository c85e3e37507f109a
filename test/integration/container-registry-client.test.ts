import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  blobOfBytes,
  encodeManifest,
  type ImageRepository,
} from '../../src/container/registry/image-repository.ts';
import { EMPTY_CONFIG, MEDIA_TYPES } from '../../src/container/registry/manifest.ts';
import { openRegistries, type RegistriesOptions } from '../../src/container/registry/registries.ts';
import {
  type RegistryFlavour,
  registryUser,
  startContainerRegistry,
} from '../support/container-registries.ts';
import { type Fault, type SeenRequest, startFaultProxy } from '../support/fault-proxy.ts';
import { bytesOf, sha256, temporaryFolder } from '../support/git-repositories.ts';
import { lacks } from '../support/requirements.ts';

const octets = 'application/octet-stream';
const layer = blobOfBytes(bytesOf('layer', 300_000), MEDIA_TYPES.layerGzip);
const config = blobOfBytes(
  Buffer.from('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'),
  MEDIA_TYPES.config,
);
const manifest = encodeManifest({
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.manifest,
  config: config.descriptor,
  layers: [layer.descriptor],
});

function registriesAt(host: string, more: Partial<RegistriesOptions> = {}) {
  return openRegistries({
    explicit: [{ registry: host, credentials: { kind: 'password', ...registryUser } }],
    environment: {},
    homeFolder: '/nonexistent',
    insecure: [host],
    certificates: [],
    toolVersion: '0.0.0',
    sleep: () => new Promise(resolve => setTimeout(resolve, 5)),
    now: Date.now,
    random: () => 0.5,
    ...more,
  });
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const digestOf = async (bytes: AsyncIterable<Uint8Array>): Promise<string> =>
  `sha256:${sha256(await collect(bytes))}`;

async function pushImage(repository: ImageRepository, tag: string): Promise<void> {
  await Promise.all([repository.pushBlob(layer), repository.pushBlob(config)]);
  await repository.writeManifest(manifest, tag);
}

describe.skipIf(lacks('docker-registry') || lacks('htpasswd'))('the registry client', () => {
  test.each<RegistryFlavour>(['plain', 'basic', 'tls', 'token', 'relative'])(
    'pushes to, mounts in and reads from a %s registry',
    async flavour => {
      await using folder = temporaryFolder();
      await using registry = await startContainerRegistry(folder.path, flavour);
      const { host, certificateFile } = registry;
      const trust =
        certificateFile === null
          ? {}
          : { insecure: [], certificates: [readFileSync(certificateFile, 'utf8')] };
      await using registries = registriesAt(host, trust);
      const one = registries.repository({ registry: host, repository: 'acme/one' });
      const sent: number[] = [];
      expect(await one.pushBlob(layer, { onProgress: bytes => sent.push(bytes) })).toBe('uploaded');
      expect(sent.at(-1)).toBe(layer.descriptor.size);
      expect(await one.pushBlob(layer)).toBe('exists');
      await pushImage(one, '1.0.0');
      expect(await one.resolve('1.0.0')).toEqual(manifest.descriptor);
      expect(await one.resolve('2.0.0')).toBeNull();
      expect((await one.readManifest('1.0.0'))?.bytes).toEqual(manifest.bytes);
      const other = registries.repository({ registry: host, repository: 'acme/other' });
      expect(await other.hasBlob(layer.descriptor.digest)).toBe(false);
      expect(await other.pushBlob(layer, { mountFrom: 'acme/one' })).toBe('mounted');
      const all = bytesOf('layer', 300_000);
      expect(await digestOf(other.readBlob(layer.descriptor))).toBe(layer.descriptor.digest);
      expect(await collect(other.readBlobRange(layer.descriptor, { start: 1000, end: 1010 }))).toEqual(
        all.subarray(1000, 1010),
      );
    },
  );

  test('lists referrers under a tag where the registry has no API for them', async () => {
    await using folder = temporaryFolder();
    await using registry = await startContainerRegistry(folder.path);
    await using registries = registriesAt(registry.host);
    const repository = registries.repository({ registry: registry.host, repository: 'acme/one' });
    await pushImage(repository, '1.0.0');
    await repository.pushBlob(blobOfBytes(Buffer.from('{}'), MEDIA_TYPES.empty));
    const attach = (artifactType: string) =>
      repository.attach({
        schemaVersion: 2,
        artifactType,
        config: EMPTY_CONFIG,
        layers: [EMPTY_CONFIG],
        subject: manifest.descriptor,
        annotations: { 'org.example.kind': artifactType },
      });
    const [first] = [
      await attach('application/vnd.example.one'),
      await attach('application/vnd.example.two'),
    ];
    await attach('application/vnd.example.two');
    const { digest } = manifest.descriptor;
    expect((await repository.listReferrers(digest)).map(({ artifactType }) => artifactType)).toEqual([
      'application/vnd.example.one',
      'application/vnd.example.two',
    ]);
    expect(await repository.listReferrers(digest, 'application/vnd.example.one')).toEqual([first]);
    expect(first?.annotations).toEqual({ 'org.example.kind': 'application/vnd.example.one' });
  });

  test('says what is wrong with a certificate, plain HTTP and a password, and never says the password', async () => {
    await using folder = temporaryFolder();
    await using secure = await startContainerRegistry(folder.path, 'tls');
    await using plain = await startContainerRegistry(folder.path, 'basic');
    const failure = async (host: string, more: Partial<RegistriesOptions>): Promise<Error> => {
      await using registries = registriesAt(host, more);
      const repository = registries.repository({ registry: host, repository: 'acme/one' });
      return await repository.pushBlob(layer).then(
        () => new Error('pushed'),
        (error: Error) => error,
      );
    };
    expect(await failure(secure.host, { insecure: [] })).toMatchObject({
      code: 'CONTAINER_REGISTRY_UNREACHABLE',
      hint: expect.stringContaining('--registry-ca'),
    });
    // --insecure takes any certificate of that host.
    expect((await failure(secure.host, { insecure: [secure.host] })).message).toBe('pushed');
    expect(await failure(plain.host, { insecure: [] })).toMatchObject({
      code: 'CONTAINER_REGISTRY_UNREACHABLE',
      hint: expect.stringContaining(`--insecure ${plain.host}`),
    });
    const wrong = await failure(plain.host, {
      explicit: [
        { registry: plain.host, credentials: { kind: 'password', username: 'ci', password: 'wrong-pass-1' } },
      ],
    });
    expect(wrong).toMatchObject({ code: 'CONTAINER_REGISTRY_REFUSED' });
    expect(`${wrong.stack}${JSON.stringify(wrong)}`).not.toContain('wrong-pass-1');
    expect(await failure(plain.host, { explicit: [] })).toMatchObject({
      code: 'CONTAINER_REGISTRY_REFUSED',
      hint: expect.stringContaining('Log in first'),
    });
  });

  test('takes credentials from REGISTRY_AUTH_FILE, docker and its helpers, identity tokens by OAuth', async () => {
    await using folder = temporaryFolder();
    await using registry = await startContainerRegistry(folder.path, 'token');
    const { host } = registry;
    const auth = Buffer.from(`${registryUser.username}:${registryUser.password}`).toString('base64');
    const bin = join(folder.path, 'bin');
    mkdirSync(bin);
    writeFileSync(
      join(bin, 'docker-credential-test'),
      `#!/bin/sh\nread -r server\n[ "$server" = "${host}" ] && echo '{"Username":"ci","Secret":"${registryUser.password}"}' || { echo 'credentials not found in native keychain'; exit 1; }\n`,
      { mode: 0o755 },
    );
    const files = {
      auths: { auths: { [host]: { auth } } },
      path: { auths: { [host]: { auth: 'bm90OnRoaXM=' }, [`${host}/acme`]: { auth } } },
      identity: { auths: { [host]: { identitytoken: 'refresh-token-of-ci' } } },
      helper: { credHelpers: { [host]: 'test' } },
      store: { credsStore: 'test', auths: { [host]: {} } },
    };
    for (const [name, content] of Object.entries(files)) {
      const home = join(folder.path, name);
      mkdirSync(home);
      const file = join(home, 'config.json');
      writeFileSync(file, JSON.stringify(content));
      for (const environment of [{ REGISTRY_AUTH_FILE: file }, { DOCKER_CONFIG: home }]) {
        const env = { ...environment, PATH: `${bin}:${process.env['PATH']}` };
        await using registries = registriesAt(host, { explicit: [], environment: env });
        const repository = registries.repository({ registry: host, repository: `acme/${name}` });
        expect(await repository.pushBlob(config), name).toMatch(/^(uploaded|exists)$/);
      }
    }
    await using other = registriesAt(host, {
      explicit: [],
      environment: { REGISTRY_AUTH_FILE: join(folder.path, 'missing.json') },
    });
    await expect(
      other.repository({ registry: host, repository: 'acme/one' }).pushBlob(config),
    ).rejects.toMatchObject({ code: 'REGISTRY_CREDENTIALS_UNREADABLE' });
  });
});

/** Pushes an image through a proxy that hurts some requests, and reads it back past the proxy. */
async function pushThrough(faultOf: (seen: SeenRequest) => Fault | null, flavour: RegistryFlavour = 'plain') {
  await using folder = temporaryFolder();
  await using registry = await startContainerRegistry(folder.path, flavour);
  await using proxy = await startFaultProxy(registry.host, faultOf);
  const waits: number[] = [];
  await using registries = registriesAt(proxy.host, {
    sleep: async ms => {
      waits.push(ms);
    },
  });
  const repository = registries.repository({ registry: proxy.host, repository: 'acme/one' });
  const error = await pushImage(repository, '1.0.0').then(
    () => null,
    (thrown: Error) => thrown,
  );
  await using direct = registriesAt(registry.host);
  const behind = direct.repository({ registry: registry.host, repository: 'acme/one' });
  const tagged = await behind.resolve('1.0.0');
  const bytes = tagged === null ? null : await digestOf(behind.readBlob(layer.descriptor));
  return { error, tagged, bytes, waits, requests: proxy.requests };
}

const once = (matches: (seen: SeenRequest) => boolean, fault: Fault) => {
  let used = false;
  return (seen: SeenRequest): Fault | null => {
    if (used || !matches(seen)) return null;
    used = true;
    return fault;
  };
};
const isUpload = ({ method, sizeBytes }: SeenRequest): boolean => method === 'PUT' && sizeBytes > 200_000;

describe.skipIf(lacks('docker-registry') || lacks('htpasswd'))('the registry client, hurt on its way', () => {
  test.each<readonly [string, Fault]>([
    ['429 with a wait', { kind: 'answer', status: 429, headers: { 'retry-after': '7' } }],
    ['502', { kind: 'answer', status: 502, body: '<html>bad gateway</html>' }],
    ['a cut in mid-upload', { kind: 'cut-request', afterBytes: 100_000 }],
    ['a lost answer', { kind: 'lose-answer' }],
    ['damaged bytes', { kind: 'change', body: bytes => Buffer.alloc(bytes.length) }],
  ])('ends whole after %s', async (name, fault) => {
    const { error, tagged, bytes, waits } = await pushThrough(once(isUpload, fault));
    expect(error).toBeNull();
    expect(tagged).toEqual(manifest.descriptor);
    expect(bytes).toBe(layer.descriptor.digest);
    if (name.startsWith('429')) expect(waits).toContain(7000);
  });

  test('any request may be lost once', async () => {
    const clean = await pushThrough(() => null);
    for (let index = 0; index < clean.requests.length; index++) {
      for (const fault of [{ kind: 'lose-answer' }, { kind: 'answer', status: 503 }] as const) {
        const { error, tagged } = await pushThrough(seen => (seen.index === index ? fault : null));
        expect(error).toBeNull();
        expect(tagged).toEqual(manifest.descriptor);
      }
    }
  });

  test('falls back to ever smaller chunks where whole uploads and large chunks are refused', async () => {
    const { error, bytes, requests } = await pushThrough(({ sizeBytes, method }) =>
      sizeBytes > 140_000 && method !== 'GET' ? { kind: 'answer', status: 413 } : null,
    );
    expect(error).toBeNull();
    expect(bytes).toBe(layer.descriptor.digest);
    expect(requests.filter(({ method }) => method === 'PATCH').length).toBeGreaterThan(2);
  });

  test('begins anew when a chunk is cut', async () => {
    let patches = 0;
    const { error, bytes } = await pushThrough(({ sizeBytes, method }) => {
      if (method !== 'GET' && sizeBytes > 140_000) return { kind: 'answer', status: 413 };
      return method === 'PATCH' && ++patches === 2 ? { kind: 'cut-request', afterBytes: 1000 } : null;
    });
    expect(error).toBeNull();
    expect(bytes).toBe(layer.descriptor.digest);
    expect(patches).toBeGreaterThan(4);
  });

  test('says it where even small chunks are refused', async () => {
    const { error, tagged } = await pushThrough(({ sizeBytes, method }) =>
      sizeBytes > 10_000 && method !== 'GET' ? { kind: 'answer', status: 413 } : null,
    );
    expect(error).toMatchObject({
      code: 'CONTAINER_REGISTRY_FAILED',
      message: expect.stringContaining('64 KiB'),
    });
    expect(tagged).toBeNull();
  });

  test('gives up with the registry’s words, and leaves no tag', async () => {
    const { error, tagged, waits } = await pushThrough(seen =>
      seen.sizeBytes > 10_000 && seen.method !== 'GET'
        ? {
            kind: 'answer',
            status: 503,
            body: JSON.stringify({ errors: [{ code: 'UNAVAILABLE', message: 'disk is\u001b[31m full' }] }),
          }
        : null,
    );
    expect(error).toMatchObject({
      code: 'CONTAINER_REGISTRY_FAILED',
      message: expect.stringContaining('UNAVAILABLE: disk is\\u001b[31m full'),
    });
    expect(waits).toHaveLength(5);
    expect(tagged).toBeNull();
  });

  test('notices a manifest that is stored under another digest', async () => {
    const { error } = await pushThrough(({ method, path }) =>
      method === 'PUT' && path.includes('/manifests/')
        ? { kind: 'change', answerHeaders: { 'docker-content-digest': `sha256:${'0'.repeat(64)}` } }
        : null,
    );
    expect(error).toMatchObject({ code: 'IMAGE_DIGEST_MISMATCH' });
  });

  test('does not send its password along a redirect to another origin', async () => {
    await using stranger = await startFaultProxy('127.0.0.1:1', () => ({ kind: 'answer', status: 404 }));
    await using folder = temporaryFolder();
    await using registry = await startContainerRegistry(folder.path, 'basic');
    await using proxy = await startFaultProxy(registry.host, ({ method, path }) =>
      method === 'GET' && path.includes('/blobs/')
        ? { kind: 'answer', status: 307, headers: { location: `http://${stranger.host}/elsewhere` } }
        : null,
    );
    await using registries = registriesAt(proxy.host);
    const repository = registries.repository({ registry: proxy.host, repository: 'acme/one' });
    await pushImage(repository, '1.0.0');
    await expect(collect(repository.readBlob(layer.descriptor))).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
    });
    expect(stranger.requests).toHaveLength(1);
    expect(stranger.requests[0]?.headers.authorization).toBeUndefined();
  });

  test('gets a new token where one has expired in the middle of a push', async () => {
    await using folder = temporaryFolder();
    let realm = '';
    await using registry = await startContainerRegistry(folder.path, 'token', {
      realm: tokenServer => {
        realm = tokenServer;
        return tokenServer;
      },
    });
    const expired = once(isUpload, {
      kind: 'answer',
      status: 401,
      get headers() {
        return {
          'www-authenticate': `Bearer realm="${realm}",service="test-registry",scope="repository:acme/one:pull,push",error="invalid_token"`,
        };
      },
    });
    await using proxy = await startFaultProxy(registry.host, expired);
    await using registries = registriesAt(proxy.host);
    const repository = registries.repository({ registry: proxy.host, repository: 'acme/one' });
    await pushImage(repository, '1.0.0');
    const tokens = new Set(proxy.requests.filter(isUpload).map(({ headers }) => headers.authorization));
    expect(tokens.size).toBe(2);
  });

  test('ends with a precise error where no token is ever good', async () => {
    await using folder = temporaryFolder();
    await using registry = await startContainerRegistry(folder.path, 'token', {
      lifetimeS: -3600,
      claimedLifetimeS: 300,
    });
    await using registries = registriesAt(registry.host);
    const repository = registries.repository({ registry: registry.host, repository: 'acme/one' });
    await expect(repository.pushBlob(config)).rejects.toMatchObject({ code: 'CONTAINER_REGISTRY_REFUSED' });
  });

  test.each([403, 404, 405, 500])('uploads what it may not mount (%i)', async status => {
    await using folder = temporaryFolder();
    await using registry = await startContainerRegistry(folder.path);
    await using proxy = await startFaultProxy(registry.host, ({ path }) =>
      path.includes('mount=') ? { kind: 'answer', status } : null,
    );
    await using registries = registriesAt(proxy.host);
    const from = registries.repository({ registry: proxy.host, repository: 'acme/from' });
    await from.pushBlob(layer);
    const repository = registries.repository({ registry: proxy.host, repository: 'acme/one' });
    expect(await repository.pushBlob(layer, { mountFrom: 'acme/from' })).toBe('uploaded');
  });

  test('sends bytes where the registry says, and its password nowhere else', async () => {
    await using folder = temporaryFolder();
    await using registry = await startContainerRegistry(folder.path, 'basic');
    await using storage = await startFaultProxy(registry.host, () => null);
    await using proxy = await startFaultProxy(registry.host, ({ method, path }) =>
      method === 'POST' && path.endsWith('/blobs/uploads/')
        ? {
            kind: 'answer',
            status: 202,
            headers: { location: `http://${storage.host}/elsewhere?state=a%2Bb&signature=secret-signature` },
          }
        : null,
    );
    await using registries = registriesAt(proxy.host);
    const repository = registries.repository({ registry: proxy.host, repository: 'acme/one' });
    const error = await repository.pushBlob(layer).catch((thrown: Error) => thrown);
    expect(storage.requests[0]).toMatchObject({ method: 'PUT', sizeBytes: layer.descriptor.size });
    // The state of the upload is handed back as it came.
    expect(storage.requests[0]?.path).toContain('?state=a%2Bb&signature=secret-signature&digest=sha256%3A');
    for (const { headers } of storage.requests) expect(headers.authorization).toBeUndefined();
    expect(error).toBeInstanceOf(Error);
    expect(`${error}${JSON.stringify(error)}`).not.toContain('secret-signature');
  });

  test('reads on after cuts, and notices bytes that are not those of the digest', async () => {
    await using folder = temporaryFolder();
    await using registry = await startContainerRegistry(folder.path);
    let cuts = 0;
    let damaged = false;
    await using proxy = await startFaultProxy(registry.host, ({ method, path }) => {
      if (method !== 'GET' || !path.includes('/blobs/')) return null;
      if (damaged) return { kind: 'change', answerBody: bytes => Buffer.alloc(bytes.length) };
      return ++cuts < 3 ? { kind: 'cut-answer', afterBytes: 70_000 } : null;
    });
    await using registries = registriesAt(proxy.host);
    const repository = registries.repository({ registry: proxy.host, repository: 'acme/one' });
    await pushImage(repository, '1.0.0');
    expect(await digestOf(repository.readBlob(layer.descriptor))).toBe(layer.descriptor.digest);
    damaged = true;
    await expect(collect(repository.readBlob(layer.descriptor))).rejects.toMatchObject({
      code: 'IMAGE_DIGEST_MISMATCH',
    });
  });

  test('a blob of which only octets are known can be pushed too', async () => {
    await using folder = temporaryFolder();
    await using registry = await startContainerRegistry(folder.path);
    await using registries = registriesAt(registry.host);
    const repository = registries.repository({ registry: registry.host, repository: 'acme/one' });
    expect(await repository.pushBlob(blobOfBytes(Buffer.alloc(0), octets))).toBe('uploaded');
  });
});
