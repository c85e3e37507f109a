import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { fullDiskError } from '../shared/full-disk.ts';
import type { TreeEntry } from './tree-listing.ts';

/** Loose objects, written as git does: header and contents, deflated, in a file named by their digest (gitformat-loose(5)). */

const compress = promisify(deflate);
/** What is written here is pushed once and thrown away: the pack is compressed by git. */
const COMPRESSION_LEVEL = 1;

/**
 * Writes one object into a git folder. For small ones: the whole is held in memory.
 * @returns its id.
 * @throws QuickServeError OUTPUT_UNWRITABLE, where the disk is full among others.
 */
export async function writeLooseObject(
  gitDir: string,
  objectFormat: 'sha1' | 'sha256',
  type: 'blob' | 'tree' | 'commit',
  content: Uint8Array,
): Promise<string> {
  const whole = Buffer.concat([Buffer.from(`${type} ${content.length}\0`, 'latin1'), content]);
  const id = createHash(objectFormat).update(whole).digest('hex');
  const path = join(gitDir, 'objects', id.slice(0, 2), id.slice(2));
  const temporary = join(gitDir, 'objects', `tmp_obj_${randomUUID()}`);
  try {
    await writeFile(temporary, await compress(whole, { level: COMPRESSION_LEVEL }), { mode: 0o444 });
    await mkdir(dirname(path), { recursive: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw fullDiskError(gitDir, error);
  }
  return id;
}

/** Where git sorts an entry: folders as if their names ended with a slash. */
const sortKey = ({ path, type }: TreeEntry): Buffer =>
  Buffer.from(type === 'tree' ? `${path}/` : path, 'utf8');

/** The bytes of a tree object, entries in git's order. The objects that they name need not be anywhere. */
export function treeObject(entries: readonly TreeEntry[]): Buffer {
  return Buffer.concat(
    entries
      .map(entry => ({ entry, key: sortKey(entry) }))
      .sort((one, other) => Buffer.compare(one.key, other.key))
      .flatMap(({ entry: { mode, id, path } }) => [
        Buffer.from(`${mode.replace(/^0+/, '')} ${path}\0`, 'utf8'),
        Buffer.from(id, 'hex'),
      ]),
  );
}

export interface CommitContent {
  readonly tree: string;
  /** null: the first commit of its history. */
  readonly parent: string | null;
  readonly name: string;
  readonly email: string;
  /** Seconds since the epoch. */
  readonly atSeconds: number;
  readonly message: string;
}

/** The bytes of a commit object; author and committer are the same, in UTC. */
export function commitObject({ tree, parent, name, email, atSeconds, message }: CommitContent): Buffer {
  const person = `${name} <${email}> ${atSeconds} +0000`;
  const parents = parent === null ? '' : `parent ${parent}\n`;
  return Buffer.from(`tree ${tree}\n${parents}author ${person}\ncommitter ${person}\n\n${message}`, 'utf8');
}
