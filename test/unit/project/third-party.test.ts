import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../../support/requirements.ts';

const dist = join(projectRoot, 'dist');
const read = (path: string): string => readFileSync(join(dist, path), 'utf8');
const packages = JSON.parse(read('third-party.json')) as readonly {
  readonly name: string;
  readonly version: string;
  readonly license: string | null;
  readonly files: readonly string[];
}[];
const licences = read('THIRD_PARTY_LICENSES.txt');
/** What stands under the heading of a package. */
function sectionOf(name: string, version: string): string {
  const parts = licences.split(`${'='.repeat(80)}\n`);
  const heading = parts.findIndex(part => part.startsWith(`${name} ${version} (`));
  return heading < 0 ? '' : (parts[heading + 1] ?? '');
}

describe('the licences of what is bundled', () => {
  test.each(packages.map(({ name, version }) => [name, version]))(
    'hold the text of %s %s',
    (name, version) => {
      const text = sectionOf(name!, version!);
      expect(text).toMatch(/permission|redistribution|licensed under|blue oak|terms and conditions/i);
      expect(text.length).toBeGreaterThan(400);
    },
  );

  test('are permissive, all of them', () => {
    const allowed = /^\(?(MIT|ISC|Apache-2\.0|BSD-[23]-Clause|BlueOak-1\.0\.0|Zlib|0BSD| AND )+\)?$/;
    expect(packages.filter(({ license }) => !allowed.test(license ?? '')).map(({ name }) => name)).toEqual(
      [],
    );
  });

  test('name files of the bundles that are there', () => {
    const files = new Set([
      ...readdirSync(dist),
      ...readdirSync(join(dist, 'chunks')).map(name => `chunks/${name}`),
    ]);
    expect(packages.flatMap(each => each.files).filter(file => !files.has(file))).toEqual([]);
  });
});
