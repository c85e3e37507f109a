import { createReadStream } from 'node:fs';
import type { ObjectStore } from '../git/object-store.ts';
import { treeObject } from '../git/object-writer.ts';
import type { TreeEntry } from '../git/tree-listing.ts';
import type { BranchState } from './branch-state.ts';
import { folderOf, nameOf, splitPath } from './tree-paths.ts';

/** A file to add to the branch: its bytes, or the path of a file that has them. */
export interface NewFile {
  readonly path: string;
  readonly content:
    | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
    | { readonly kind: 'file'; readonly source: string };
}

async function hashSources(store: ObjectStore, files: readonly NewFile[]): Promise<Map<string, string>> {
  const ids = new Map<string, string>();
  for (const { path, content } of files) {
    if (content.kind !== 'file') continue;
    const { stdout } = await store.run(['hash-object', '-w', '--no-filters', '--stdin'], {
      stdin: createReadStream(content.source),
    });
    ids.set(path, stdout.toString('latin1').trim());
  }
  return ids;
}

/** Writes the files' bytes as blobs; the ids by path. */
export async function writeBlobs(
  store: ObjectStore,
  files: readonly NewFile[],
): Promise<ReadonlyMap<string, string>> {
  const ids = await hashSources(store, files);
  for (const { path, content } of files) {
    if (content.kind === 'bytes') ids.set(path, await store.writeObject('blob', content.bytes));
  }
  return ids;
}

/**
 * Those of the paths that the branch has already, with the ids they have there.
 */
export async function existingFiles(
  state: Pick<BranchState, 'listFolders'>,
  paths: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const folders = await state.listFolders([...new Set(paths.map(folderOf))]);
  const found = new Map<string, string>();
  for (const path of paths) {
    const entry = folders.get(folderOf(path))?.find(candidate => candidate.path === nameOf(path));
    if (entry !== undefined) found.set(path, entry.id);
  }
  return found;
}

/** What a commit does to the branch's files. */
export interface TreeChange {
  /** Blob ids by path, of new files and of those that are replaced. */
  readonly added: ReadonlyMap<string, string>;
  /** Files and whole folders. */
  readonly removed: readonly string[];
}

function foldersAbove(paths: Iterable<string>): ReadonlySet<string> {
  const folders = new Set<string>(['']);
  for (const path of paths) {
    const segments = splitPath(path).slice(0, -1);
    for (let length = 1; length <= segments.length; length += 1)
      folders.add(segments.slice(0, length).join('/'));
  }
  return folders;
}

/**
 * The tree of the branch with a change made. Only folders on the way are read; their siblings are named by id and need
 * not be in the store. A folder that is left empty goes.
 * @returns the id of the new root tree.
 */
export async function buildTree(
  store: ObjectStore,
  state: Pick<BranchState, 'listFolders'>,
  { added, removed }: TreeChange,
): Promise<string> {
  const folders = foldersAbove([...added.keys(), ...removed]);
  const before = await state.listFolders([...folders]);
  const contents = new Map<string, Map<string, TreeEntry>>();
  for (const folder of folders) {
    contents.set(folder, new Map((before.get(folder) ?? []).map(entry => [entry.path, entry])));
  }
  const put = (path: string, entry: Omit<TreeEntry, 'path'>): void => {
    contents.get(folderOf(path))?.set(nameOf(path), { ...entry, path: nameOf(path) });
  };
  for (const path of removed) contents.get(folderOf(path))?.delete(nameOf(path));
  for (const [path, id] of added) put(path, { mode: '100644', type: 'blob', id });

  const depthOf = (folder: string): number => splitPath(folder).length;
  const deepest = Math.max(...[...folders].map(depthOf));
  for (let depth = deepest; depth >= 0; depth -= 1) {
    for (const folder of folders) {
      if (depthOf(folder) !== depth) continue;
      if (depth > 0 && contents.get(folder)?.size === 0) {
        contents.get(folderOf(folder))?.delete(nameOf(folder));
        continue;
      }
      const id = await store.writeObject('tree', treeObject([...(contents.get(folder)?.values() ?? [])]));
      if (folder === '') return id;
      put(folder, { mode: '040000', type: 'tree', id });
    }
  }
  throw new Error('unreachable: the top folder is always one of the levels');
}
