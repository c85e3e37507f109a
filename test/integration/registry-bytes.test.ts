import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtCli } from '../../bench/process-sample.ts';
import { blobOfBytes, encodeManifest } from '../../src/container/registry/image-repository.ts';
import { EMPTY_CONFIG } from '../../src/container/registry/manifest.ts';
import { openRegistries } from '../../src/container/registry/registries.ts';
import { startContainerRegistry } from '../support/container-registries.ts';
import {
  commitFiles,
  createBare,
  createClone,
  git,
  sha256,
  temporaryFolder,
} from '../support/git-repositories.ts';
import { startLfsServer } from '../support/lfs-server.ts';
import { lacks } from '../support/requirements.ts';

/** Bytes of versions that are elsewhere than on the branch, from the command line. */

const cli = builtCli();
const models = resolve(import.meta.dirname, '../../fixtures/models');
const digits = readFileSync(join(models, 'digits/model.onnx'));

async function run(cwd: string, home: string, ...args: string[]) {
  return new Promise<{ exitCode: number | null; document: Record<string, unknown> }>(done => {
    const child = spawn(process.execPath, [cli, 'registry', ...args, '--json'], {
      cwd,
      env: { PATH: process.env['PATH'], HOME: home, TMPDIR: home, GIT_CONFIG_NOSYSTEM: '1' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let stdout = '';
    child.stdout.on('data', chunk => {
      stdout += chunk;
    });
    child.on('close', exitCode => done({ exitCode, document: JSON.parse(stdout) }));
  });
}

async function repositoryIn(folder: string): Promise<{ work: string; bare: string; home: string }> {
  const bare = createBare(folder);
  const work = createClone(folder, 'work', `file://${bare}`);
  git(work, 'config', 'user.name', 'Ada');
  git(work, 'config', 'user.email', 'ada@example.com');
  const home = join(folder, 'home');
  mkdirSync(home);
  writeFileSync(join(work, 'quickserveml.yml'), 'version: 1\nregistry:\n  blob-limit: 1KB\n');
  await run(work, home, 'init');
  return { work, bare, home };
}

describe.skipIf(lacks('docker-registry'))('an OCI artifact', () => {
  /** Pushes files as `oras push` does: one layer each, titled. */
  async function pushArtifact(
    host: string,
    tag: string,
    files: Readonly<Record<string, Buffer>>,
  ): Promise<void> {
    await using registries = openRegistries({
      explicit: [],
      environment: {},
      homeFolder: '/nowhere',
      insecure: [host],
      certificates: [],
      toolVersion: '0.0.0',
      sleep: async () => undefined,
      now: Date.now,
      random: Math.random,
    });
    const repository = registries.repository({ registry: host, repository: 'acme/digits' });
    const layers = [];
    for (const [title, bytes] of Object.entries(files)) {
      const blob = blobOfBytes(bytes, 'application/octet-stream');
      await repository.pushBlob(blob);
      layers.push({ ...blob.descriptor, annotations: { 'org.opencontainers.image.title': title } });
    }
    await repository.pushBlob(blobOfBytes(Buffer.from('{}'), EMPTY_CONFIG.mediaType));
    await repository.writeManifest(
      encodeManifest({
        schemaVersion: 2,
        artifactType: 'application/vnd.acme.model',
        config: EMPTY_CONFIG,
        layers,
      }),
      tag,
    );
  }

  /** In front of the registry: cuts the first answers to a large blob, and logs where the others begin. */
  async function startCuttingProxy(
    host: string,
    cuts: number,
  ): Promise<{ server: Server; host: string; starts: string[] }> {
    const starts: string[] = [];
    let left = cuts;
    const server = createServer(async (request, response) => {
      const answer = await fetch(`http://${host}${request.url}`, {
        method: request.method ?? 'GET',
        headers: Object.fromEntries(
          Object.entries(request.headers).flatMap(([name, value]) =>
            typeof value === 'string' && !['host', 'connection'].includes(name) ? [[name, value]] : [],
          ),
        ),
      });
      const body = Buffer.from(await answer.arrayBuffer());
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      const isLarge =
        request.method === 'GET' && (request.url ?? '').includes('/blobs/') && body.length > 10_000;
      if (isLarge) starts.push(request.headers.range ?? 'all');
      if (isLarge && left > 0) {
        left -= 1;
        response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.destroy());
        return;
      }
      response.end(body);
    });
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
    return { server, host: `127.0.0.1:${(server.address() as AddressInfo).port}`, starts };
  }

  test('holds the bytes: add pins its digest, get and export fetch them, whatever the tag is moved to', {
    timeout: 120_000,
  }, async () => {
    await using folder = temporaryFolder();
    await using registry = await startContainerRegistry(folder.path);
    const { work, home } = await repositoryIn(folder.path);
    await pushArtifact(registry.host, '1', { 'model.onnx': digits });
    writeFileSync(join(work, 'model.onnx'), digits);
    const insecure = ['--insecure', registry.host];
    const reference = `${registry.host}/acme/digits:1`;
    const added = await run(work, home, 'add', 'digits', 'model.onnx', '--oci', reference, ...insecure);
    expect(added).toMatchObject({ exitCode: 0, document: { version: '1.0.0', new: true } });
    const { document } = await run(work, home, 'get', 'digits');
    expect(document['bytes']).toMatchObject({
      kind: 'oci',
      reference: expect.stringMatching(/acme\/digits:1@sha256:[0-9a-f]{64}$/),
    });
    await pushArtifact(registry.host, '1', { 'model.onnx': Buffer.from('something else') });
    const exported = await run(work, home, 'export', 'digits', '-o', 'out.onnx', ...insecure);
    expect(exported).toMatchObject({ exitCode: 0 });
    expect(sha256(readFileSync(join(work, 'out.onnx')))).toBe(sha256(digits));
    // Bytes that are no layer are refused before anything is recorded.
    const wrong = await run(work, home, 'add', 'other', 'model.onnx', '--oci', reference, ...insecure);
    expect(wrong).toMatchObject({ exitCode: 2, document: { error: { code: 'IMAGE_UNUSABLE' } } });
    expect((await run(work, home, 'list')).document['models']).toHaveLength(1);
    // Gone from the registry: said, and nothing is left behind.
    const [data] = readdirSync(folder.path).filter(name => name.startsWith('registry-plain'));
    rmSync(join(folder.path, data!, 'data'), { recursive: true });
    const gone = await run(work, home, 'export', 'digits', '-o', 'gone.onnx', ...insecure);
    expect(gone).toMatchObject({ exitCode: 2, document: { error: { code: 'IMAGE_NOT_FOUND' } } });
    expect(readdirSync(work).filter(name => name.startsWith('gone'))).toEqual([]);
  });

  test('comes whole over a connection that is cut, from the byte where it was cut', {
    timeout: 120_000,
  }, async () => {
    await using folder = temporaryFolder();
    await using registry = await startContainerRegistry(folder.path);
    const { work, home } = await repositoryIn(folder.path);
    await pushArtifact(registry.host, '1', { 'model.onnx': digits });
    writeFileSync(join(work, 'model.onnx'), digits);
    const proxy = await startCuttingProxy(registry.host, 2);
    try {
      const insecure = ['--insecure', proxy.host];
      const reference = `${proxy.host}/acme/digits:1`;
      await run(work, home, 'add', 'digits', 'model.onnx', '--oci', reference, ...insecure);
      const got = await run(work, home, 'get', 'digits', '-o', 'out', ...insecure);
      expect(got).toMatchObject({ exitCode: 0 });
      expect(sha256(readFileSync(join(work, 'out/model.onnx')))).toBe(sha256(digits));
      expect(readdirSync(join(work, 'out'))).toEqual(['model.onnx']);
      expect(proxy.starts).toHaveLength(3);
      expect(proxy.starts.slice(1).every(range => /^bytes=[1-9]/.test(range))).toBe(true);
      // What a run that was killed left beside the file, and what is no part of it.
      const leftover = `out.onnx.${spawnSync('true').pid}-1.part`;
      for (const [left, starts] of [
        [digits.subarray(0, 70_000), ['bytes=70000-']],
        [Buffer.alloc(70_000), ['bytes=70000-', 'all']],
      ] as const) {
        proxy.starts.length = 0;
        rmSync(join(work, 'out.onnx'), { force: true });
        writeFileSync(join(work, leftover), left);
        utimesSync(join(work, leftover), 1, 1);
        const exported = await run(work, home, 'export', 'digits', '-o', 'out.onnx', ...insecure);
        expect(exported).toMatchObject({ exitCode: 0 });
        expect(sha256(readFileSync(join(work, 'out.onnx')))).toBe(sha256(digits));
        expect(proxy.starts.map(range => range.replace(/-\d+$/, '-'))).toEqual(starts);
        expect(readdirSync(work).filter(name => name.includes('.part'))).toEqual([]);
      }
    } finally {
      proxy.server.closeAllConnections();
      proxy.server.close();
    }
  });
});

describe('a Git LFS object', () => {
  test('is what the record of a large committed model points to, and is had when its commit is gone', {
    timeout: 120_000,
  }, async () => {
    await using folder = temporaryFolder();
    await using server = await startLfsServer();
    const { work, home } = await repositoryIn(folder.path);
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(digits)}\nsize ${digits.length}\n`;
    const commit = commitFiles(work, {
      'model.onnx': pointer,
      '.lfsconfig': `[lfs]\n\turl = ${server.url}/info/lfs\n`,
    });
    // As git-lfs leaves a checkout: the object in place of its pointer, and git told that it is the same.
    writeFileSync(join(work, 'model.onnx'), digits);
    git(work, 'update-index', '--assume-unchanged', 'model.onnx');
    const added = await run(work, home, 'add', 'digits', 'model.onnx');
    expect(added).toMatchObject({ exitCode: 0, document: { new: true } });
    const { document } = await run(work, home, 'get', 'digits', '-o', 'dry', '--dry-run');
    expect(document['written']).toBeNull();
    expect(existsSync(join(work, 'dry'))).toBe(false);
    expect(document['bytes']).toEqual({
      kind: 'lfs',
      repository: null,
      commit,
      path: 'model.onnx',
      oid: sha256(digits),
    });
    // Never pushed, and no commit of this clone any more.
    git(work, 'update-ref', '-d', 'refs/heads/main');
    git(work, 'reflog', 'expire', '--expire=now', '--all');
    git(work, 'gc', '--quiet', '--prune=now');
    server.objects.set(sha256(digits), digits);
    const got = await run(work, home, 'export', 'digits', '-o', 'out.onnx');
    expect(got).toMatchObject({ exitCode: 0 });
    expect(sha256(readFileSync(join(work, 'out.onnx')))).toBe(sha256(digits));
    // Lost by the server too: said with oid and path.
    server.objects.clear();
    const gone = await run(work, join(folder.path, 'elsewhere'), 'export', 'digits', '-o', 'gone.onnx');
    expect(gone.document).toMatchObject({
      error: { code: 'LFS_OBJECT_UNAVAILABLE', message: expect.stringContaining(sha256(digits)) },
    });
    expect(existsSync(join(work, 'gone.onnx'))).toBe(false);
  });
});
