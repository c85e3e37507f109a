import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readAuditLog } from '../../src/registry/audit.ts';
import { backUpRegistry, restoreRegistry } from '../../src/registry/backup.ts';
import { compactRegistry } from '../../src/registry/compaction.ts';
import { noRules } from '../../src/registry/promotion.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { verifyRegistry } from '../../src/registry/verification.ts';
import {
  registryBranch as branch,
  entryFor,
  plantFiles,
  registryAt,
  testFingerprint,
} from '../support/git-registries.ts';
import { bytesOf, createBare, git, temporaryFolder } from '../support/git-repositories.ts';

const MONTH_MS = 31 * 24 * 3600 * 1000;

const setStatus = (registry: Registry, version: string, status: 'production' | 'staging') =>
  registry.addEvent({
    model: 'digits',
    version,
    reason: 'because',
    content: { kind: 'promotion', status, rules: noRules },
  });

async function filled(folder: string, bare: string): Promise<Registry> {
  const registry = registryAt(folder, `file://${bare}`);
  await registry.record([entryFor(folder, 'digits', bytesOf('a', 300))]);
  await registry.record([entryFor(folder, 'digits', bytesOf('b', 300))]);
  await setStatus(registry, '1.0.0', 'production');
  return registry;
}

test('what was in production can be so again, as often as it likes', async () => {
  await using folder = temporaryFolder();
  const bare = createBare(folder.path);
  const registry = await filled(folder.path, bare);
  for (const version of ['1.1.0', '1.0.0', '1.1.0', '1.0.0']) {
    expect(await setStatus(registry, version, 'production')).toMatchObject({ kind: 'written' });
  }
  expect(await setStatus(registry, '1.0.0', 'production')).toMatchObject({ kind: 'unchanged' });
});

describe('verify', () => {
  test('finds nothing wrong with what the tool wrote', async () => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path);
    const registry = await filled(folder.path, bare);
    expect(await verifyRegistry(registry.access, { bytes: true })).toMatchObject({
      versions: 2,
      blobs: 2,
      defects: [],
    });
  });

  const find = (files: readonly string[], part: string): string => files.find(path => path.includes(part))!;
  test('names missing and wrong bytes, a missing version, conflicting duplicates and strangers', async () => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path);
    const registry = await filled(folder.path, bare);
    const paths: Record<string, string> = {};
    plantFiles(folder.path, bare, (files, clone) => {
      const [one, other] = files.filter(path => path.startsWith('blobs/'));
      const measurement = find(files, '/benchmarks/');
      const pack = `${measurement.slice(0, measurement.lastIndexOf('/'))}.jsonl`;
      const record = JSON.parse(readFileSync(join(clone, measurement), 'utf8'));
      Object.assign(paths, { one, other, measurement, pack, marker: find(files, '/digests/') });
      const line = JSON.stringify({ ...record, metrics: { latency: 99 } });
      return {
        [one!]: null,
        [other!]: 'other bytes',
        [pack]: `${line}\n`,
        [paths['marker']!]: JSON.stringify({ sha256: paths['marker']!.slice(-69, -5), version: '9.9.9' }),
        'notes.txt': 'hello',
      };
    });
    const { defects } = await verifyRegistry(registry.access, { bytes: true });
    const found = defects.map(({ kind, path }) => `${kind} ${path}`);
    expect(found).toContain(`missing ${paths['one']}`);
    expect(found).toContain(`wrong-bytes ${paths['other']}`);
    expect(found.some(text => text.startsWith('duplicate') && text.includes('/benchmarks/'))).toBe(true);
    expect(found).toContain(`duplicate ${paths['marker']}`);
    expect(found).toContain('missing models/digits/versions/9.9.9.json');
    expect(found).toContain('orphan notes.txt');
  });
});

describe('a write', () => {
  const measurement = (latency: number) => ({
    model: 'digits',
    sha256: null,
    version: null,
    commit: null,
    fingerprint: testFingerprint,
    metrics: { latency },
  });
  const machine = 'models/digits/benchmarks/abc123';
  const filesOf = (bare: string): string[] =>
    git(bare, 'ls-tree', '-r', '--name-only', branch, machine).split('\n');
  const monthsAgo = (folder: string, bare: string, months: number, packMonths: boolean): Registry =>
    registryAt(folder, `file://${bare}`, { now: () => Date.now() - months * MONTH_MS, packMonths });

  test('packs a closed month beside its own, the oldest first, and nothing that is read changes', async () => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path);
    for (const months of [4, 3]) {
      const past = monthsAgo(folder.path, bare, months, false);
      await past.addMeasurements([measurement(months), measurement(months + 0.5)]);
      await past.addMeasurements([measurement(months + 0.7)]);
    }
    const registry = registryAt(folder.path, `file://${bare}`);
    expect((await registry.read()).looseMonths).toHaveLength(2);
    await registry.addMeasurements([measurement(1)]);
    const [pack, ...loose] = filesOf(bare);
    expect(pack).toMatch(/\.jsonl$/);
    expect(loose).toHaveLength(4);
    expect(loose.every(path => path > pack!)).toBe(true);
    await registry.addMeasurements([measurement(2)]);
    expect(filesOf(bare).filter(path => path.endsWith('.jsonl'))).toHaveLength(2);
    expect(filesOf(bare)).toHaveLength(4);
    const { models, looseMonths } = await registry.read();
    expect(looseMonths).toHaveLength(1);
    expect(
      models
        .get('digits')
        ?.measurements.get('abc123')
        ?.map(({ metrics }) => metrics['latency'])
        .sort(),
    ).toEqual([1, 2, 3, 3.5, 3.7, 4, 4.5, 4.7]);
    expect((await verifyRegistry(registry.access, { bytes: true })).defects).toEqual([]);
  });

  test('adds a late record to the pack of its month, and packs nothing where it is told not to', async () => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path);
    const late = monthsAgo(folder.path, bare, 3, false);
    await late.addMeasurements([measurement(3)]);
    await registryAt(folder.path, `file://${bare}`).addMeasurements([measurement(1)]);
    await late.addMeasurements([measurement(3.5)]);
    await registryAt(folder.path, `file://${bare}`, { packMonths: false }).addMeasurements([measurement(2)]);
    expect(filesOf(bare).filter(path => path.endsWith('.json'))).toHaveLength(3);
    await registryAt(folder.path, `file://${bare}`).addMeasurements([measurement(4)]);
    const pack = filesOf(bare).find(path => path.endsWith('.jsonl'))!;
    expect(git(bare, 'show', `${branch}:${pack}`).split('\n')).toHaveLength(2);
    expect(filesOf(bare)).toHaveLength(4);
  });

  test('leaves a month alone whose files are damaged or contradict their pack, and is written all the same', async () => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path);
    const past = monthsAgo(folder.path, bare, 3, false);
    await past.addMeasurements([measurement(3)]);
    const [path] = filesOf(bare);
    plantFiles(folder.path, bare, (_, clone) => {
      const record = JSON.parse(readFileSync(join(clone, path!), 'utf8'));
      const other = JSON.stringify({ ...record, metrics: { latency: 99 } });
      return { [`${path!.slice(0, path!.lastIndexOf('/'))}.jsonl`]: `${other}\n` };
    });
    const registry = registryAt(folder.path, `file://${bare}`);
    const before = filesOf(bare);
    expect(await registry.addMeasurements([measurement(1)])).toMatchObject({ via: 'branch' });
    plantFiles(folder.path, bare, () => ({ [path!]: '{' }));
    expect(await registry.addMeasurements([measurement(2)])).toMatchObject({ via: 'branch' });
    expect(filesOf(bare)).toEqual(expect.arrayContaining(before));
    expect(filesOf(bare)).toHaveLength(before.length + 2);
  });
});

describe('compact', () => {
  test('packs closed months, changes nothing that is read, and leaves what is open alone', async () => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path);
    const past = registryAt(folder.path, `file://${bare}`, { now: () => Date.now() - 2 * MONTH_MS });
    await past.record([entryFor(folder.path, 'digits', bytesOf('a', 300))]);
    await past.record([entryFor(folder.path, 'digits', bytesOf('a', 300))]);
    await setStatus(past, '1.0.0', 'staging');
    const registry = registryAt(folder.path, `file://${bare}`, { packMonths: false });
    await registry.record([entryFor(folder.path, 'digits', bytesOf('b', 300))]);
    const before = (await registry.read()).models.get('digits')!;
    const [first] = before.versions;
    const verdict = await registry.readVerdict('digits', first!.sha256);
    expect(await compactRegistry(registry.access, { rewrite: false, dryRun: true })).toMatchObject({
      packedMonths: 2,
    });
    const outcome = await compactRegistry(registry.access, { rewrite: false, dryRun: false });
    expect(outcome).toMatchObject({ packedMonths: 2, packedVerdicts: 2 });
    const files = git(bare, 'ls-tree', '-r', '--name-only', branch).split('\n');
    expect(files).toHaveLength(outcome.filesAfter);
    expect(files.filter(path => path.endsWith('.jsonl'))).toHaveLength(3);
    // That of the version that was recorded today.
    expect(files.filter(path => /^verdicts\/.*\.json$/.test(path))).toHaveLength(1);
    expect(await registry.readVerdict('digits', first!.sha256)).toEqual(verdict);
    expect((await registry.read()).models.get('digits')).toEqual(before);
    expect((await verifyRegistry(registry.access, { bytes: true })).defects).toEqual([]);
    // A job that was late by months: its file and the pack are read as one, and packed with the next compaction.
    await past.record([entryFor(folder.path, 'digits', bytesOf('a', 300))]);
    expect((await registry.read()).models.get('digits')!.measurements.get('abc123')).toHaveLength(4);
    expect(await compactRegistry(registry.access, { rewrite: false, dryRun: false })).toMatchObject({
      packedMonths: 1,
      packedVerdicts: 1,
    });
    expect((await registry.read()).models.get('digits')!.measurements.get('abc123')).toHaveLength(4);
  });

  test('--rewrite under a running writer ends in a retry: nothing is lost, no deleted bytes and no history come back', async () => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path);
    const registry = await filled(folder.path, bare);
    const [, second] = (await registry.read()).models.get('digits')!.versions;
    await registry.addEvent({
      model: 'digits',
      version: '1.1.0',
      reason: 'bad',
      content: { kind: 'tombstone' },
    });
    const commits = Number(git(bare, 'rev-list', '--count', branch));
    let rewritten = false;
    const writer = registryAt(folder.path, `file://${bare}`);
    const outcome = await writer.record([
      entryFor(folder.path, 'digits', bytesOf('c', 300), {
        relationTo: async () => {
          // The writer has read the old tip, and is about to push.
          if (!rewritten) {
            rewritten = true;
            await compactRegistry(registry.access, { rewrite: true, dryRun: false });
          }
          return 'newer';
        },
      }),
    ]);
    expect(outcome).toMatchObject([{ version: '1.2.0', new: true }]);
    expect(git(bare, 'rev-list', '--count', branch)).toBe('2');
    const files = git(bare, 'ls-tree', '-r', '--name-only', branch);
    expect(files).not.toContain(second!.sha256.concat('\n'));
    expect(files).not.toMatch(new RegExp(`^blobs/../${second!.sha256}$`, 'm'));
    expect((await verifyRegistry(registry.access, { bytes: true })).defects).toEqual([]);
    const log = await readAuditLog(registry.access);
    expect(log).toHaveLength(2 + commits);
    expect(log.map(({ subject }) => subject)).toContain('Delete digits 1.1.0');
    await expect(registry.readBytes(second!, folder.path)).rejects.toMatchObject({
      code: 'VERSION_BYTES_GONE',
    });
  });
});

describe('backup and restore', () => {
  test('a backup brings a lost branch back, with its history', async () => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path);
    const registry = await filled(folder.path, bare);
    const target = join(folder.path, 'backup');
    const manifest = await backUpRegistry(registry.access, target);
    const tip = git(bare, 'rev-parse', branch);
    expect(manifest.tip).toBe(tip);
    git(bare, 'update-ref', '-d', `refs/heads/${branch}`);
    expect(await restoreRegistry(registry.access, target, { force: false, dryRun: true })).toMatchObject({
      written: false,
    });
    expect(git(bare, 'for-each-ref', `refs/heads/${branch}`)).toBe('');
    expect(await restoreRegistry(registry.access, target, { force: false, dryRun: false })).toMatchObject({
      written: true,
      tip,
    });
    expect(git(bare, 'rev-list', '--count', branch)).toBe('3');
    expect((await registry.read()).models.get('digits')!.versions).toHaveLength(2);
  });

  test('a damaged backup, and a branch that is something else, change nothing', async () => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path);
    const registry = await filled(folder.path, bare);
    const target = join(folder.path, 'backup');
    await backUpRegistry(registry.access, target);
    await setStatus(registry, '1.1.0', 'staging');
    const tip = git(bare, 'rev-parse', branch);
    const options = { force: false, dryRun: false };
    await expect(restoreRegistry(registry.access, target, options)).rejects.toMatchObject({
      code: 'REGISTRY_CONFLICT',
    });
    const bundle = join(target, 'registry.bundle');
    const whole = readFileSync(bundle);
    writeFileSync(bundle, whole.subarray(0, whole.length - 10));
    await expect(restoreRegistry(registry.access, target, { ...options, force: true })).rejects.toMatchObject(
      { code: 'BACKUP_INVALID' },
    );
    writeFileSync(bundle, whole);
    writeFileSync(join(target, 'manifest.json'), '{"format": 1}');
    await expect(restoreRegistry(registry.access, target, { ...options, force: true })).rejects.toMatchObject(
      { code: 'BACKUP_INVALID' },
    );
    expect(git(bare, 'rev-parse', branch)).toBe(tip);
  });
});
