import { describe, expect, test } from 'vitest';
import type { Bump } from '../../../src/contract/comparison.ts';
import type { VersionRecord } from '../../../src/registry/records.ts';
import { decideVersion, isVersion, newestVersion, nextVersion } from '../../../src/registry/versions.ts';

const version = (text: string, sha256: string): VersionRecord => ({
  model: 'm',
  version: text,
  previous: null,
  bump: 'patch',
  sha256,
  sizeBytes: 1,
  parts: [],
  interface: { inputs: [], outputs: [], opsets: {}, optionalInputs: [] },
  inspection: null,
  bytes: { kind: 'blob' },
  source: { commit: null, path: 'm.onnx' },
  createdAt: '2026-01-01T00:00:00.000Z',
  author: { name: 'Ada', email: '' },
  runUrl: null,
});

const versions = [version('1.10.0', 'c'), version('1.2.0', 'b'), version('1.0.0', 'a')];

test.each<[string, Bump, string]>([
  ['1.2.3', 'none', '1.2.4'],
  ['1.2.3', 'patch', '1.2.4'],
  ['1.2.3', 'minor', '1.3.0'],
  ['1.2.3', 'major', '2.0.0'],
  ['0.2.3', 'major', '1.0.0'],
  ['2.0.0-rc.1', 'patch', '2.0.0'],
])('%s with %s becomes %s', (previous, bump, next) => {
  expect(nextVersion(previous, bump)).toBe(next);
});

test('the newest version is so by number, not by text', () => {
  expect(newestVersion(versions)?.version).toBe('1.10.0');
  expect(newestVersion([])).toBeNull();
});

test.each(['1.0', 'v1.0.0', '01.0.0', '../1.0.0', ''])('"%s" is no version', text => {
  expect(isVersion(text)).toBe(false);
});

describe('recording bytes', () => {
  const decide = (sha256: string, relation: 'newer' | 'older' | 'unknown', all = versions) =>
    decideVersion({
      newest: newestVersion(all),
      known: all.findLast(version => version.sha256 === sha256) ?? null,
      relation,
      bumpOf: previous => (previous === null ? 'none' : 'minor'),
    });

  test('of a new model makes 1.0.0', () => {
    expect(decide('x', 'unknown', [])).toMatchObject({ kind: 'new', version: '1.0.0', previous: null });
  });
  test('that are new makes the next version after the newest', () => {
    expect(decide('x', 'newer')).toMatchObject({
      kind: 'new',
      version: '1.11.0',
      previous: { version: '1.10.0' },
    });
    expect(decide('x', 'unknown')).toMatchObject({ kind: 'new' });
  });
  test('that any version has makes none, even after a step back', () => {
    expect(decide('a', 'newer')).toMatchObject({ kind: 'known', version: { version: '1.0.0' } });
  });
  test('from before the newest version makes none', () => {
    expect(decide('x', 'older')).toMatchObject({ kind: 'outdated', newest: { version: '1.10.0' } });
  });
});
