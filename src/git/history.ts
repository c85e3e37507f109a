import { QuickServeError } from '../shared/errors.ts';
import type { ObjectStore } from './object-store.ts';

/** How many commits each further step brings when the history is deepened. */
const DEEPEN_STEPS = [32, 128, 512, 2048, 8192] as const;
const TARGET_REF = 'refs/quickserveml/target';
const HEAD_REF = 'refs/quickserveml/head';

/** True for git's ways to say that the remote does not have what was asked for, or may not hand it out by id. */
function isAbsent(error: unknown): boolean {
  return (
    error instanceof QuickServeError &&
    /not our ref|couldn't find remote ref|unadvertised object|no such remote ref|bad object/i.test(
      error.message,
    )
  );
}

async function hasObject(store: ObjectStore, id: string): Promise<boolean> {
  return (await store.missing([id])).length === 0;
}

async function hasAllTrees(store: ObjectStore, commit: string): Promise<boolean> {
  const listing = await store.run(['ls-tree', '-r', '-z', '--name-only', commit], { accept: [0, 1, 128] });
  return listing.exitCode === 0;
}

/**
 * Makes a commit and all its trees (not its files) available in the store, fetching it at depth 1 where they are missing.
 * False where neither the clone nor the remote has it.
 * @throws QuickServeError REMOTE_UNREACHABLE, REMOTE_REFUSED.
 */
export async function ensureCommit(store: ObjectStore, sha: string): Promise<boolean> {
  const known = await hasObject(store, sha);
  if (known && (await hasAllTrees(store, sha))) return true;
  if (store.remote === null) return false;
  try {
    await store.fetch({ refspecs: [sha], filter: 'blob:none', depth: 1, refetch: known });
  } catch (error) {
    if (!isAbsent(error)) throw error;
    // An old server gives only what its branches name: ask for these, in the hope that it is one of them.
    await fetchBranches(store);
  }
  return (await hasObject(store, sha)) && (await hasAllTrees(store, sha));
}

async function fetchBranches(store: ObjectStore): Promise<void> {
  await store.fetch({
    refspecs: ['+refs/heads/*:refs/quickserveml/heads/*', '+refs/tags/*:refs/quickserveml/tags/*'],
    filter: 'blob:none',
    depth: 1,
  });
}

/** The parents that the commit itself names, read raw: a depth-1 checkout cannot resolve HEAD^1, but the commit says it. */
export async function firstParents(store: ObjectStore, sha: string): Promise<string[]> {
  const commit = (await store.readObjects([sha])).get(sha);
  if (commit?.type !== 'commit') return [];
  const header = commit.content.toString('utf8').split('\n\n', 1)[0] ?? '';
  return [...header.matchAll(/^parent ([0-9a-f]+)$/gm)].map(match => match[1] ?? '');
}

/** What a branch or tag of the remote, or its HEAD, points at, or null. */
export async function lookUpRemoteRef(store: ObjectStore, name: string): Promise<string | null> {
  if (store.remote === null) return null;
  const wanted =
    name === 'HEAD'
      ? [name]
      : name.startsWith('refs/')
        ? [name, `${name}^{}`]
        : [`refs/heads/${name}`, `refs/tags/${name}`, `refs/tags/${name}^{}`];
  const { stdout } = await store.run(['ls-remote', '--', store.remote.url, ...wanted], { timeoutMs: 60_000 });
  const refs = new Map<string, string>();
  for (const line of stdout.toString('utf8').split('\n')) {
    const [sha, ref] = line.split('\t');
    if (sha !== undefined && ref !== undefined) refs.set(ref, sha);
  }
  // `^{}` is the commit behind an annotated tag.
  for (const ref of wanted.toSorted((a, b) => Number(b.endsWith('^{}')) - Number(a.endsWith('^{}')))) {
    const sha = refs.get(ref);
    if (sha !== undefined) return sha;
  }
  return null;
}

async function mergeBaseOf(store: ObjectStore, a: string, b: string): Promise<string | null> {
  const output = await store.run(['merge-base', a, b], { accept: [0, 1, 128] });
  return output.exitCode === 0 ? (output.stdout.toString('utf8').trim().split('\n')[0] ?? null) : null;
}

async function isShallow(store: ObjectStore): Promise<boolean> {
  const output = await store.run(['rev-parse', '--is-shallow-repository']);
  return output.stdout.toString('utf8').trim() === 'true';
}

/**
 * Deepens the store's histories step by step until `found` is not null. Commits only (`tree:0`), so a step costs a few
 * hundred bytes a commit where the server has filters.
 */
async function deepenUntil<T>(
  store: ObjectStore,
  commits: readonly string[],
  find: () => Promise<T | null>,
): Promise<T | null> {
  const before = await find();
  if (before !== null || store.remote === null) return before;
  for (const deepenBy of DEEPEN_STEPS) {
    if (!(await isShallow(store))) break;
    try {
      await store.fetch({ refspecs: commits, filter: 'tree:0', deepenBy });
    } catch (error) {
      if (!isAbsent(error)) throw error;
      // HEAD may not be on the remote (a local commit): its branches lead to the shallow boundary as well.
      await store.fetch({
        refspecs: ['+refs/heads/*:refs/quickserveml/heads/*'],
        filter: 'tree:0',
        deepenBy,
      });
    }
    const found = await find();
    if (found !== null) return found;
  }
  return null;
}

async function pin(store: ObjectStore, ref: string, sha: string): Promise<void> {
  await store.run(['update-ref', ref, sha]);
}

/**
 * The merge base of two commits, deepening a shallow history in the store as far as needed.
 * null where there is none within about 11,000 commits.
 */
export async function findMergeBase(
  store: ObjectStore,
  head: string,
  target: string,
): Promise<string | null> {
  if (!(await ensureCommit(store, target))) return null;
  await pin(store, HEAD_REF, head);
  await pin(store, TARGET_REF, target);
  const sha = await deepenUntil(store, [head, target], () => mergeBaseOf(store, head, target));
  return sha !== null && (await ensureCommit(store, sha)) ? sha : null;
}

/** How one commit lies to another in the history. */
export type CommitRelation = 'same' | 'newer' | 'older' | 'diverged' | 'unknown';

/**
 * How `commit` lies to `other`: `older` where it is an ancestor of it. `unknown` where the history cannot be had.
 * Used by the registry to see that a late job brings an old model.
 */
export async function relateCommits(
  store: ObjectStore,
  commit: string,
  other: string,
): Promise<CommitRelation> {
  if (commit === other) return 'same';
  if (!(await ensureCommit(store, commit)) || !(await ensureCommit(store, other))) return 'unknown';
  const base = await findMergeBase(store, commit, other);
  if (base === commit) return 'older';
  if (base === other) return 'newer';
  return base === null ? 'unknown' : 'diverged';
}
