import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../support/requirements.ts';

interface LockEntry {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
const lock = JSON.parse(readFileSync(join(projectRoot, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, LockEntry>>;
};

describe('package-lock.json', () => {
  it('lists the builds for every platform (node scripts/complete-lockfile.mjs), or npm ci refuses it', () => {
    const names = new Set(Object.keys(lock.packages).map(place => place.replace(/^.*node_modules\//, '')));
    const missing = Object.values(lock.packages).flatMap(entry =>
      Object.keys(entry.optionalDependencies ?? {}).filter(name => !names.has(name)),
    );
    expect(missing).toEqual([]);
  });

  it('records no download addresses', () => {
    expect(Object.values(lock.packages).filter(entry => entry.resolved !== undefined)).toEqual([]);
  });
});
