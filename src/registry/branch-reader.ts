import { lookUpRemoteRef } from '../git/history.ts';
import type { ObjectFilter, ObjectStore } from '../git/object-store.ts';
import { parseTreeListing, parseTreeObject, type TreeEntry } from '../git/tree-listing.ts';
import { QuickServeError } from '../shared/errors.ts';
import type { BranchState, BranchTip, InboxRef, UnusableEntry } from './branch-state.ts';
import { type ComplaintAbout, inboxRefspecs, parseInboxMessage, remoteInboxRef } from './inbox.ts';
import { buildTree, existingFiles, type NewFile, writeBlobs } from './tree-builder.ts';
import { folderOf, nameOf, splitPath } from './tree-paths.ts';

const TIP_REF = 'refs/quickserveml/tip';
const LOCAL_INBOX = 'refs/quickserveml/inbox';

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

interface Tip {
  readonly commit: string;
  readonly root: string;
  readonly message: string;
}

function notACommit(commit: string): QuickServeError {
  return new QuickServeError({
    code: 'REGISTRY_MALFORMED',
    message: `The tip of the registry branch, ${commit}, is not a commit.`,
    hint: 'Restore the branch from its history, then run again.',
  });
}

function parseCommit(content: Buffer): { readonly root: string; readonly message: string } | null {
  const text = content.toString('utf8');
  const root = /^tree ([0-9a-f]+)$/m.exec(text)?.[1];
  const end = text.indexOf('\n\n');
  return root === undefined || end < 0 ? null : { root, message: text.slice(end + 2) };
}

/** What the last fetch brought: the branch's tip and the refs of the inbox with their commits' messages. */
async function readFetched(
  store: ObjectStore,
  branch: string,
): Promise<{ readonly tip: Tip | null; readonly waiting: ReadonlyMap<InboxRef, string> }> {
  const { stdout } = await store.run([
    'for-each-ref',
    '--format=%(objectname) %(refname)',
    TIP_REF,
    LOCAL_INBOX,
  ]);
  const refs = stdout
    .toString('utf8')
    .split('\n')
    .flatMap(line => {
      const [commit, ref] = line.split(' ');
      return commit === undefined || ref === undefined ? [] : [{ commit, ref }];
    });
  const objects = await store.readObjects([...new Set(refs.map(({ commit }) => commit))]);
  let tip: Tip | null = null;
  const waiting = new Map<InboxRef, string>();
  for (const { commit, ref } of refs) {
    const object = objects.get(commit);
    const parsed = object?.type === 'commit' ? parseCommit(object.content) : null;
    if (ref === TIP_REF) {
      if (parsed === null) throw notACommit(commit);
      tip = { commit, ...parsed };
    } else {
      waiting.set(
        { ref: remoteInboxRef(branch, ref.slice(LOCAL_INBOX.length + 1)), commit },
        parsed?.message ?? '',
      );
    }
  }
  return { tip, waiting };
}

type StateFacts = Pick<BranchState, 'tip' | 'tipMessage' | 'inbox' | 'unusable'>;

function createState(store: ObjectStore, root: string | null, facts: StateFacts): BranchState {
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
    ...facts,
    root,
    listFolders,
    async readFiles(paths) {
      const folders = await listFolders([...new Set(paths.map(folderOf))]);
      const ids = new Map<string, string>();
      for (const path of paths) {
        const entry = folders.get(folderOf(path))?.find(candidate => candidate.path === nameOf(path));
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
      if (root === null) return new Map();
      const { stdout } = await store.run(['ls-tree', '-r', '-z', root]);
      const files = new Map<string, string>();
      for (const { path, type, id } of parseTreeListing(stdout)) if (type === 'blob') files.set(path, id);
      return files;
    },
  };
}

/** True where git says that the remote has no such branch; anything else that fails is a failure. */
function saysNotFound(error: unknown): boolean {
  return (
    error instanceof QuickServeError && /couldn't find remote ref|no such remote ref/i.test(error.message)
  );
}

/** Adds what waits in the inbox to the state; the entries that cannot be read are named and left out. */
async function mergeInbox(
  store: ObjectStore,
  bare: BranchState,
  waiting: ReadonlyMap<InboxRef, string>,
  complaintAbout: ComplaintAbout,
): Promise<BranchState> {
  const inbox: InboxRef[] = [];
  const unusable: UnusableEntry[] = [];
  const files = new Map<string, { readonly file: NewFile; readonly from: InboxRef }>();
  for (const [from, message] of waiting) {
    const entry = parseInboxMessage(message, complaintAbout);
    if (entry.kind === 'unusable') {
      unusable.push({ ...from, why: entry.why });
      continue;
    }
    inbox.push(from);
    for (const file of entry.files) files.set(file.path, { file, from });
  }
  const facts = { tip: bare.tip, tipMessage: bare.tipMessage };
  if (files.size === 0) return createState(store, bare.root, { ...facts, inbox, unusable });
  const blobs = await writeBlobs(
    store,
    [...files.values()].map(({ file }) => file),
  );
  const there = await existingFiles(bare, [...blobs.keys()]);
  const added = new Map<string, string>();
  const clashing = new Set<InboxRef>();
  for (const [path, id] of blobs) {
    const existing = there.get(path);
    const from = files.get(path)?.from;
    if (existing === undefined) added.set(path, id);
    else if (existing !== id && from !== undefined) {
      clashing.add(from);
      unusable.push({ ...from, why: `${path} is on the branch with other contents` });
    }
  }
  const root = added.size === 0 ? bare.root : await buildTree(store, bare, { added, removed: [] });
  return createState(store, root, { ...facts, inbox: inbox.filter(ref => !clashing.has(ref)), unusable });
}

/**
 * Fetches the branch's tip and its inbox into the store. Only a remote that answers and does not
 * list the branch makes an empty state.
 * @param filter `tree:0` to append (folders come as they are needed), `blob:none` to read much.
 * @param complaintAbout what is wrong with a file of the inbox, or null.
 * @throws QuickServeError REMOTE_UNREACHABLE, REMOTE_REFUSED, REGISTRY_MALFORMED.
 */
export async function fetchBranchTip(
  store: ObjectStore,
  branch: string,
  filter: ObjectFilter,
  complaintAbout: ComplaintAbout,
): Promise<BranchTip> {
  const ref = `refs/heads/${branch}`;
  const refspecs = [`+${ref}:${TIP_REF}`, ...inboxRefspecs(branch, LOCAL_INBOX)];
  const fetchAll = (): Promise<void> => store.fetch({ refspecs, filter, depth: 1, prune: true });
  try {
    await fetchAll();
  } catch (error) {
    if (!saysNotFound(error)) throw error;
    if ((await lookUpRemoteRef(store, ref)) === null) {
      const empty = createState(store, null, { tip: null, tipMessage: '', inbox: [], unusable: [] });
      return { tip: null, tipMessage: '', waiting: 0, open: async () => empty };
    }
    // Another writer made the branch between the two questions.
    await fetchAll();
  }
  const { tip, waiting } = await readFetched(store, branch);
  const bare = createState(store, tip?.root ?? null, {
    tip: tip?.commit ?? null,
    tipMessage: tip?.message ?? '',
    inbox: [],
    unusable: [],
  });
  return {
    tip: bare.tip,
    tipMessage: bare.tipMessage,
    waiting: waiting.size,
    open: async () => (waiting.size === 0 ? bare : mergeInbox(store, bare, waiting, complaintAbout)),
  };
}

/** Fetches the branch and its inbox and opens both as one; see `fetchBranchTip`. */
export async function openBranchState(
  store: ObjectStore,
  branch: string,
  filter: ObjectFilter,
  complaintAbout: ComplaintAbout,
): Promise<BranchState> {
  return (await fetchBranchTip(store, branch, filter, complaintAbout)).open();
}
