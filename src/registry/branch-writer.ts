import type { ObjectStore } from '../git/object-store.ts';
import { QuickServeError } from '../shared/errors.ts';
import { pushUpdate } from './branch-push.ts';
import { fetchBranchTip } from './branch-reader.ts';
import type { BranchState, BranchTip } from './branch-state.ts';
import { type ComplaintAbout, type InboxPlace, inboxMessage, inboxRef } from './inbox.ts';
import { REGISTRY_FILE } from './layout.ts';
import type { PushOutcome } from './push-outcome.ts';
import type { RecordAuthor } from './records.ts';
import { withTrailers, writeCommit } from './registry-commit.ts';
import { createTimeId } from './time-ids.ts';
import { buildTree, existingFiles, type NewFile, writeBlobs } from './tree-builder.ts';
import { givenUp, refusedError } from './write-failures.ts';

/** What a write is to do, computed from the branch as it is. */
export type AppendPlan<T> =
  | {
      readonly kind: 'add';
      readonly files: readonly NewFile[];
      readonly message: string;
      readonly result: T;
      /** Files and folders that go; only compaction has some. */
      readonly removed?: readonly string[];
      /** Paths among the files that may exist with other contents; only packs may. */
      readonly replaced?: ReadonlySet<string>;
      /** The commit gets no parents: the history before it goes. */
      readonly rewrites?: boolean;
      /** Nothing here depends on what others write: it may wait in the inbox. */
      readonly independent?: boolean;
    }
  | { readonly kind: 'nothing'; readonly result: T };

export interface AppendOutcome<T> {
  readonly result: T;
  /** The commit that holds the files; null where there was nothing to add. */
  readonly commit: string | null;
  readonly attempts: number;
  /** `inbox`: on the remote and read by everybody, and perhaps still to be merged into the branch. */
  readonly via: 'branch' | 'inbox' | 'none';
  /** When the remote had it, on the writer's clock. */
  readonly acceptedAt: number;
  /** How many entries were last seen, or are taken, to wait in the inbox. */
  readonly waiting: number;
}

export interface BranchWriterOptions {
  readonly store: ObjectStore;
  readonly branch: string;
  readonly author: RecordAuthor;
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly complaintAbout: ComplaintAbout;
  /** Checks that this version may write to the branch. */
  readonly guard: (state: BranchState) => Promise<unknown>;
  /** No new attempt is begun after this time. Default: two minutes. */
  readonly patienceMs?: number;
  /** An SSH key that signs the commits: the path of the private key. */
  readonly signingKey?: string | null;
}

export interface IndependentAddition<T> {
  readonly files: readonly NewFile[];
  readonly result: T;
  /** Checks that this version may write here. */
  readonly check: (tip: BranchTip) => Promise<unknown>;
  readonly plan: (state: BranchState) => Promise<AppendPlan<T>>;
}

export interface BranchWriter {
  /**
   * Changes the branch by compare-and-swap, creating it where it does not exist; takes the inbox in on the way. `plan` is
   * called again on every new tip; the files of an earlier call that turn out to have landed end the matter. What is
   * independent goes into the inbox where the branch is crowded.
   * @throws QuickServeError REGISTRY_CONFLICT, REGISTRY_WRITE_REFUSED, REMOTE_UNREACHABLE, REMOTE_REFUSED, and what
   *   `plan` throws; nothing was pushed then.
   */
  append<T>(plan: (state: BranchState) => Promise<AppendPlan<T>>): Promise<AppendOutcome<T>>;
  /**
   * Adds files that depend on nothing that others write. Where the branch is crowded they go into the inbox.
   * @param crowd how many entries were seen to wait by a write that found it crowded, and checked that it may write: these
   *   go there at once. null: there was none of late.
   * @throws QuickServeError as `append`.
   */
  addIndependent<T>(addition: IndependentAddition<T>, crowd: number | null): Promise<AppendOutcome<T>>;
  /** Tries to take in what waits in the inbox, without insisting. @returns how many entries were taken in. */
  mergeInbox(): Promise<number>;
}

const DEFAULT_PATIENCE_MS = 120_000;
const SHORTEST_BOUND_MS = 100;
const LONGEST_WAIT_MS = 8_000;
/** So many rejections are taken before independent files go into the inbox. */
const REJECTIONS_BEFORE_INBOX = 2;
/** A write by compare-and-swap takes about so many times as long as the fetch of the tip. */
const LOOKS_PER_APPEND = 7;
/** Independent files rather go into the inbox than be on the remote later than this after their writer began. */
const INBOX_SOONER_MS = 4_000;
/** One push takes in at most so many entries. */
const MERGE_LIMIT = 200;
const MERGE_STAGGER_MS = 150;
const MERGE_LONGEST_WAIT_MS = 6_000;

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

/** By which files a push is known again: others may have rewritten a pack since, so packs count where there is nothing else. */
function ownFiles(
  added: ReadonlyMap<string, string>,
  replaced: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const own = [...added].filter(([path]) => !replaced.has(path));
  return own.length === 0 ? added : new Map(own);
}

/** True where all files of the candidate are on the branch with the same bytes: their paths are unique to it. */
async function hasLanded(state: BranchState, candidate: Candidate<unknown>): Promise<boolean> {
  if (state.tip === candidate.commit) return true;
  if (candidate.blobs.size === 0) return false;
  const there = await existingFiles(state, [...candidate.blobs.keys()]);
  return [...candidate.blobs].every(([path, id]) => there.get(path) === id);
}

function checkImmutable(
  blobs: ReadonlyMap<string, string>,
  there: ReadonlyMap<string, string>,
  replaced: ReadonlySet<string>,
): Map<string, string> {
  const added = new Map<string, string>();
  for (const [path, id] of blobs) {
    const existing = there.get(path);
    if (existing === undefined || (replaced.has(path) && existing !== id)) added.set(path, id);
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
  const { store, branch, now } = options;
  const patienceMs = options.patienceMs ?? DEFAULT_PATIENCE_MS;
  const ref = `refs/heads/${branch}`;
  let inboxPlace: InboxPlace | null = 'custom';
  const look = (): Promise<BranchTip> => fetchBranchTip(store, branch, 'tree:0', options.complaintAbout);
  const taken = (state: BranchState) => state.inbox.slice(0, MERGE_LIMIT);

  async function prepare<T>(
    state: BranchState,
    plan: Extract<AppendPlan<T>, { kind: 'add' }>,
  ): Promise<Candidate<T> | null> {
    const { removed = [], replaced = new Set<string>(), rewrites = false } = plan;
    const blobs = await writeBlobs(store, plan.files);
    const there = await existingFiles(state, [...blobs.keys(), REGISTRY_FILE]);
    const added = checkImmutable(blobs, there, replaced);
    if (added.size === 0 && removed.length === 0 && !rewrites) return null;
    const tree = await buildTree(store, state, { added, removed });
    const fileId = added.get(REGISTRY_FILE) ?? there.get(REGISTRY_FILE);
    const message = withTrailers(plan.message, fileId);
    return {
      commit: await writeCommit(options, tree, rewrites ? null : state.tip, message),
      blobs: ownFiles(added, replaced),
      result: plan.result,
    };
  }

  /** Puts the files into the inbox. null where that cannot be: they are too large, or the host takes no such refs. */
  async function putIntoInbox(files: readonly NewFile[]): Promise<PushOutcome | null> {
    const message = inboxMessage(files);
    if (message === null) return null;
    const commit = await writeCommit(
      options,
      await store.writeObject('tree', Buffer.alloc(0)),
      null,
      message,
    );
    const id = createTimeId(now(), options.random);
    while (inboxPlace !== null) {
      const target = inboxRef(branch, inboxPlace, id);
      const outcome = await pushUpdate(store, { ref: target, commit, expected: null, merged: [] });
      if (outcome.kind !== 'refused') return outcome;
      inboxPlace = inboxPlace === 'custom' ? 'branch' : null;
    }
    return null;
  }

  async function mergeOnce(state: BranchState): Promise<boolean> {
    await options.guard(state);
    if (state.tip === null || state.root === null) return false;
    const merged = taken(state);
    // More than fit into one push are in the tree all the same; what stays in the inbox is merged again, to no effect.
    const subject = `Merge ${merged.length} inbox ${merged.length === 1 ? 'entry' : 'entries'}`;
    const fileId = (await existingFiles(state, [REGISTRY_FILE])).get(REGISTRY_FILE);
    const commit = await writeCommit(options, state.root, state.tip, withTrailers(subject, fileId));
    return (await pushUpdate(store, { ref, commit, expected: state.tip, merged })).kind === 'accepted';
  }

  /**
   * After an entry was accepted: the more wait, the fewer of their writers try to merge them, and they do it at different
   * times. The entry is safe and read by all; whether it is merged now or by a later writer is no failure.
   * @param waiting how many were seen to wait before this one. @returns how many are taken to wait now.
   */
  async function mergePerhaps(waiting: number): Promise<number> {
    const others = waiting + 1;
    // Without a look: those of all writers would keep the server busier than the entries do.
    if (options.random() * Math.sqrt(others) >= 1) return others;
    try {
      await options.sleep(options.random() * Math.min(MERGE_LONGEST_WAIT_MS, waiting * MERGE_STAGGER_MS));
      const tip = await look();
      if (tip.waiting > 0 && !(await mergeOnce(await tip.open()))) return tip.waiting;
      return 0;
    } catch {
      // Whoever writes next merges it.
      return others;
    }
  }

  const isCrowded = (waiting: number, rejections: number, expectedMs: number): boolean => {
    if (rejections >= REJECTIONS_BEFORE_INBOX || expectedMs > INBOX_SOONER_MS) return true;
    // Who finds entries of others would compete with them; one in so many merges, the rest joins the queue.
    return waiting > 0 && options.random() * (waiting + 1) >= 1;
  };

  async function viaInbox<T>(
    files: readonly NewFile[],
    facts: { readonly result: T; readonly attempts: number; readonly waiting: number },
  ): Promise<AppendOutcome<T> | null> {
    const { result, attempts } = facts;
    const outcome = await putIntoInbox(files);
    if (outcome?.kind !== 'accepted') return null;
    const acceptedAt = now();
    const waiting = await mergePerhaps(facts.waiting);
    return { result, commit: null, attempts, via: 'inbox', acceptedAt, waiting };
  }

  async function append<T>(
    plan: (state: BranchState) => Promise<AppendPlan<T>>,
    addition: IndependentAddition<T> | null,
  ): Promise<AppendOutcome<T>> {
    const startedAt = now();
    const candidates: Candidate<T>[] = [];
    let last: PushOutcome | null = null;
    let attemptMs = 0;
    let waiting = 0;
    for (let attempt = 0; ; attempt += 1) {
      if (attempt > 0) {
        if (now() > startedAt + patienceMs) throw givenUp(branch, attempt, last);
        const waitMs = retryWaitMs(attempt, attemptMs, options.random);
        if (addition !== null && now() + waitMs + attemptMs > startedAt + INBOX_SOONER_MS) {
          const accepted = await viaInbox(addition.files, {
            result: addition.result,
            attempts: attempt,
            waiting,
          });
          if (accepted !== null) return accepted;
        }
        await options.sleep(waitMs);
      }
      const begunAt = now();
      const tip = await look();
      ({ waiting } = tip);
      const expectedMs = begunAt - startedAt + (now() - begunAt) * LOOKS_PER_APPEND;
      const crowded = tip.tip !== null && isCrowded(waiting, attempt, expectedMs);
      const facts = { attempts: attempt + 1, waiting };
      if (addition !== null && crowded) {
        await addition.check(tip);
        const accepted = await viaInbox(addition.files, { ...facts, result: addition.result });
        if (accepted !== null) return accepted;
      }
      const state = await tip.open();
      for (const { commit, result, blobs } of candidates) {
        if (await hasLanded(state, { commit, result, blobs })) {
          return { result, commit, attempts: attempt, via: 'branch', acceptedAt: now(), waiting };
        }
      }
      const planned = await plan(state);
      const nothing = { commit: null, attempts: attempt, via: 'none', acceptedAt: now(), waiting } as const;
      if (planned.kind === 'nothing') return { result: planned.result, ...nothing };
      if (planned.independent === true && crowded) {
        const accepted = await viaInbox(planned.files, { ...facts, result: planned.result });
        if (accepted !== null) return accepted;
      }
      await options.guard(state);
      const candidate = await prepare(state, planned);
      if (candidate === null) return { result: planned.result, ...nothing };
      const { commit, result } = candidate;
      last = await pushUpdate(store, { ref, commit, expected: state.tip, merged: taken(state) });
      if (last.kind === 'accepted') {
        return { result, commit, attempts: attempt + 1, via: 'branch', acceptedAt: now(), waiting: 0 };
      }
      if (last.kind === 'refused') throw refusedError(branch, store.remote?.url ?? null, last.reason);
      candidates.push(candidate);
      attemptMs = now() - begunAt;
    }
  }

  return {
    append: plan => append(plan, null),
    async addIndependent({ files, result, ...addition }, crowd) {
      if (crowd !== null) {
        const accepted = await viaInbox(files, { result, attempts: 1, waiting: crowd });
        if (accepted !== null) return accepted;
      }
      return append(addition.plan, { files, result, ...addition });
    },
    async mergeInbox() {
      for (let attempt = 1; attempt <= 5; attempt += 1) {
        const begunAt = now();
        const tip = await look();
        if (tip.waiting === 0) return 0;
        const state = await tip.open();
        if (state.inbox.length === 0) return 0;
        if (await mergeOnce(state)) return taken(state).length;
        await options.sleep(retryWaitMs(attempt, now() - begunAt, options.random));
      }
      return 0;
    },
  };
}
