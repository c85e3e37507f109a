import type { BaseHint } from '../platforms/context.ts';
import { QuickServeError } from '../shared/errors.ts';
import { maskSecrets } from '../shared/secrets.ts';
import { ensureCommit, findMergeBase, firstParents, lookUpRemoteRef } from './history.ts';
import type { ObjectStore } from './object-store.ts';
import { type Repository, readGit } from './repository.ts';
import { type WorkTreeStatus, workTreeStatus } from './work-tree.ts';

export type BaseResolution =
  | { readonly kind: 'commit'; readonly sha: string; readonly role: string }
  | { readonly kind: 'none'; readonly reason: string };

export interface ResolveOptions {
  /** A person named the base (`--base`): where it cannot be found that is an error, not an answer. */
  readonly demanded?: boolean;
  /** The models: only changes beside them count as changes of the work tree. */
  readonly modelPaths?: readonly string[];
}

const FULL_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i;

const none = (reason: string): BaseResolution => ({ kind: 'none', reason });
const short = (sha: string): string => sha.slice(0, 10);

async function resolveLocally(repository: Repository, name: string): Promise<string | null> {
  const output = await readGit(
    repository,
    ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`],
    { accept: [0, 1, 128] },
  );
  return output.exitCode === 0 ? output.stdout.toString('utf8').trim() : null;
}

/** The commit that a name stands for: a branch of the remote first (a clone's own branch may be old), then anything local. */
async function resolveName(repository: Repository, store: ObjectStore, name: string): Promise<string | null> {
  if (FULL_ID.test(name)) return (await ensureCommit(store, name.toLowerCase())) ? name.toLowerCase() : null;
  const local = await resolveLocally(repository, name);
  if (local !== null) return local;
  const tracking =
    repository.remote === null ? null : await resolveLocally(repository, `${repository.remote.name}/${name}`);
  if (tracking !== null) return tracking;
  if (store.remote === null) return null;
  // A shallow or single-branch clone has no origin/main, while its remote has a main.
  const prefix = `${store.remote.name}/`;
  const sha =
    (await lookUpRemoteRef(store, name)) ??
    (name.startsWith(prefix) ? await lookUpRemoteRef(store, name.slice(prefix.length)) : null);
  return sha !== null && (await ensureCommit(store, sha)) ? sha : null;
}

async function resolveCommit(
  repository: Repository,
  store: ObjectStore,
  hint: { readonly sha: string; readonly role: string },
  demanded: boolean,
): Promise<BaseResolution> {
  if (/^0+$/.test(hint.sha))
    return none('this is the first push of the branch: there is no commit before it');
  const sha = await resolveName(repository, store, hint.sha);
  if (sha !== null) return { kind: 'commit', sha, role: hint.role };
  if (!demanded)
    return none(`commit ${short(hint.sha)} (${hint.role}) is neither here nor on the remote any more`);
  throw new QuickServeError({
    code: 'BASE_NOT_FOUND',
    message: `The base "${hint.sha}" is not a commit of this repository or its remote.`,
    hint: 'Name a branch, a tag or a commit that exists, for example --base origin/main.',
  });
}

/** Of the branch that a change goes to: the remote's state counts, a clone's branch of the same name may be old. */
async function resolveTarget(
  repository: Repository,
  store: ObjectStore,
  name: string,
): Promise<string | null> {
  if (FULL_ID.test(name)) return resolveName(repository, store, name);
  const bare = name.replace(/^refs\/heads\//, '');
  const tracking =
    repository.remote === null
      ? null
      : await resolveLocally(repository, `refs/remotes/${repository.remote.name}/${bare}`);
  return tracking ?? (await resolveName(repository, store, bare));
}

async function resolveMergeBase(
  repository: Repository,
  store: ObjectStore,
  hint: { readonly of: string; readonly role: string },
): Promise<BaseResolution> {
  if (repository.headSha === null) return none('there is no commit yet');
  const target = await resolveTarget(repository, store, hint.of);
  if (target === null) return none(`${hint.of} is neither here nor on the remote`);
  const sha = await findMergeBase(store, repository.headSha, target);
  if (sha === null) return none(`HEAD and ${hint.of} have no common ancestor that could be found`);
  return { kind: 'commit', sha, role: hint.role };
}

/** Whether a model differs from HEAD, or a tracked file in the folder of one, where its cases and weights may be. */
function hasChanges({ changed, untracked }: WorkTreeStatus, modelPaths: readonly string[]): boolean {
  const folders = modelPaths.map(path => path.slice(0, path.lastIndexOf('/') + 1));
  return (
    modelPaths.some(path => untracked.has(path)) ||
    [...changed].some(path => folders.some(folder => path.startsWith(folder)))
  );
}

interface TargetBranch {
  readonly name: string;
  readonly sha: string;
}

/** The first of the names that stands for a commit of the clone. */
async function firstKnown(repository: Repository, names: readonly string[]): Promise<TargetBranch | null> {
  for (const name of names) {
    const sha = await resolveLocally(repository, name);
    if (sha !== null) return { name, sha };
  }
  return null;
}

/**
 * The branch that the work will go to: the upstream, unless that is only the pushed copy of the same branch, which would
 * hide what was pushed. Then it is the remote's default branch, as a pull request would have it.
 */
async function targetOnLaptop(repository: Repository, store: ObjectStore): Promise<TargetBranch | null> {
  const { branch } = repository;
  const remoteName = repository.remote?.name;
  const asked = await readGit(
    repository,
    ['rev-parse', '--abbrev-ref', '--symbolic-full-name', '@{upstream}'],
    { accept: [0, 128] },
  );
  const upstream = asked.exitCode === 0 ? asked.stdout.toString('utf8').trim() : null;
  const isMain = branch === 'main' || branch === 'master';
  const isOwnCopy = !isMain && branch !== null && upstream === `${remoteName}/${branch}`;
  const known = await firstKnown(repository, [
    ...(upstream === null || isOwnCopy ? [] : [upstream]),
    ...(remoteName === undefined ? [] : ['HEAD', 'main', 'master'].map(name => `${remoteName}/${name}`)),
    ...(isMain ? [] : ['main', 'master']),
  ]);
  if (known !== null || upstream === null) return known;
  return (await defaultBranchOf(store)) ?? firstKnown(repository, [upstream]);
}

/** The remote's default branch by its own word; null where it does not answer. */
async function defaultBranchOf(store: ObjectStore): Promise<TargetBranch | null> {
  if (store.remote === null) return null;
  try {
    const sha = await lookUpRemoteRef(store, 'HEAD');
    return sha !== null && (await ensureCommit(store, sha))
      ? { name: `the default branch of ${store.remote.name}`, sha }
      : null;
  } catch (error) {
    if (isRemoteFailure(error)) return null;
    throw error;
  }
}

const isRemoteFailure = (error: unknown): error is QuickServeError =>
  error instanceof QuickServeError &&
  (error.code === 'REMOTE_UNREACHABLE' || error.code === 'REMOTE_REFUSED');

async function resolveOnLaptop(
  repository: Repository,
  store: ObjectStore,
  modelPaths: readonly string[],
): Promise<BaseResolution> {
  if (repository.headSha === null) return none('there is no commit yet');
  if (hasChanges(await workTreeStatus(repository), modelPaths)) {
    return { kind: 'commit', sha: repository.headSha, role: 'HEAD (the work tree has changes)' };
  }
  const target = await targetOnLaptop(repository, store);
  if (target !== null) {
    const sha = await findMergeBase(store, repository.headSha, target.sha);
    if (sha !== null) return { kind: 'commit', sha, role: `merge base with ${target.name}` };
  }
  return (
    (await resolveParent(repository, store)) ??
    none(
      target === null
        ? 'there is no upstream branch and no earlier commit to compare with'
        : `HEAD and ${target.name} have no common ancestor that could be found`,
    )
  );
}

async function resolveParent(repository: Repository, store: ObjectStore): Promise<BaseResolution | null> {
  if (repository.headSha === null) return null;
  const [parent] = await firstParents(store, repository.headSha);
  if (parent === undefined || !(await ensureCommit(store, parent))) return null;
  return { kind: 'commit', sha: parent, role: 'parent of HEAD' };
}

/**
 * The commit to compare with, found as the hint says. The clone is only read; missing commits are fetched into `store`.
 * Where the remote does not answer, that is the reason for having none, unless the base was demanded.
 * @throws QuickServeError BASE_NOT_FOUND where a demanded base does not exist; GIT_FAILED.
 */
export async function resolveBase(
  repository: Repository,
  store: ObjectStore,
  hint: BaseHint,
  options: ResolveOptions = {},
): Promise<BaseResolution> {
  const demanded = options.demanded ?? false;
  try {
    switch (hint.kind) {
      case 'none':
        return none(hint.reason);
      case 'merge-commit': {
        const parents = repository.headSha === null ? [] : await firstParents(store, repository.headSha);
        const [first] = parents;
        if (first === undefined || parents.length < 2)
          return await resolveBase(repository, store, hint.fallback, options);
        return (await ensureCommit(store, first))
          ? { kind: 'commit', sha: first, role: 'first parent of the merge commit' }
          : none(`the first parent of the merge commit, ${short(first)}, is neither here nor on the remote`);
      }
      case 'commit':
        return await resolveCommit(repository, store, hint, demanded);
      case 'merge-base':
        return await resolveMergeBase(repository, store, hint);
      case 'parent':
        return (
          (await resolveParent(repository, store)) ?? none('HEAD has no parent that is here or on the remote')
        );
      case 'local':
        return await resolveOnLaptop(repository, store, options.modelPaths ?? []);
    }
  } catch (error) {
    if (!isRemoteFailure(error) || demanded) throw error;
    return none(maskSecrets(error.message, store.remote?.credentials.secrets ?? []));
  }
}
