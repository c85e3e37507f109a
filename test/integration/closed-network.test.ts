import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { identityToken } from '../../src/container/proof/identity-token.ts';
import { openRegistries } from '../../src/container/registry/registries.ts';
import { noCredentials } from '../../src/git/credentials.ts';
import { runGit } from '../../src/git/git-process.ts';
import { downloadLfsObject } from '../../src/git/lfs-client.ts';
import { networkSettings } from '../../src/network/settings.ts';
import { createGitHubClient } from '../../src/platforms/github/client.ts';
import { createGitLabClient } from '../../src/platforms/gitlab/client.ts';
import { installRuntime } from '../../src/runtime/installer.ts';
import { createSpanExporter } from '../../src/serving/watching/span-exporter.ts';
import { spansOf } from '../../src/serving/watching/spans.ts';
import { alertIssueKind, type Kind, type Scheme, webhookKind } from '../support/alert-connections.ts';
import { addressOf, type ClosedNetwork, startClosedNetwork } from '../support/closed-network.ts';
import { startGitHttpServer } from '../support/git-http-server.ts';
import {
  createBare,
  type TemporaryFolder,
  temporaryFolder,
  testEnvironment,
} from '../support/git-repositories.ts';
import { GitHubServer, TEST_TOKEN } from '../support/github-server.ts';
import { GITLAB_PROJECT, GITLAB_TOKEN, GitLabServer } from '../support/gitlab-server.ts';
import { startLfsServer } from '../support/lfs-server.ts';
import { startRegistry } from '../support/npm-registry.ts';
import { projectRoot } from '../support/requirements.ts';
import { servedOf } from '../support/serving-doubles.ts';
import { startSigstore } from '../support/sigstore.ts';

const sleep = async (): Promise<void> => undefined;
const folder: TemporaryFolder = temporaryFolder();

async function jsonServer(answer: unknown, seen: string[] = []) {
  const server = createServer((request, response) => {
    seen.push(request.url ?? '');
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    seen,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

/** What a package of another version than the pinned one has to have. */
async function tarballOf(name: string): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: 'package/package.json' }, JSON.stringify({ name, version: '9.9.9' }));
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}

async function npmKind(): Promise<Kind> {
  const tarballs = new Map<string, Buffer>();
  for (const name of ['onnxruntime-node', 'onnxruntime-common']) tarballs.set(name, await tarballOf(name));
  let scheme: Scheme = 'https';
  let runs = 0;
  const registry = await startRegistry((path, response) => {
    const bytes = tarballs.get(path.split('/')[1] ?? '');
    if (bytes === undefined) response.writeHead(404).end();
    else if (path.endsWith('.tgz')) response.writeHead(200).end(bytes);
    else {
      const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
      const tarball = `${addressOf('npm', scheme)}${path}.tgz`;
      response.writeHead(200).end(JSON.stringify({ dist: { tarball, integrity } }));
    }
  });
  return {
    server: registry.url,
    async use(wanted, environment) {
      scheme = wanted;
      runs += 1;
      return installRuntime({
        runtimePath: null,
        version: '9.9.9',
        searchFolders: [],
        cacheFolder: join(folder.path, `cache-${runs}`),
        environment: { ...environment, npm_config_registry: addressOf('npm', wanted) },
        cwd: folder.path,
        home: folder.path,
        platform: 'linux',
        arch: 'x64',
      });
    },
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  };
}

async function gitHubKind(): Promise<Kind> {
  const server = await GitHubServer.start();
  return {
    server: server.apiUrl,
    async use(scheme, environment) {
      const client = await createGitHubClient({
        token: TEST_TOKEN,
        apiUrl: addressOf('github', scheme),
        owner: 'acme',
        repo: 'models',
        userAgent: 'quickserveml-test',
        environment,
        sleep,
      });
      const answer = await client.request('GET /repos/{owner}/{repo}/issues/{issue_number}/comments', {
        issue_number: 1,
      });
      if (answer.kind !== 'ok') throw new Error(JSON.stringify(answer));
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function gitLabKind(): Promise<Kind> {
  const server = await GitLabServer.start();
  return {
    server: server.apiUrl,
    async use(scheme, environment) {
      const client = createGitLabClient({
        token: { kind: 'access-token', value: GITLAB_TOKEN },
        apiUrl: `${addressOf('gitlab', scheme)}/api/v4`,
        project: GITLAB_PROJECT,
        userAgent: 'quickserveml-test',
        environment,
        sleep,
      });
      const answer = await client.request('GET /user');
      if (answer.kind !== 'ok') throw new Error(JSON.stringify(answer));
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function containerKind(): Promise<Kind> {
  const manifest = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] };
  const server = await jsonServer(manifest);
  return {
    server: server.url,
    async use(scheme, environment) {
      // What may be plain is tried with TLS first.
      await network.name('images', server.url, [scheme]);
      const registry = 'images.closed.example';
      await using registries = openRegistries({
        explicit: [],
        environment,
        homeFolder: folder.path,
        insecure: scheme === 'http' ? [registry] : [],
        certificates: [],
        toolVersion: '0',
        sleep,
        now: Date.now,
        random: Math.random,
      });
      const repository = registries.repository({ registry, repository: 'team/model' });
      if ((await repository.readManifest('latest')) === null) throw new Error('no manifest');
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function lfsKind(): Promise<Kind> {
  const bytes = Buffer.from('the weights');
  const oid = createHash('sha256').update(bytes).digest('hex');
  const servers = {
    http: await startLfsServer({ storageUrl: addressOf('lfs', 'http') }),
    https: await startLfsServer({ storageUrl: addressOf('lfs', 'https') }),
  };
  servers.http.objects.set(oid, bytes);
  servers.https.objects.set(oid, bytes);
  return {
    server: servers.https.url,
    async use(scheme, environment) {
      await network.name('lfs', servers[scheme].url);
      const chunks: Buffer[] = [];
      await downloadLfsObject(
        {
          url: `${addressOf('lfs', scheme)}/team/models.git/info/lfs`,
          credentials: noCredentials,
          environment: testEnvironment(folder.path, environment),
          root: folder.path,
          sleep,
        },
        { oid, sizeBytes: bytes.length },
        async open => {
          for await (const chunk of (await open(0)).bytes) chunks.push(Buffer.from(chunk));
        },
      );
      expect(Buffer.concat(chunks)).toEqual(bytes);
    },
    async [Symbol.asyncDispose]() {
      await servers.http[Symbol.asyncDispose]();
      await servers.https[Symbol.asyncDispose]();
    },
  };
}

async function gitKind(): Promise<Kind> {
  createBare(folder.path, 'models');
  const server = await startGitHttpServer(folder.path);
  return {
    server: server.url,
    use: (scheme, environment) =>
      runGit({
        args: ['ls-remote', `${addressOf('git', scheme)}/models.git`],
        cwd: folder.path,
        environment: testEnvironment(folder.path, environment),
      }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function spanKind(): Promise<Kind> {
  const server = await jsonServer({});
  return {
    server: server.url,
    async use(scheme, environment) {
      const exporter = createSpanExporter(
        {
          url: `${addressOf('traces', scheme)}/v1/traces`,
          headers: {},
          serviceName: 's',
          serviceVersion: '1',
        },
        networkSettings(environment),
        { intervalMs: 60_000, timeoutMs: 30_000, retries: 0, backoffMs: 1 },
      );
      const trace = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), sampled: true };
      const spans = spansOf(servedOf({ trace: { ...trace, parentSpanId: null, state: null } }), 1000, [
        '3'.repeat(16),
        '4'.repeat(16),
      ]);
      exporter.add(spans);
      await exporter.close();
      if (exporter.counts().exported === 0) throw new Error('dropped');
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function identityKind(): Promise<Kind> {
  const server = await jsonServer({ value: 'the-token' });
  return {
    server: server.url,
    async use(scheme, environment) {
      const source = { kind: 'github', url: `${addressOf('identity', scheme)}/token`, secret: 's' } as const;
      expect(await identityToken(source, environment)).toBe('the-token');
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function sigstoreKind(): Promise<Kind> {
  const server = await startSigstore(folder.path);
  return {
    server: server.url,
    async use(scheme, environment) {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [
          join(projectRoot, 'test/support/sign-process.ts'),
          addressOf('sigstore', scheme),
          addressOf('sigstore', scheme),
          server.token('ci@closed.example'),
        ],
        { env: { PATH: process.env['PATH'], ...environment } },
      );
      expect(JSON.parse(stdout)).toHaveProperty('dsseEnvelope');
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const KINDS: Readonly<Record<string, () => Promise<Kind>>> = {
  npm: npmKind,
  github: gitHubKind,
  gitlab: gitLabKind,
  webhook: webhookKind,
  issue: alertIssueKind,
  images: containerKind,
  lfs: lfsKind,
  git: gitKind,
  traces: spanKind,
  identity: identityKind,
  sigstore: sigstoreKind,
};

let network: ClosedNetwork;

beforeAll(async () => {
  network = await startClosedNetwork(folder.path);
});
afterAll(async () => {
  await network[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

describe.each(Object.keys(KINDS))('behind a proxy, with a private authority: %s', name => {
  let kind: Kind;
  beforeAll(async () => {
    kind = await KINDS[name]!();
    await network.name(name, kind.server);
  });
  afterAll(() => kind[Symbol.asyncDispose]());

  const asked = (since: number): readonly string[] =>
    network.requests.slice(since).filter(request => request.includes(`${name}.closed.example`));

  it('asks the proxy for a tunnel, and trusts the authority of NODE_EXTRA_CA_CERTS', async () => {
    const before = network.requests.length;
    await kind.use('https', network.environment);
    expect(asked(before)).toContain(`CONNECT ${name}.closed.example:443`);
    expect(asked(before).filter(request => !request.startsWith('CONNECT'))).toEqual([]);
  });

  it('refuses the certificate without it', async () => {
    const { NODE_EXTRA_CA_CERTS: _, ...without } = network.environment;
    const before = network.requests.length;
    await expect(kind.use('https', without)).rejects.toThrow();
    expect(asked(before)).toContain(`CONNECT ${name}.closed.example:443`);
  });

  it('hands plain HTTP to the proxy, unless NO_PROXY names the host', async () => {
    const before = network.requests.length;
    await kind.use('http', network.environment);
    expect(asked(before).some(request => request.includes(` http://${name}.closed.example`))).toBe(true);

    const after = network.requests.length;
    await expect(kind.use('http', { ...network.environment, NO_PROXY: '.closed.example' })).rejects.toThrow();
    expect(asked(after)).toEqual([]);
  });
});
