import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf, QuickServeError, systemCodeOf } from '../shared/errors.ts';
import { fullDiskError } from '../shared/full-disk.ts';
import { pushUpdate } from './branch-push.ts';
import { openBranchState } from './branch-reader.ts';
import type { RegistryAccess } from './registry-access.ts';
import { type VerifyOutcome, verifyState } from './verification.ts';
import { refusedError } from './write-failures.ts';

const BUNDLE = 'registry.bundle';
const MANIFEST = 'manifest.json';
const BACKUP_FORMAT = 1;
const FULL_REF = 'refs/quickserveml/backup';

/** `manifest.json` of a backup. */
export interface BackupManifest {
  readonly format: number;
  readonly createdAt: string;
  readonly branch: string;
  /** The commit of the branch. */
  readonly tip: string;
  readonly bundle: { readonly file: string; readonly sha256: string; readonly sizeBytes: number };
  /** By path: the git id of the file at the tip. */
  readonly files: Readonly<Record<string, string>>;
  readonly toolVersion: string;
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/**
 * Writes the branch with its whole history as one git bundle, and a manifest with digests, into a folder. What waits in
 * the inbox is merged before.
 * @throws QuickServeError REGISTRY_NOT_INITIALISED, REMOTE_UNREACHABLE, REMOTE_REFUSED, OUTPUT_UNWRITABLE.
 */
export async function backUpRegistry(access: RegistryAccess, folder: string): Promise<BackupManifest> {
  await access.mergeInbox();
  await using store = await access.openStore();
  const state = await access.openState(store, 'blob:none');
  const { tip } = state;
  if (tip === null) {
    throw new QuickServeError({
      code: 'REGISTRY_NOT_INITIALISED',
      message: `The remote has no branch ${access.branch} to back up.`,
      hint: 'Check --branch and --remote.',
    });
  }
  const files = Object.fromEntries([...(await state.listAllFiles())].sort());
  // A store of its own: the one above has a history that ends at the tip.
  await using whole = await access.openStore();
  const { url } = access.options.remote;
  await whole.run(['fetch', '--quiet', '--no-tags', '--', url, `+refs/heads/${access.branch}:${FULL_REF}`]);
  await whole.run(['update-ref', `refs/heads/${access.branch}`, tip]);
  const temporary = join(folder, `${BUNDLE}.part`);
  try {
    await mkdir(folder, { recursive: true });
    await whole.run(['bundle', 'create', '--quiet', temporary, `refs/heads/${access.branch}`]);
    await rename(temporary, join(folder, BUNDLE));
    const manifest: BackupManifest = {
      format: BACKUP_FORMAT,
      createdAt: new Date(access.options.now()).toISOString(),
      branch: access.branch,
      tip,
      bundle: {
        file: BUNDLE,
        sha256: await sha256Of(join(folder, BUNDLE)),
        sizeBytes: (await stat(join(folder, BUNDLE))).size,
      },
      files,
      toolVersion: access.options.toolVersion,
    };
    await writeFile(join(folder, `${MANIFEST}.part`), `${JSON.stringify(manifest, null, 2)}\n`);
    await rename(join(folder, `${MANIFEST}.part`), join(folder, MANIFEST));
    return manifest;
  } catch (thrown) {
    for (const part of [temporary, `${temporary}.lock`, join(folder, `${MANIFEST}.part`)])
      await rm(part, { force: true });
    // git names the folder that it worked in, not the one that the bundle goes to.
    const isPlace = !(thrown instanceof QuickServeError) || thrown.code === 'OUTPUT_UNWRITABLE';
    throw isPlace ? fullDiskError(`The backup in ${folder}`, thrown) : thrown;
  }
}

function invalid(folder: string, why: string, cause?: unknown): QuickServeError {
  return new QuickServeError({
    code: 'BACKUP_INVALID',
    message: `The backup in ${folder} cannot be used: ${why}. Nothing was changed.`,
    hint: 'Use another backup; this one is not what `registry backup` wrote.',
    ...(cause === undefined ? {} : { cause }),
  });
}

async function readManifest(folder: string): Promise<BackupManifest> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(join(folder, MANIFEST), 'utf8'));
  } catch (thrown) {
    const why = systemCodeOf(thrown) === 'ENOENT' ? `it has no ${MANIFEST}` : messageOf(thrown);
    throw invalid(folder, why, thrown);
  }
  const manifest = parsed as Partial<BackupManifest> | null;
  const whole =
    typeof manifest?.tip === 'string' &&
    typeof manifest.branch === 'string' &&
    typeof manifest.bundle?.sha256 === 'string' &&
    typeof manifest.files === 'object';
  if (!whole || manifest.format !== BACKUP_FORMAT) throw invalid(folder, `${MANIFEST} is malformed`);
  return manifest as BackupManifest;
}

export interface RestoreOutcome {
  readonly branch: string;
  readonly tip: string;
  /** What the branch was before; null: it did not exist. */
  readonly replaced: string | null;
  readonly verified: VerifyOutcome;
  /** False for a dry run, and where the branch is there already. */
  readonly written: boolean;
}

/**
 * Proves a backup (digest of the bundle, git's own check, every file of the manifest, `verify`) and then sets the branch to
 * it, by compare-and-swap.
 * @param force replaces a branch that has something else.
 * @throws QuickServeError BACKUP_INVALID, REGISTRY_CONFLICT where the branch exists, REGISTRY_WRITE_REFUSED.
 */
export async function restoreRegistry(
  access: RegistryAccess,
  folder: string,
  options: { readonly force: boolean; readonly dryRun: boolean },
): Promise<RestoreOutcome> {
  const manifest = await readManifest(folder);
  const file = join(folder, BUNDLE);
  const sha256 = await sha256Of(file).catch((thrown: unknown) => {
    throw invalid(folder, `${BUNDLE} cannot be read (${messageOf(thrown)})`, thrown);
  });
  if (sha256 !== manifest.bundle.sha256) throw invalid(folder, `the sha256 of ${BUNDLE} is ${sha256}`);
  await using store = await access.openStore();
  const from = `refs/heads/${manifest.branch}`;
  try {
    await store.run(['fetch', '--quiet', '--no-tags', '--', file, `+${from}:${from}`]);
    await store.run(['fsck', '--strict', '--no-dangling', '--no-progress']);
  } catch (thrown) {
    throw invalid(folder, messageOf(thrown), thrown);
  }
  // Read as any registry is, from a remote that is the backup itself.
  await using reading = await access.openStore();
  const local = { ...reading, remote: { ...access.options.remote, url: store.gitDir } };
  await reading.run(['fetch', '--quiet', '--no-tags', '--', store.gitDir, `+${from}:refs/quickserveml/tip`]);
  const state = await openBranchState(
    { ...local, fetch: async () => undefined },
    manifest.branch,
    'none',
    () => null,
  );
  const files = await state.listAllFiles();
  const changed = Object.entries(manifest.files).find(([path, id]) => files.get(path) !== id);
  if (
    state.tip !== manifest.tip ||
    changed !== undefined ||
    files.size !== Object.keys(manifest.files).length
  ) {
    throw invalid(
      folder,
      `${BUNDLE} has other files than ${MANIFEST} says${changed ? ` (${changed[0]})` : ''}`,
    );
  }
  const verified = await verifyState(access, reading, state, { bytes: true });
  // A store of its own: this fetch would cut the history of the one that is pushed.
  await using looking = await access.openStore();
  const current = (await access.fetchTip(looking)).tip;
  const outcome = { branch: access.branch, tip: manifest.tip, replaced: current, verified };
  if (options.dryRun || current === manifest.tip) return { ...outcome, written: false };
  if (current !== null && !options.force) {
    throw new QuickServeError({
      code: 'REGISTRY_CONFLICT',
      message: `The branch ${access.branch} exists (at ${current.slice(0, 12)}) and is not what the backup has. Nothing was changed.`,
      hint: 'Back up what is there first; --force then replaces it.',
    });
  }
  const ref = `refs/heads/${access.branch}`;
  const pushed = await pushUpdate(store, { ref, commit: manifest.tip, expected: current, merged: [] });
  if (pushed.kind === 'refused') throw refusedError(access.branch, store.remote?.url ?? null, pushed.reason);
  if (pushed.kind !== 'accepted') {
    throw new QuickServeError({
      code: 'REGISTRY_CONFLICT',
      message: `The branch ${access.branch} changed while the backup was being proved. Nothing was replaced.`,
      hint: 'Run again.',
    });
  }
  return { ...outcome, written: true };
}
