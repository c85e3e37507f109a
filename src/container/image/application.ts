import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { QuickServeError } from '../../shared/errors.ts';
import { foldersTo, type TarEntry } from './tar.ts';

/** Where everything of the server is in the image. */
export const APPLICATION_FOLDER = 'app';
const ENTRY = 'serve.js';
/** Of the packages that are bundled: who ships their code ships these too. */
const LICENSES = 'THIRD_PARTY_LICENSES.txt';
/** Relative names of modules in a bundle: imports, and files that are found by their address. */
const RELATIVE_MODULE = /["'`](\.{1,2}\/[\w./-]+\.js)["'`]/g;

/** The entry and every file that it, or one of those, names. */
async function reachableFiles(folder: string): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const waiting = [ENTRY];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (files.has(path)) continue;
    const content = await readFile(join(folder, path));
    files.set(path, content);
    for (const [, name = ''] of content.toString('utf8').matchAll(RELATIVE_MODULE)) {
      const target = posix.normalize(posix.join(posix.dirname(path), name));
      if (!target.startsWith('..') && existsSync(join(folder, target))) waiting.push(target);
    }
  }
  return files;
}

/**
 * The files of the server: the bundle and the chunks that it can load, without those of the other front doors.
 * @param folder where serve.js is: dist/.
 * @throws QuickServeError FILE_UNREADABLE.
 */
export async function applicationEntries(folder: string): Promise<readonly TarEntry[]> {
  const files = await reachableFiles(folder).catch(cause => {
    throw new QuickServeError({
      code: 'FILE_UNREADABLE',
      message: `The server is not where it should be: ${join(folder, ENTRY)} cannot be read.`,
      hint: 'Install the package again; in a checkout: `npm run build`.',
      cause,
    });
  });
  const licenses = await readFile(join(folder, LICENSES)).catch(() => null);
  const contents = new Map([
    ...files,
    ['package.json', Buffer.from('{"type":"module"}\n')],
    ...(licenses === null ? [] : [[LICENSES, licenses] as const]),
  ]);
  const paths = [...contents.keys()].sort().map(path => `${APPLICATION_FOLDER}/${path}`);
  return [
    ...foldersTo(paths),
    ...paths.map(path => ({
      kind: 'file' as const,
      path,
      mode: 0o644,
      content: {
        kind: 'bytes' as const,
        bytes: contents.get(path.slice(APPLICATION_FOLDER.length + 1)) ?? new Uint8Array(),
      },
    })),
  ];
}
