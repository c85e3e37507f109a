import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What was read from the branch, parsed, on this machine. Every entry says for which tree it holds. */
export interface IndexCache {
  /** null where there is no entry, it is damaged, or it was made for another tree. */
  read(name: string, tree: string): Promise<unknown>;
  /** The entry whatever tree it was made for; its parts may still be good. */
  readStale(name: string): Promise<unknown>;
  /** A cache that cannot be written costs the next run a download, nothing more. */
  write(name: string, tree: string, value: unknown): Promise<void>;
}

/** Raised whenever what is cached changes its shape. */
const CACHE_FORMAT = 2;

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

interface Entry {
  readonly tree: string;
  readonly value: unknown;
}

/** A cache below `folder` for one branch of one remote; entries carry a checksum and go with the first doubt. */
export function openIndexCache(folder: string, remoteUrl: string, branch: string): IndexCache {
  const own = join(folder, `v${CACHE_FORMAT}`, digestOf(`${remoteUrl}\n${branch}`).slice(0, 32));
  const pathOf = (name: string): string => join(own, `${digestOf(name).slice(0, 32)}.json`);

  const load = async (name: string): Promise<Entry | null> => {
    try {
      const text = await readFile(pathOf(name), 'utf8');
      const end = text.indexOf('\n');
      const body = text.slice(end + 1);
      if (text.slice(0, end) !== digestOf(body)) return null;
      const entry = JSON.parse(body) as { readonly name: string } & Entry;
      return entry.name === name ? entry : null;
    } catch {
      return null;
    }
  };

  return {
    async read(name, tree) {
      const entry = await load(name);
      return entry?.tree === tree ? entry.value : null;
    },
    async readStale(name) {
      return (await load(name))?.value ?? null;
    },
    async write(name, tree, value) {
      const temporary = join(own, `${randomUUID()}.part`);
      try {
        await mkdir(own, { recursive: true, mode: 0o700 });
        const body = JSON.stringify({ name, tree, value });
        await writeFile(temporary, `${digestOf(body)}\n${body}`, { mode: 0o600 });
        await rename(temporary, pathOf(name));
      } catch {
        await rm(temporary, { force: true }).catch(() => undefined);
      }
    },
  };
}
