import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readAuditLog } from '../../src/registry/audit.ts';
import { compactRegistry } from '../../src/registry/compaction.ts';
import { noRules } from '../../src/registry/promotion.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { verifyRegistry } from '../../src/registry/verification.ts';
import { QuickServeError } from '../../src/shared/errors.ts';
import { registryBranch as branch, entryFor, plantFiles, registryAt } from '../support/git-registries.ts';
import { bytesOf, createBare, git, temporaryFolder } from '../support/git-repositories.ts';

/** Every kind of file on the branch, damaged in every way: `verify` names it, who needs it refuses, nothing is overwritten. */

const MONTH_MS = 31 * 24 * 3600 * 1000;
const template = temporaryFolder();
let bare = '';
let paths: Readonly<Record<string, string>> = {};

const event = (registry: Registry, status: 'staging' | 'production', rules = noRules) =>
  registry.addEvent({
    model: 'digits',
    version: '1.0.0',
    reason: 'because',
    content: { kind: 'promotion', status, rules },
  });
const bytes = (name: string): Buffer => bytesOf(name, 300);
const entry = (folder: string, name: string) => entryFor(folder, 'digits', bytes(name));

const writers = {
  'record of known bytes': (registry: Registry, folder: string) => registry.record([entry(folder, 'a')]),
  'record of new bytes': (registry: Registry, folder: string) => registry.record([entry(folder, 'new')]),
  promotion: (registry: Registry) => event(registry, 'staging'),
  'promotion that asks for a verdict': (registry: Registry) =>
    event(registry, 'production', { ...noRules, verdict: true }),
  compact: (registry: Registry) => compactRegistry(registry.access, { rewrite: false, dryRun: false }),
  'compact --rewrite': (registry: Registry) =>
    compactRegistry(registry.access, { rewrite: true, dryRun: false }),
} as const;
type Writer = keyof typeof writers;
const everyone = Object.keys(writers) as readonly Writer[];

/** By the kind of file: who reads it, and so must refuse. */
const readers: Readonly<Record<string, readonly Writer[]>> = {
  format: everyone,
  model: ['promotion', 'promotion that asks for a verdict', 'compact --rewrite'],
  version: ['record of known bytes', 'promotion', 'promotion that asks for a verdict', 'compact --rewrite'],
  digest: ['record of known bytes'],
  measurement: ['compact', 'compact --rewrite'],
  'measurement pack': ['compact', 'compact --rewrite'],
  event: ['promotion', 'promotion that asks for a verdict', 'compact', 'compact --rewrite'],
  'event pack': ['promotion', 'promotion that asks for a verdict', 'compact', 'compact --rewrite'],
  verdict: ['promotion that asks for a verdict', 'compact', 'compact --rewrite'],
  'verdict pack': ['promotion that asks for a verdict', 'compact', 'compact --rewrite'],
  audit: [],
};

beforeAll(async () => {
  const folder = template.path;
  bare = createBare(folder);
  const url = `file://${bare}`;
  const past = registryAt(folder, url, { now: () => Date.now() - 2 * MONTH_MS });
  await past.record([entry(folder, 'a')]);
  await event(past, 'staging');
  await compactRegistry(registryAt(folder, url).access, { rewrite: true, dryRun: false });
  // Late jobs: loose files beside the packs of their months.
  await past.record([entry(folder, 'a')]);
  await past.addEvent({
    model: 'digits',
    version: '1.0.0',
    reason: null,
    content: { kind: 'update', note: 'late' },
  });
  await past.addEvent({
    model: 'digits',
    version: '1.0.0',
    reason: null,
    content: { kind: 'promotion', status: 'validated', rules: noRules },
  });
  const files = git(bare, 'ls-tree', '-r', '--name-only', branch).split('\n');
  const find = (pattern: RegExp): string => files.find(path => pattern.test(path)) ?? '';
  paths = {
    format: 'registry.json',
    model: find(/model\.json$/),
    version: find(/versions\/1\.0\.0\.json$/),
    digest: find(/\/digests\//),
    measurement: find(/benchmarks\/.*\.json$/),
    'measurement pack': find(/benchmarks\/.*\.jsonl$/),
    event: find(/\/events\/.*\.json$/),
    'event pack': find(/\/events\/.*\.jsonl$/),
    verdict: find(/^verdicts\/.*\.json$/),
    'verdict pack': find(/^verdicts\/.*\.jsonl$/),
    audit: find(/^audit\//),
    blob: find(/^blobs\//),
  };
  expect(Object.values(paths).every(path => path !== '')).toBe(true);
}, 60_000);
afterAll(() => template[Symbol.asyncDispose]());

/** A copy of the branch with one file changed by hand; null takes it away. */
function damage(
  folder: string,
  path: string,
  change: (content: Buffer) => Buffer | null,
): { readonly remote: string; readonly registry: Registry; readonly blob: string } {
  const remote = join(folder, 'remote.git');
  cpSync(bare, remote, { recursive: true });
  plantFiles(folder, remote, (_, clone) => ({ [path]: change(readFileSync(join(clone, path))) }));
  return { remote, registry: registryAt(folder, `file://${remote}`), blob: blobAt(remote, path) };
}

const blobAt = (remote: string, path: string): string => git(remote, 'ls-tree', branch, path);

const cut = (content: Buffer): Buffer => content.subarray(0, Math.floor(content.length / 2));
const reshape = (content: Buffer): Buffer =>
  Buffer.from(
    content.toString('utf8').replace('{', '{"id": 7, "format": "x", "sha256": "?", "name": 7, "at": '),
  );
const damages = { 'cut off': cut, 'of another shape': reshape } as const;

describe.each(Object.keys(readers))('a damaged %s', kind => {
  test.each(Object.keys(damages) as (keyof typeof damages)[])(
    '(%s) is named by verify, refused by who needs it, and never overwritten',
    async how => {
      await using folder = temporaryFolder();
      const path = paths[kind]!;
      const { remote, registry, blob } = damage(folder.path, path, damages[how]);
      const { defects } = await verifyRegistry(registry.access, { bytes: true });
      expect(defects).toContainEqual(expect.objectContaining({ kind: 'malformed', severity: 'error', path }));
      for (const [name, write] of Object.entries(writers)) {
        // Who does not read it does not care how it is damaged.
        if (how !== 'cut off' && !readers[kind]!.includes(name as Writer)) continue;
        const tip = git(remote, 'rev-parse', branch);
        const outcome = await write(registry, folder.path).then(
          () => null,
          (thrown: unknown) => thrown,
        );
        if (readers[kind]!.includes(name as Writer)) {
          expect(outcome, name).toBeInstanceOf(QuickServeError);
          expect(outcome, name).toMatchObject({
            code: 'REGISTRY_MALFORMED',
            message: expect.stringContaining(path),
          });
          expect(git(remote, 'rev-parse', branch), name).toBe(tip);
        }
        expect(blobAt(remote, path), name).toBe(blob);
      }
    },
  );
});

describe('audit', () => {
  test.each([
    ['is cut off', (line: string) => line.slice(0, 20), 'it is not JSON'],
    ['is of another shape', () => '{"commit": 7}', 'it does not say which commit'],
    ['has a signature of no known kind', (line: string) => line.replace('"none"', '"maybe"'), 'how signed'],
  ] as const)(
    'names file and line where what a rewrite kept %s, and so does verify',
    async (_, change, why) => {
      await using folder = temporaryFolder();
      const path = paths['audit']!;
      const { registry } = damage(folder.path, path, content => {
        const [first, second, ...others] = content.toString('utf8').split('\n');
        return Buffer.from([first, change(second!), ...others].join('\n'));
      });
      await expect(readAuditLog(registry.access)).rejects.toMatchObject({
        code: 'REGISTRY_MALFORMED',
        message: expect.stringMatching(new RegExp(`^${path}, line 2, .*${why}`)),
      });
      const { defects } = await verifyRegistry(registry.access, { bytes: false });
      expect(defects).toEqual([
        expect.objectContaining({ kind: 'malformed', path, message: expect.stringContaining('line 2') }),
      ]);
    },
  );
});

describe('an unknown format', () => {
  test('stops every writer, and verify says which', async () => {
    await using folder = temporaryFolder();
    const { remote, registry, blob } = damage(folder.path, 'registry.json', () =>
      Buffer.from('{"format": 99}'),
    );
    const { defects } = await verifyRegistry(registry.access, { bytes: false });
    expect(defects).toContainEqual(
      expect.objectContaining({ kind: 'unknown-format', path: 'registry.json', severity: 'error' }),
    );
    for (const write of Object.values(writers)) {
      await expect(write(registry, folder.path)).rejects.toMatchObject({ code: 'REGISTRY_FORMAT_UNKNOWN' });
    }
    expect(blobAt(remote, 'registry.json')).toBe(blob);
  });

  test('is seen even where the commit kept the trailers of a good one', async () => {
    await using folder = temporaryFolder();
    const { remote, registry } = damage(folder.path, 'registry.json', () => Buffer.from('{"format": 99}'));
    const good = git(bare, 'log', '-1', '--format=%B', branch);
    const tree = git(remote, 'rev-parse', `${branch}^{tree}`);
    const amended = git(remote, '-c', 'user.name=A', '-c', 'user.email=a@b', 'commit-tree', '-m', good, tree);
    git(remote, 'update-ref', `refs/heads/${branch}`, amended);
    for (const write of Object.values(writers)) {
      await expect(write(registry, folder.path)).rejects.toMatchObject({ code: 'REGISTRY_FORMAT_UNKNOWN' });
    }
    expect(git(remote, 'rev-parse', branch)).toBe(amended);
  });
});

describe('bytes', () => {
  test('that are missing or other ones are named, and the same model recorded again does not hide that', async () => {
    await using folder = temporaryFolder();
    const path = paths['blob']!;
    const { remote, registry, blob } = damage(folder.path, path, () => Buffer.from('other bytes'));
    const { defects } = await verifyRegistry(registry.access, { bytes: true });
    expect(defects).toContainEqual(expect.objectContaining({ kind: 'wrong-bytes', path, severity: 'error' }));
    await registry.record([entry(folder.path, 'a')]);
    expect(blobAt(remote, path)).toBe(blob);
    await using other = temporaryFolder();
    const without = damage(other.path, path, () => null);
    const found = await verifyRegistry(without.registry.access, { bytes: true });
    expect(found.defects).toContainEqual(
      expect.objectContaining({ kind: 'missing', path, severity: 'error' }),
    );
  });
});

describe.each(['measurement', 'event', 'verdict'])('a conflicting duplicate of a packed %s', kind => {
  test('is named with both places', async () => {
    await using folder = temporaryFolder();
    const pack = paths[`${kind} pack`]!;
    const loose = paths[kind]!;
    const { registry } = damage(folder.path, pack, content => {
      const record = JSON.parse(git(bare, 'show', `${branch}:${loose}`)) as object;
      return Buffer.concat([content, Buffer.from(`${JSON.stringify({ ...record, runUrl: 'changed' })}\n`)]);
    });
    const { defects } = await verifyRegistry(registry.access, { bytes: false });
    const duplicate = defects.find(defect => defect.kind === 'duplicate');
    expect(duplicate?.severity).toBe('error');
    expect(`${duplicate?.path} ${duplicate?.message}`).toContain(pack);
    expect(`${duplicate?.path} ${duplicate?.message}`).toContain(loose);
  });
});
