import type { ObjectStore } from '../git/object-store.ts';
import { messageOf, QuickServeError } from '../shared/errors.ts';
import { type BranchState, openBranchState } from './branch-reader.ts';
import { classifyPush, type PushOutcome } from './push-outcome.ts';
import type { RecordAuthor } from './records.ts';
import { buildTree, existingFiles, type NewFile, writeBlobs } from './tree-builder.ts';

/** What an append is to add, computed from the branch as it is. */
export type AppendPlan<T> =
  | { readonly kind: 'add'; readonly files: readonly NewFile[]; readonly message: string; readonly result: T }
  | { readonly kind: 'nothing'; readonly result: T };

export interface AppendOutcome<T> {
  readonly result: T;
  /** The commit that holds the files; null where there was nothing to add. */
  readonly commit: string | null;
  readonly attempts: number;
}

export interface BranchWriterOptions {
  readonly store: ObjectStore;
  readonly branch: string;
  readonly author: RecordAuthor;
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** No new attempt is begun after this time. Default: two minutes. */
  readonly patienceMs?: number;
}

export interface BranchWriter {
  /**
   * Adds files to the branch by compare-and-swap, creating it where it does not exist. `plan` is called again on every
   * new tip; the files of an earlier call that turn out to have landed end the matter.
   * @throws QuickServeError REGISTRY_CONFLICT, REGISTRY_WRITE_REFUSED, REMOTE_UNREACHABLE, REMOTE_REFUSED, and what
   *   `plan` throws; nothing was pushed then.
   */
  append<T>(plan: (state: BranchState) => Promise<AppendPlan<T>>): Promise<AppendOutcome<T>>;
}

const DEFAULT_PATIENCE_MS = 120_000;
const SHORTEST_BOUND_MS = 100;
const LONGEST_WAIT_MS = 8_000;
const PUSH_TIMEOUT_MS = 120_000;

/** What an earlier attempt tried to push. */
interface Candidate<T> {
  readonly commit: string;
  readonly blobs: ReadonlyMap<string, string>;
  readonly result: T;
}

/**
 * Full jitter: uniform between nothing and a bound that doubles with each attempt. It starts at the time that an attempt
 * takes here: another writer gets through in about that time, and what is slow for one is slow for all.
 * @param attempt how many attempts were made, from 1.
 */
export function retryWaitMs(attempt: number, attemptMs: number, random: () => number): number {
  return random() * Math.min(LONGEST_WAIT_MS, Math.max(SHORTEST_BOUND_MS, attemptMs) * 2 ** (attempt - 1));
}

async function writeCommit(
  options: BranchWriterOptions,
  tree: string,
  parent: string | null,
  message: string,
): Promise<string> {
  const { store, author } = options;
  const clean = (text: string): string => text.replace(/[<>\r\n\0]/g, ' ').trim() || 'quickserveml';
  const date = `@${Math.floor(options.now() / 1000)} +0000`;
  const { stdout } = await store.run(
    ['commit-tree', tree, ...(parent === null ? [] : ['-p', parent]), '-F', '-'],
    {
      stdin: `${message}\n`,
      variables: {
        GIT_AUTHOR_NAME: clean(author.name),
        GIT_AUTHOR_EMAIL: clean(author.email),
        GIT_AUTHOR_DATE: date,
        GIT_COMMITTER_NAME: clean(author.name),
        GIT_COMMITTER_EMAIL: clean(author.email),
        GIT_COMMITTER_DATE: date,
      },
      config: [['i18n.commitEncoding', 'utf-8']],
    },
  );
  return stdout.toString('latin1').trim();
}

async function push(options: BranchWriterOptions, commit: string, tip: string | null): Promise<PushOutcome> {
  const { store, branch } = options;
  const ref = `refs/heads/${branch}`;
  try {
    const output = await store.run(
      [
        'push',
        '--porcelain',
        '--no-verify',
        // An empty value: the branch must not exist. A plain push would recreate one that was deleted meanwhile.
        `--force-with-lease=${ref}:${tip ?? ''}`,
        '--',
        store.remote?.url ?? '',
        `${commit}:${ref}`,
      ],
      { accept: [0, 1], timeoutMs: PUSH_TIMEOUT_MS },
    );
    return classifyPush(output.exitCode, output.stdout.toString('utf8'), output.stderr);
  } catch (error) {
    if (!(error instanceof QuickServeError)) throw error;
    if (error.code === 'REMOTE_REFUSED') return { kind: 'refused', reason: error.message };
    // The connection may have been lost after the remote took the push: the next look at the tip tells.
    return { kind: 'unclear', error };
  }
}

/** True where all files of the candidate are on the branch with the same bytes: their paths are unique to it. */
async function hasLanded(state: BranchState, candidate: Candidate<unknown>): Promise<boolean> {
  if (state.tip === candidate.commit) return true;
  const there = await existingFiles(state, [...candidate.blobs.keys()]);
  return [...candidate.blobs].every(([path, id]) => there.get(path) === id);
}

function refusedError(branch: string, reason: string): QuickServeError {
  return new QuickServeError({
    code: 'REGISTRY_WRITE_REFUSED',
    message: `The remote refuses pushes to the registry branch "${branch}": ${reason}`,
    hint:
      'Allow the job to push: on GitHub `permissions: contents: write`; on GitLab enable "Allow Git push requests to the ' +
      'repository" for the job token or use a project access token; and see that no protection covers the branch.',
  });
}

function checkImmutable(
  blobs: ReadonlyMap<string, string>,
  there: ReadonlyMap<string, string>,
): Map<string, string> {
  const added = new Map<string, string>();
  for (const [path, id] of blobs) {
    const existing = there.get(path);
    if (existing === undefined) added.set(path, id);
    else if (existing !== id) {
      throw new QuickServeError({
        code: 'REGISTRY_CONFLICT',
        message: `${path} exists on the registry branch with other contents, and is never rewritten. Nothing was changed.`,
        hint: 'Look at that file in the branch; where it was made by mistake, restore the branch from its history.',
      });
    }
  }
  return added;
}

export function createBranchWriter(options: BranchWriterOptions): BranchWriter {
  const { store, branch } = options;
  const patienceMs = options.patienceMs ?? DEFAULT_PATIENCE_MS;

  async function prepare<T>(
    state: BranchState,
    plan: Extract<AppendPlan<T>, { kind: 'add' }>,
  ): Promise<Candidate<T> | null> {
    const blobs = await writeBlobs(store, plan.files);
    const added = checkImmutable(blobs, await existingFiles(state, [...blobs.keys()]));
    if (added.size === 0) return null;
    const tree = await buildTree(store, state, added);
    return {
      commit: await writeCommit(options, tree, state.tip, plan.message),
      blobs: added,
      result: plan.result,
    };
  }

  return {
    async append(plan) {
      const deadline = options.now() + patienceMs;
      const candidates: Candidate<Awaited<ReturnType<typeof plan>>['result']>[] = [];
      let last: PushOutcome | null = null;
      let attemptMs = 0;
      for (let attempt = 0; ; attempt += 1) {
        if (attempt > 0) {
          if (options.now() > deadline) throw givenUp(branch, attempt, last);
          await options.sleep(retryWaitMs(attempt, attemptMs, options.random));
        }
        const begunAt = options.now();
        const state = await openBranchState(store, branch, 'tree:0');
        for (const candidate of candidates) {
          if (await hasLanded(state, candidate)) {
            return { result: candidate.result, commit: candidate.commit, attempts: attempt };
          }
        }
        const planned = await plan(state);
        if (planned.kind === 'nothing') return { result: planned.result, commit: null, attempts: attempt };
        const candidate = await prepare(state, planned);
        if (candidate === null) return { result: planned.result, commit: null, attempts: attempt };
        last = await push(options, candidate.commit, state.tip);
        if (last.kind === 'accepted') {
          return { result: candidate.result, commit: candidate.commit, attempts: attempt + 1 };
        }
        if (last.kind === 'refused') throw refusedError(branch, last.reason);
        candidates.push(candidate);
        attemptMs = options.now() - begunAt;
      }
    },
  };
}

function givenUp(branch: string, attempts: number, last: PushOutcome | null): QuickServeError {
  if (last?.kind === 'unclear') {
    return new QuickServeError({
      code: 'REMOTE_UNREACHABLE',
      message: `The registry branch "${branch}" could not be pushed in ${attempts} attempts: ${messageOf(last.error)}`,
      hint: 'Check the network and the remote, then run again: what may have arrived is not written twice.',
      cause: last.error,
    });
  }
  if (last?.kind === 'locked') {
    return new QuickServeError({
      code: 'REGISTRY_CONFLICT',
      message: `The remote could not lock the registry branch "${branch}" in ${attempts} attempts: ${last.reason}`,
      hint: 'A crashed process on the server may have left a lock file there; only an administrator of the server can remove it.',
    });
  }
  return new QuickServeError({
    code: 'REGISTRY_CONFLICT',
    message: `The registry branch "${branch}" kept changing: ${attempts} attempts were all overtaken by other writers.`,
    hint: 'Run again, or let fewer jobs record at once.',
  });
}
