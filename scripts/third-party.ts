import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import type { OutputChunk } from 'rolldown';

/** A package whose code is in dist/. */
interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX expression; null: its package.json says none. */
  readonly license: string | null;
  /** The bundles that have a part of it, relative to dist/. */
  readonly files: readonly string[];
}

interface FoundPackage extends BundledPackage {
  /** Whom its package.json names; empty: nobody. */
  readonly author: string;
  /** Address of its source; packages of one repository have one licence. */
  readonly repository: string;
  readonly texts: readonly string[];
}

/** The licences that some packages name without a file with the text (https://spdx.org/licenses/). */
const STANDARD_TEXTS: Readonly<Record<string, string>> = {
  MIT: `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`,
  ISC: `Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that the above copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.`,
};

const LICENSE_FILE = /^(licen[cs]e|copying|notice|third[-_]?party)/i;

/** A module whose exports are the text of another package's files (see build.ts), and that package. */
const TEXT_OF_PACKAGE: Readonly<Record<string, string>> = { 'swagger-files.ts': 'swagger-ui-dist' };

/** The folder of the package that a module is of; null: it is our own, or made by the bundler. */
function packageFolder(moduleId: string): string | null {
  const path = moduleId.replace(/^\0/, '').split('?')[0] ?? '';
  const textOf = TEXT_OF_PACKAGE[path.slice(path.lastIndexOf(sep) + 1)];
  if (textOf !== undefined) return resolve(import.meta.dirname, '../node_modules', textOf);
  const marker = `${sep}node_modules${sep}`;
  const at = path.lastIndexOf(marker);
  if (at < 0) return null;
  const [first = '', second = ''] = path.slice(at + marker.length).split(sep);
  return path.slice(0, at + marker.length) + (first.startsWith('@') ? join(first, second) : first);
}

function readPackage(folder: string, files: readonly string[]): FoundPackage {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly name: string;
    readonly version: string;
    readonly license?: string | { readonly type?: string };
    readonly author?: string | { readonly name?: string };
    readonly repository?: string | { readonly url?: string };
  };
  const { name, version, license, author, repository } = manifest;
  const names = readdirSync(folder)
    .filter(file => LICENSE_FILE.test(file) && !/\.[cm]?[jt]s$/.test(file))
    .sort();
  return {
    name,
    version,
    license: (typeof license === 'string' ? license : license?.type) ?? null,
    author: (typeof author === 'string' ? author : author?.name) ?? '',
    repository: (typeof repository === 'string' ? repository : repository?.url) ?? '',
    files,
    texts: names.map(file => readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim()),
  };
}

/** The packages whose modules the bundler put into the chunks, by name and version. */
function bundledPackages(chunks: readonly OutputChunk[]): readonly FoundPackage[] {
  const files = new Map<string, Set<string>>();
  for (const chunk of chunks) {
    for (const moduleId of chunk.moduleIds) {
      const folder = packageFolder(moduleId);
      if (folder === null || !existsSync(join(folder, 'package.json'))) continue;
      files.set(folder, (files.get(folder) ?? new Set()).add(chunk.fileName));
    }
  }
  const found = new Map<string, FoundPackage>();
  for (const [folder, names] of files) {
    const one = readPackage(folder, [...names]);
    const key = `${one.name}@${one.version}`;
    const merged = new Set([...(found.get(key)?.files ?? []), ...one.files]);
    found.set(key, { ...one, files: [...merged].sort() });
  }
  return [...found].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, each]) => each);
}

/**
 * The licence of a package in words: its own files, else those of a package from the same repository under the same
 * licence, else the standard text.
 * @throws Error where there is none of these: the package must not be bundled then.
 */
function licenceOf(one: FoundPackage, all: readonly FoundPackage[]): string {
  if (one.texts.length > 0) return one.texts.join('\n\n');
  const sibling = all.find(
    ({ texts, repository, license }) =>
      texts.length > 0 && repository !== '' && repository === one.repository && license === one.license,
  );
  if (sibling !== undefined) {
    return `The package has no file with its licence; this is that of ${sibling.name}, from the same repository.\n\n${sibling.texts.join('\n\n')}`;
  }
  const standard = STANDARD_TEXTS[one.license ?? ''];
  if (standard === undefined)
    throw new Error(`${one.name} ${one.version} comes without the text of its licence`);
  return `The package has no file with its licence; this is the standard text.\n\nCopyright (c) ${one.author || `the authors of ${one.name}`}\n\n${standard}`;
}

function licensesText(packages: readonly FoundPackage[]): string {
  const line = '='.repeat(80);
  const sections = packages.map(one => {
    const { name, version, license } = one;
    const text = licenceOf(one, packages);
    return `${line}\n${name} ${version} (${license ?? 'no licence named'})\n${line}\n\n${text}\n`;
  });
  return `The files in this folder contain code of these packages, under their licences.\n\n${sections.join('\n')}`;
}

/** The files that say whose code is in the bundles: for people, and for bills of materials. Name to text. */
export function thirdPartyFiles(chunks: readonly OutputChunk[]): ReadonlyMap<string, string> {
  const packages = bundledPackages(chunks);
  const list: readonly BundledPackage[] = packages.map(({ name, version, license, files }) => ({
    name,
    version,
    license,
    files,
  }));
  return new Map([
    ['THIRD_PARTY_LICENSES.txt', licensesText(packages)],
    ['third-party.json', `${JSON.stringify(list, null, 1)}\n`],
  ]);
}
