import type { ObjectStore } from '../git/object-store.ts';
import { QuickServeError } from '../shared/errors.ts';
import type { InboxRef } from './branch-state.ts';
import { classifyPush, type PushOutcome } from './push-outcome.ts';

const PUSH_TIMEOUT_MS = 120_000;

/** One ref to set, with what it must be before; deleted with `merged` in one transaction. */
export interface RefUpdate {
  readonly ref: string;
  readonly commit: string;
  /** null: the ref must not exist. */
  readonly expected: string | null;
  /** Refs of the inbox that the commit takes in. */
  readonly merged: readonly InboxRef[];
}

async function run(
  store: ObjectStore,
  options: readonly string[],
  refspecs: readonly string[],
  ref: string,
): Promise<PushOutcome & { readonly stderr?: string }> {
  try {
    const output = await store.run(
      ['push', '--porcelain', '--no-verify', ...options, '--', store.remote?.url ?? '', ...refspecs],
      { accept: [0, 1], timeoutMs: PUSH_TIMEOUT_MS },
    );
    return classifyPush(output.exitCode, output.stdout.toString('utf8'), output.stderr, ref);
  } catch (error) {
    if (!(error instanceof QuickServeError)) throw error;
    if (error.code === 'REMOTE_REFUSED') return { kind: 'refused', reason: error.message };
    // The connection may have been lost after the remote took the push: the next look at the tip tells.
    return { kind: 'unclear', error };
  }
}

const lease = (ref: string, expected: string | null): string =>
  // An empty value: the ref must not exist. A plain push would recreate one that was deleted meanwhile.
  `--force-with-lease=${ref}:${expected ?? ''}`;

const lacksAtomic = (outcome: PushOutcome): boolean =>
  outcome.kind === 'unclear' &&
  outcome.error instanceof Error &&
  /does not support --atomic/.test(outcome.error.message);

/**
 * Sets a ref by compare-and-swap and deletes the inbox refs that its commit takes in, all or nothing. A server without
 * atomic pushes gets the deletions afterwards: what is merged twice is the same files at the same paths.
 */
export async function pushUpdate(store: ObjectStore, update: RefUpdate): Promise<PushOutcome> {
  const { ref, commit, expected, merged } = update;
  const target = `${commit}:${ref}`;
  if (merged.length === 0) return run(store, [lease(ref, expected)], [target], ref);
  const deletions = merged.map(entry => `:${entry.ref}`);
  const leases = merged.map(entry => lease(entry.ref, entry.commit));
  const atomic = await run(store, ['--atomic', lease(ref, expected), ...leases], [target, ...deletions], ref);
  if (!lacksAtomic(atomic)) return atomic;
  const alone = await run(store, [lease(ref, expected)], [target], ref);
  if (alone.kind === 'accepted') await run(store, leases, deletions, '');
  return alone;
}

/** Rehearses `pushUpdate`: git connects as for a real push, and sends nothing. */
export const probeUpdate = (store: ObjectStore, { ref, commit, expected }: RefUpdate): Promise<PushOutcome> =>
  run(store, ['--dry-run', lease(ref, expected)], [`${commit}:${ref}`], ref);
