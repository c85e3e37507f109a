import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tokenCredentials } from '../../src/git/credentials.ts';
import { startGitHttpServer } from '../support/git-http-server.ts';
import { entryFor, registryAt } from '../support/git-registries.ts';
import {
  bytesOf,
  commitFiles,
  createBare,
  createClone,
  git,
  sha256,
  snapshot,
  temporaryFolder,
  testEnvironment,
} from '../support/git-repositories.ts';

const branch = 'quickserveml';
/** Eight writers at once on a small machine that has other work, too. */
const manyWriters = { timeout: 180_000 };

describe.each([true, false])('a registry over file, server with filters: %s', filters => {
  test('the first record makes an orphan branch; later ones make versions by their bump', async () => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path, 'remote', { filters });
    const registry = registryAt(folder.path, `file://${bare}`);

    const first = await registry.record([entryFor(folder.path, 'Digits/v2', bytesOf('one', 4000))]);
    expect(first).toEqual([{ model: 'Digits/v2', version: '1.0.0', new: true, previous: null, reason: '' }]);
    const same = await registry.record([entryFor(folder.path, 'Digits/v2', bytesOf('one', 4000))]);
    expect(same).toMatchObject([{ version: '1.0.0', new: false }]);
    const second = await registry.record([
      entryFor(folder.path, 'Digits/v2', bytesOf('two', 4000)),
      entryFor(folder.path, 'other', bytesOf('two', 4000), { bumpOf: () => 'major' }),
    ]);
    expect(second).toMatchObject([
      { model: 'Digits/v2', version: '1.1.0', new: true, previous: '1.0.0' },
      { model: 'other', version: '1.0.0', new: true, previous: null },
    ]);

    expect(git(bare, 'rev-list', '--count', branch)).toBe('3');
    expect(git(bare, 'fsck', '--full', '--strict')).not.toMatch(/missing|broken|error/);
    const state = await registry.read();
    expect([...state.models.keys()].sort()).toEqual(['Digits/v2', 'other']);
    const model = state.models.get('Digits/v2')!;
    expect(model.versions.map(({ version, previous }) => [version, previous])).toEqual([
      ['1.0.0', null],
      ['1.1.0', '1.0.0'],
    ]);
    expect(model.measurements.get('abc123')!.map(({ version }) => version)).toEqual([
      '1.0.0',
      '1.0.0',
      '1.1.0',
    ]);

    const out = join(folder.path, 'out');
    const path = await registry.readBytes(model.versions[0]!, out);
    expect(readFileSync(path!)).toEqual(bytesOf('one', 4000));
  });

  test('a remote may be named by the path of its folder', async () => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path, 'of %41da & co', { filters });
    const registry = registryAt(folder.path, bare);
    await registry.init();
    for (const seed of ['one', 'two']) {
      await registry.record([entryFor(folder.path, 'digits', bytesOf(seed, 400))]);
      expect((await registry.read()).models.get('digits')?.versions.at(-1)?.sha256).toBe(
        sha256(bytesOf(seed, 400)),
      );
    }
    expect(git(bare, 'fsck', '--full', '--strict')).not.toMatch(/missing|broken|error/);
  });

  test(
    'eight jobs that record different bytes at once make eight versions, and none is lost',
    manyWriters,
    async () => {
      await using folder = temporaryFolder();
      const bare = createBare(folder.path, 'remote', { filters });
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          registryAt(folder.path, `file://${bare}`).record([
            entryFor(folder.path, 'digits', bytesOf(`job${index}`, 2000)),
          ]),
        ),
      );
      const versions = outcomes.flat().map(({ version }) => version);
      expect(new Set(versions)).toEqual(
        new Set(['1.0.0', '1.1.0', '1.2.0', '1.3.0', '1.4.0', '1.5.0', '1.6.0', '1.7.0']),
      );
      const model = (await registryAt(folder.path, `file://${bare}`).read()).models.get('digits')!;
      expect(model.versions).toHaveLength(8);
      expect(model.measurements.get('abc123')).toHaveLength(8);
    },
  );
});

test(
  'over HTTP, eight jobs with the same bytes make one version and eight measurements',
  manyWriters,
  async () => {
    await using folder = temporaryFolder();
    createBare(folder.path);
    await using server = await startGitHttpServer(folder.path);
    const url = `${server.url}/remote.git`;
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () =>
        registryAt(folder.path, url).record([entryFor(folder.path, 'digits', bytesOf('same', 2000))]),
      ),
    );
    expect(outcomes.flat().filter(outcome => outcome.new)).toHaveLength(1);
    expect(outcomes.flat().every(({ version }) => version === '1.0.0')).toBe(true);
    const model = (await registryAt(folder.path, url).read()).models.get('digits')!;
    expect(model.versions).toHaveLength(1);
    expect(model.measurements.get('abc123')).toHaveLength(8);
  },
);

test('over HTTP, eight jobs with eight models each get their first version', manyWriters, async () => {
  await using folder = temporaryFolder();
  createBare(folder.path);
  await using server = await startGitHttpServer(folder.path);
  const url = `${server.url}/remote.git`;
  const names = Array.from({ length: 8 }, (_, index) => `model-${index}`);
  await Promise.all(
    names.map(name =>
      registryAt(folder.path, url).record([entryFor(folder.path, name, bytesOf(name, 2000))]),
    ),
  );
  const { models } = await registryAt(folder.path, url).read({ measurementLimit: 0 });
  expect([...models.keys()].sort()).toEqual(names);
  expect([...models.values()].map(({ versions }) => versions.map(({ version }) => version))).toEqual(
    names.map(() => ['1.0.0']),
  );
});

test('a token authenticates, and an append to a grown branch moves few bytes and no blob of others', async () => {
  await using folder = temporaryFolder();
  const bare = createBare(folder.path);
  await using server = await startGitHttpServer(folder.path, { basicAuth: 'x-access-token:s3cret-token' });
  const url = `${server.url}/remote.git`;
  const credentials = tokenCredentials(url, 's3cret-token');
  const registry = registryAt(folder.path, url, { credentials });
  for (const seed of ['a', 'b'])
    await registry.record([entryFor(folder.path, 'digits', bytesOf(seed, 200_000))]);
  const before = server.requests.length;
  await registry.record([entryFor(folder.path, 'digits', bytesOf('c', 200_000))]);
  const append = server.requests.slice(before);
  expect(append.reduce((sum, { sentBytes }) => sum + sentBytes, 0)).toBeLessThan(20_000);
  expect(append.length).toBeLessThanOrEqual(20);
  expect((await registry.read()).models.get('digits')!.versions).toHaveLength(3);
  expect(git(bare, 'rev-list', '--count', branch)).toBe('3');
  expect(server.requests.every(({ url: address }) => !address.includes('s3cret'))).toBe(true);
});

test('a commit older than the newest version only adds its measurement', async () => {
  await using folder = temporaryFolder();
  const bare = createBare(folder.path);
  const registry = registryAt(folder.path, `file://${bare}`);
  await registry.record([entryFor(folder.path, 'digits', bytesOf('new', 2000))]);
  const [late] = await registry.record([
    entryFor(folder.path, 'digits', bytesOf('old', 2000), { relationTo: async () => 'older' }),
  ]);
  expect(late).toMatchObject({ version: null, new: false, previous: '1.0.0' });
  const model = (await registry.read()).models.get('digits')!;
  expect(model.versions).toHaveLength(1);
  expect(model.measurements.get('abc123')!.map(({ version }) => version)).toEqual(['1.0.0', null]);
});

test('a model over the limit is kept by pointer, and its bytes are not on the branch', async () => {
  await using folder = temporaryFolder();
  const bare = createBare(folder.path);
  const registry = registryAt(folder.path, `file://${bare}`);
  await registry.record([entryFor(folder.path, 'large', bytesOf('large', 2000), { blobLimitBytes: 1999 })]);
  const [version] = (await registry.read()).models.get('large')!.versions;
  expect(version!.bytes).toEqual({
    kind: 'commit',
    repository: null,
    commit: 'a'.repeat(40),
    path: 'models/large.onnx',
  });
  expect(await registry.readBytes(version!, folder.path)).toBeNull();
  expect(git(bare, 'ls-tree', '-r', '--name-only', branch)).not.toMatch(/^blobs\//m);
});

test('recording next to a dirty clone leaves every byte of it as it was', async () => {
  await using folder = temporaryFolder();
  const bare = createBare(folder.path);
  const work = createClone(folder.path, 'work', `file://${bare}`);
  commitFiles(work, { 'model.onnx': 'model' });
  git(work, 'push', '--quiet', '-u', 'origin', 'main');
  const before = snapshot(work);
  await registryAt(folder.path, `file://${bare}`).record([
    entryFor(folder.path, 'digits', bytesOf('x', 100)),
  ]);
  expect(snapshot(work)).toEqual(before);
});

test('init makes the branch once', async () => {
  await using folder = temporaryFolder();
  const bare = createBare(folder.path);
  const registry = registryAt(folder.path, `file://${bare}`);
  expect((await registry.read()).tip).toBeNull();
  expect(await registry.init()).toEqual({ created: true });
  expect(await registry.init()).toEqual({ created: false });
  expect((await registry.read()).tip).toBe(git(bare, 'rev-parse', branch));
});

test('a git that knows no --refetch, and a server that refuses filters, cost bytes, not results', async () => {
  await using folder = temporaryFolder();
  const bare = createBare(folder.path);
  const real = process.env['PATH'] ?? '';
  for (const [refused, answer] of [
    ['--refetch', "error: unknown option \\`refetch'"],
    ['--filter=*', 'fatal: remote error: filter is not allowed'],
  ] as const) {
    const shim = join(folder.path, `bin${refused.length}`);
    mkdirSync(shim);
    writeFileSync(
      join(shim, 'git'),
      `#!/bin/sh\nfor a in "$@"; do case "$a" in ${refused}) echo "${answer}" >&2; exit 128;; esac; done\nPATH='${real}' exec git "$@"\n`,
    );
    chmodSync(join(shim, 'git'), 0o755);
    const environment = testEnvironment(folder.path, { PATH: `${shim}:${real}` });
    const registry = registryAt(folder.path, `file://${bare}`, { environment });
    const outcome = await registry.record([entryFor(folder.path, refused, bytesOf('a', 2000))]);
    expect(outcome).toMatchObject([{ version: '1.0.0', new: true }]);
    await registry.record([entryFor(folder.path, refused, bytesOf('b', 2000))]);
    expect((await registry.read()).models.get(refused)!.versions).toHaveLength(2);
  }
});

test('a sha256 repository works the same', async () => {
  await using folder = temporaryFolder();
  const bare = join(folder.path, 'sha256.git');
  git(folder.path, 'init', '--quiet', '--bare', '--object-format=sha256', bare);
  const registry = registryAt(folder.path, `file://${bare}`, { objectFormat: 'sha256' });
  await registry.record([entryFor(folder.path, 'digits', bytesOf('a', 100))]);
  expect(await registry.record([entryFor(folder.path, 'digits', bytesOf('b', 100))])).toMatchObject([
    { version: '1.1.0' },
  ]);
});
