import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../support/requirements.ts';

const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');

test('the decision on dependencies names each that package.json has, and no other', () => {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(read('package.json')) as {
    dependencies?: Record<string, string>;
    devDependencies?: Record<string, string>;
  };
  const firstCells = [...read('docs/decisions/0002-dependencies.md').matchAll(/^\| (`[^|]+) \|/gm)].map(
    ([, cell]) => cell!,
  );
  const documented = firstCells.flatMap(cell => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
  expect(documented.sort()).toEqual([...Object.keys(dependencies), ...Object.keys(devDependencies)].sort());
});

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...readdirSync(join(projectRoot, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => join('docs', name)),
];

test.each(pages)('every file that %s links to exists', page => {
  const links = [...read(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)/g)].map(
    ([, link]) => link!,
  );
  const missing = links.filter(link => {
    const target = join(projectRoot, dirname(page), link);
    return relative(projectRoot, target).startsWith('..') || !existsSync(target);
  });
  expect(missing).toEqual([]);
});
