import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runTrial } from '../../bench/registry-writers.ts';
import { startGitHttpServer } from '../support/git-http-server.ts';
import { entryFor, registryAt, testFingerprint } from '../support/git-registries.ts';
import { bytesOf, createBare, git, temporaryFolder } from '../support/git-repositories.ts';

const branch = 'quickserveml';
const manyWriters = { timeout: 180_000 };

const addition = (latency: number) => ({
  model: 'digits',
  sha256: null,
  version: null,
  commit: null,
  fingerprint: testFingerprint,
  metrics: { latency },
});

/** Puts an entry into the inbox by hand. */
function plantEntry(bare: string, id: string, message: string): void {
  const tree = git(bare, 'hash-object', '-w', '-t', 'tree', '/dev/null');
  const commit = git(bare, 'commit-tree', tree, '-m', message);
  git(bare, 'update-ref', `refs/quickserveml/inbox/${branch}/${id}`, commit);
}

test(
  'twelve processes with two measurements each, one of them killed: what was reported is there, once',
  manyWriters,
  async () => {
    const result = await runTrial({ kind: 'measurements', writers: 12, writes: 2, killed: 1 / 12 });
    expect(result.lost).toEqual([]);
    expect(result.doubled).toBe(0);
    expect(result.reported.length).toBeGreaterThanOrEqual(22);
    expect(result.defects).toBe(0);
  },
);

test('ten processes that make versions of ten models get a number each', manyWriters, async () => {
  const result = await runTrial({ kind: 'versions', writers: 10, writes: 2, killed: 0 });
  expect(result.reported).toHaveLength(20);
  expect(result.found).toHaveLength(20);
  expect(new Set(result.found).size).toBe(20);
});

test('a measurement waits in the inbox while the branch is locked, is read from there, and the next write merges it', async () => {
  await using folder = temporaryFolder();
  const bare = createBare(folder.path);
  const registry = registryAt(folder.path, `file://${bare}`, { patienceMs: 20_000 });
  await registry.init();
  const lock = join(bare, `refs/heads/${branch}.lock`);
  writeFileSync(lock, '');
  expect(await registry.addMeasurements([addition(1)])).toMatchObject({ via: 'inbox' });
  expect(git(bare, 'for-each-ref', 'refs/quickserveml/')).not.toBe('');
  const latencies = async () =>
    ((await registry.read()).models.get('digits')?.measurements.get('abc123') ?? []).map(
      ({ metrics }) => metrics['latency'],
    );
  expect(await latencies()).toEqual([1]);
  const { rmSync } = await import('node:fs');
  rmSync(lock);
  await registry.record([entryFor(folder.path, 'other', bytesOf('x', 100))]);
  expect(git(bare, 'for-each-ref', 'refs/quickserveml/')).toBe('');
  expect(await latencies()).toEqual([1]);
  expect(git(bare, 'ls-tree', '-r', '--name-only', branch)).toMatch(/models\/digits\/benchmarks\/abc123\//);
});

test('a host that takes no refs of our own gets branches with a prefix', async () => {
  await using folder = temporaryFolder();
  const bare = createBare(folder.path);
  const hook = join(bare, 'hooks/update');
  const registry = registryAt(folder.path, `file://${bare}`, { patienceMs: 20_000 });
  await registry.init();
  writeFileSync(
    hook,
    '#!/bin/sh\ncase "$1" in refs/heads/*) exit 0;; esac\necho "only branches" >&2\nexit 1\n',
  );
  chmodSync(hook, 0o755);
  writeFileSync(join(bare, `refs/heads/${branch}.lock`), '');
  expect(await registry.addMeasurements([addition(1)])).toMatchObject({ via: 'inbox' });
  expect(git(bare, 'for-each-ref', '--format=%(refname)', `refs/heads/${branch}-inbox`)).toMatch(
    /-inbox\/[0-9a-z]{26}$/,
  );
  expect((await registry.read()).models.get('digits')!.measurements.get('abc123')).toHaveLength(1);
});

test('entries that are no whole measurements are left where they are, named by verify, and harm nobody', async () => {
  await using folder = temporaryFolder();
  const bare = createBare(folder.path);
  const registry = registryAt(folder.path, `file://${bare}`);
  await registry.init();
  const entry = (files: object[], format = 1) => `x\n\n${JSON.stringify({ format, files })}`;
  plantEntry(bare, 'a', 'no json');
  plantEntry(bare, 'b', entry([{ path: 'registry.json', content: '{"format":9}' }]));
  plantEntry(
    bare,
    'c',
    entry([{ path: `models/m/benchmarks/k/2026-01/${'0'.repeat(26)}.json`, content: '{"id":"x"' }]),
  );
  plantEntry(bare, 'd', entry([], 2));
  await registry.record([entryFor(folder.path, 'digits', bytesOf('x', 100))]);
  expect(git(bare, 'for-each-ref', '--format=%(refname:lstrip=4)', 'refs/quickserveml/').split('\n')).toEqual(
    ['a', 'b', 'c', 'd'],
  );
  const { verifyRegistry } = await import('../../src/registry/verification.ts');
  const { defects } = await verifyRegistry(registry.access, { bytes: true });
  expect(defects.map(({ kind, path }) => [kind, path.split('/').at(-1)])).toEqual([
    ['inbox', 'a'],
    ['inbox', 'b'],
    ['inbox', 'c'],
    ['inbox', 'd'],
  ]);
});

test('a server without atomic pushes gets the merge first and the deletions after it', async () => {
  await using folder = temporaryFolder();
  const bare = createBare(folder.path);
  git(bare, 'config', 'receive.advertiseAtomic', 'false');
  await using server = await startGitHttpServer(folder.path);
  const registry = registryAt(folder.path, `${server.url}/remote.git`);
  await registry.init();
  const record = {
    id: '0'.repeat(26),
    model: 'm',
    sha256: null,
    version: null,
    commit: null,
    createdAt: '2026-01-02T00:00:00.000Z',
    fingerprint: testFingerprint,
    metrics: { latency: 3 },
    samples: {},
    runUrl: null,
  };
  const path = `models/m/benchmarks/abc123/2026-01/${record.id}.json`;
  plantEntry(
    bare,
    'a',
    `x\n\n${JSON.stringify({ format: 1, files: [{ path, content: JSON.stringify(record) }] })}`,
  );
  expect(await registry.access.mergeInbox()).toBe(1);
  expect(git(bare, 'for-each-ref', 'refs/quickserveml/')).toBe('');
  expect(git(bare, 'ls-tree', '-r', '--name-only', branch)).toContain(path);
});
