import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { TarEntry } from './tar.ts';

/** What is known of files without reading them again. */
export interface FactsCache {
  /**
   * The facts of a kind about the entries, from an earlier run where every file is still the same, else computed.
   * A file is the same by path, device, inode, size and both of its times: no cache that was made on another machine
   * can say anything about the files of this one.
   */
  remember<T extends object>(
    kind: string,
    entries: readonly TarEntry[],
    compute: () => Promise<T>,
  ): Promise<T>;
}

/** A file that was written this short a time ago may be written again within the same tick of the clock. */
const SETTLED_AFTER_MS = 50;

async function stampOf(entry: TarEntry): Promise<string> {
  if (entry.kind === 'folder') return JSON.stringify(['folder', entry.path, entry.mode]);
  const { content, path, mode } = entry;
  if (content.kind === 'bytes') {
    return JSON.stringify(['bytes', path, mode, createHash('sha256').update(content.bytes).digest('hex')]);
  }
  if (content.kind === 'stream') throw new Error('the bytes of a stream have no identity');
  const file = resolve(content.file);
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
  return JSON.stringify(['file', path, mode, file, ...[dev, ino, size, mtimeNs, ctimeNs].map(String)]);
}

async function newestChangeMs(entries: readonly TarEntry[]): Promise<number> {
  const times = await Promise.all(
    entries.map(async entry =>
      entry.kind === 'file' && entry.content.kind === 'file' ? (await stat(entry.content.file)).ctimeMs : 0,
    ),
  );
  return Math.max(0, ...times);
}

/** Keeps facts below a folder, a small file each. Where it cannot be written, nothing is kept. */
export function openFactsCache(folder: string, now: () => number): FactsCache {
  return {
    async remember<T extends object>(
      kind: string,
      entries: readonly TarEntry[],
      compute: () => Promise<T>,
    ): Promise<T> {
      const key = async (): Promise<string> =>
        createHash('sha256')
          .update([kind, ...(await Promise.all(entries.map(stampOf)))].join('\n'))
          .digest('hex');
      const before = await key().catch(() => null);
      if (before === null) return compute();
      const file = join(folder, `${before}.json`);
      const settled = now() - (await newestChangeMs(entries)) > SETTLED_AFTER_MS;
      try {
        const known: T = JSON.parse(await readFile(file, 'utf8'));
        return known;
      } catch {
        // Not known, or damaged: computed.
      }
      const facts = await compute();
      if (settled && (await key().catch(() => null)) === before) {
        const temporary = `${file}.${randomUUID()}`;
        await mkdir(dirname(file), { recursive: true })
          .then(() => writeFile(temporary, JSON.stringify(facts)))
          .then(() => rename(temporary, file))
          .catch(() => undefined);
      }
      return facts;
    },
  };
}
