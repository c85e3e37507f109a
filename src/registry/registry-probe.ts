import { probeUpdate } from './branch-push.ts';
import type { PushOutcome } from './push-outcome.ts';
import { checkTip, openAccess, type RegistryOptions } from './registry-access.ts';
import { writeCommit } from './registry-commit.ts';

/** What can be known of the registry branch without changing anything. */
export interface RegistryProbe {
  readonly branch: string;
  readonly exists: boolean;
  /** Entries that wait in the inbox. */
  readonly waiting: number;
  /** What the remote said to a push that was not carried out. Hooks and protections are not asked then. */
  readonly push: PushOutcome;
}

/**
 * Reads the tip and its format, and lets git rehearse a push of one more commit (`--dry-run`): the remote is connected to
 * for writing, with the credentials of a real push, and nothing is sent.
 * @throws QuickServeError REMOTE_UNREACHABLE, REMOTE_REFUSED, REGISTRY_MALFORMED, REGISTRY_FORMAT_UNKNOWN.
 */
export async function probeRegistry(options: RegistryOptions): Promise<RegistryProbe> {
  const access = openAccess(options);
  await using store = await access.openStore();
  const tip = await access.fetchTip(store);
  if (tip.tip !== null) await checkTip(tip, access.reader);
  const tree = await store.writeObject('tree', new Uint8Array());
  const settings = { store, author: options.author, now: options.now };
  const commit = await writeCommit(settings, tree, tip.tip, 'Never pushed');
  const ref = `refs/heads/${access.branch}`;
  const push = await probeUpdate(store, { ref, commit, expected: tip.tip, merged: [] });
  return { branch: access.branch, exists: tip.tip !== null, waiting: tip.waiting, push };
}
