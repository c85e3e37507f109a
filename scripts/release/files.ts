import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { compressTar } from '../../src/container/image/code-gzip.ts';
import { foldersTo, layOutTar, type TarEntry } from '../../src/container/image/tar.ts';

export const root = resolve(import.meta.dirname, '../..');

type FileEntry = TarEntry & { readonly kind: 'file' };

/** A file of a release. */
export interface ReleaseFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export const textFile = (path: string, text: string): ReleaseFile => ({ path, bytes: Buffer.from(text) });

/** A file of the project, by its path there. */
export const projectFile = (from: string, path: string): ReleaseFile => ({
  path,
  bytes: readFileSync(join(root, from)),
});

/** All files below a folder of the project, in the order of their names. */
export function projectFolder(from: string, to: string): readonly ReleaseFile[] {
  const folder = join(root, from);
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
    .map(path => projectFile(join(from, path), `${to}/${path}`));
}

export const entryOf = ({ path, bytes }: ReleaseFile): FileEntry => ({
  kind: 'file',
  path,
  mode: path.endsWith('dist/cli.js') ? 0o755 : 0o644,
  content: { kind: 'bytes', bytes },
});

/** Entries with the folders that they are in. */
export const withFolders = (entries: readonly FileEntry[]): readonly TarEntry[] => [
  ...foldersTo(entries.map(({ path }) => path)),
  ...entries,
];

/** A .tgz of files: the same bytes on every machine. */
export async function tarball(files: readonly ReleaseFile[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of compressTar(layOutTar(withFolders(files.map(entryOf))))) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Writes files into a folder that is empty or not there. @throws Error where it holds something. */
export function writeFolder(folder: string, files: readonly ReleaseFile[]): void {
  if (existsSync(folder) && readdirSync(folder).length > 0) throw new Error(`${folder} is not empty`);
  for (const { path, bytes } of files) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
}
