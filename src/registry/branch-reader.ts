import { lookUpRemoteRef } from '../git/history.ts';
import type { ObjectFilter, ObjectStore } from '../git/object-store.ts';
import { parseTreeListing, parseTreeObject, type TreeEntry } from '../git/tree-listing.ts';
import { QuickServeError } from '../shared/errors.ts';

const TIP_REF = 'refs/quickserveml/tip';

/** The registry branch at one commit. Folders and files that are not here yet are fetched, all of a call at once. */
export interface BranchState {
  /** null: the branch does not exist. */
  readonly tip: string | null;
  /** Entries of the named folders (`''` is the top); a folder that does not exist is left out. */
  listFolders(folders: readonly string[]): Promise<ReadonlyMap<string, readonly TreeEntry[]>>;
  /** Contents of the named files; a file that does not exist is left out. For small files. */
  readFiles(paths: readonly string[]): Promise<ReadonlyMap<string, Buffer>>;
  /** Blob ids of all files. Fetches whole trees; cheap only in a state opened with `blob:none`. */
  listAllFiles(): Promise<ReadonlyMap<string, string>>;
}

export const splitPath = (path: string): string[] => (path === '' ? [] : path.split('/'));

function malformedTree(path: string): QuickServeError {
  return new QuickServeError({
    code: 'REGISTRY_MALFORMED',
    message: `${path} on the registry branch is a file where a folder belongs, or the other way round. Nothing was changed.`,
    hint: 'Restore the branch from its history, then run again.',
  });
}

/** Fetches those of the trees that are not here, without anything below them, and reads all. */
async function readTrees(
  store: ObjectStore,
  ids: readonly string[],
): Promise<ReadonlyMap<string, readonly TreeEntry[]>> {
  const unique = [...new Set(ids)];
  const here = await store.readObjects(unique);
  const missing = unique.filter(id => !here.has(id));
  // Without refetch git would think that it has these trees, since it has the commit above them.
  await store.fetch({ refspecs: missing, filter: 'tree:0', refetch: true });
  const objects = new Map([...here, ...(await store.readObjects(missing))]);
  const idBytes = store.objectFormat === 'sha256' ? 32 : 20;
  return new Map([...objects].map(([id, { content }]) => [id, parseTreeObject(content, idBytes)]));
}

async function readTip(store: ObjectStore): Promise<{ readonly tip: string; readonly root: string }> {
  const [[tip, object] = ['', undefined]] = await store.readObjects([TIP_REF]);
  const root = /^tree ([0-9a-f]+)$/m.exec(object?.content.toString('utf8') ?? '')?.[1];
  if (object?.type === 'commit' && root !== undefined) return { tip, root };
  throw new QuickServeError({
    code: 'REGISTRY_MALFORMED',
    message: `The tip of the registry branch, ${tip}, is not a commit.`,
    hint: 'Restore the branch from its history, then run again.',
  });
}

function createState(store: ObjectStore, tip: string, root: string): BranchState {
  /** Folders that were looked up: their entries, or null where they do not exist. */
  const known = new Map<string, readonly TreeEntry[] | null>();
  const idOf = (parent: string, name: string): string | null => {
    const entry = known.get(parent)?.find(({ path }) => path === name);
    if (entry === undefined) return null;
    if (entry.type !== 'tree') throw malformedTree(parent === '' ? name : `${parent}/${name}`);
    return entry.id;
  };

  const listFolders = async (
    folders: readonly string[],
  ): Promise<ReadonlyMap<string, readonly TreeEntry[]>> => {
    const wanted = folders.map(folder => splitPath(folder));
    const deepest = Math.max(0, ...wanted.map(({ length }) => length));
    for (let level = 0; level <= deepest; level += 1) {
      const ids = new Map<string, string>();
      for (const segments of wanted) {
        if (segments.length < level) continue;
        const folder = segments.slice(0, level).join('/');
        if (known.has(folder)) continue;
        const id =
          level === 0 ? root : idOf(segments.slice(0, level - 1).join('/'), segments[level - 1] ?? '');
        if (id === null) known.set(folder, null);
        else ids.set(folder, id);
      }
      if (ids.size === 0) continue;
      const trees = await readTrees(store, [...ids.values()]);
      for (const [folder, id] of ids) known.set(folder, trees.get(id) ?? []);
    }
    const found = new Map<string, readonly TreeEntry[]>();
    for (const folder of folders) {
      const entries = known.get(folder);
      if (entries !== undefined && entries !== null) found.set(folder, entries);
    }
    return found;
  };

  return {
    tip,
    listFolders,
    async readFiles(paths) {
      const parentOf = (path: string): string => splitPath(path).slice(0, -1).join('/');
      const folders = await listFolders([...new Set(paths.map(parentOf))]);
      const ids = new Map<string, string>();
      for (const path of paths) {
        const entry = folders
          .get(parentOf(path))
          ?.find(candidate => candidate.path === splitPath(path).at(-1));
        if (entry === undefined) continue;
        if (entry.type !== 'blob') throw malformedTree(path);
        ids.set(path, entry.id);
      }
      await store.ensureBlobs([...ids.values()]);
      const objects = await store.readObjects([...new Set(ids.values())]);
      const contents = new Map<string, Buffer>();
      for (const [path, id] of ids) {
        const object = objects.get(id);
        if (object !== undefined) contents.set(path, object.content);
      }
      return contents;
    },
    async listAllFiles() {
      const { stdout } = await store.run(['ls-tree', '-r', '-z', tip]);
      const files = new Map<string, string>();
      for (const { path, type, id } of parseTreeListing(stdout)) if (type === 'blob') files.set(path, id);
      return files;
    },
  };
}

const emptyState: BranchState = {
  tip: null,
  listFolders: async () => new Map(),
  readFiles: async () => new Map(),
  listAllFiles: async () => new Map(),
};

/** True where git says that the remote has no such branch; anything else that fails is a failure. */
function saysNotFound(error: unknown): boolean {
  return (
    error instanceof QuickServeError && /couldn't find remote ref|no such remote ref/i.test(error.message)
  );
}

/**
 * Fetches the branch's tip into the store and opens it. Only a remote that answers and does not list the branch makes
 * an empty state.
 * @param filter `tree:0` to append (folders come as they are needed), `blob:none` to read much.
 * @throws QuickServeError REMOTE_UNREACHABLE, REMOTE_REFUSED, REGISTRY_MALFORMED.
 */
export async function openBranchState(
  store: ObjectStore,
  branch: string,
  filter: ObjectFilter,
): Promise<BranchState> {
  const ref = `refs/heads/${branch}`;
  const fetchTip = (): Promise<void> => store.fetch({ refspecs: [`+${ref}:${TIP_REF}`], filter, depth: 1 });
  try {
    await fetchTip();
  } catch (error) {
    if (!saysNotFound(error)) throw error;
    if ((await lookUpRemoteRef(store, ref)) === null) return emptyState;
    // Another writer made the branch between the two questions.
    await fetchTip();
  }
  const { tip, root } = await readTip(store);
  return createState(store, tip, root);
}
