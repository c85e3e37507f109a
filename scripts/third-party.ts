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
  readonly texts: readonly string[];
}

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
  };
  const { name, version, license } = manifest;
  const names = readdirSync(folder)
    .filter(file => LICENSE_FILE.test(file) && !/\.[cm]?[jt]s$/.test(file))
    .sort();
  return {
    name,
    version,
    license: (typeof license === 'string' ? license : license?.type) ?? null,
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

function licensesText(packages: readonly FoundPackage[]): string {
  const line = '='.repeat(80);
  const sections = packages.map(({ name, version, license, texts }) => {
    const text = texts.length > 0 ? texts.join('\n\n') : 'The package has no file with its licence.';
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
