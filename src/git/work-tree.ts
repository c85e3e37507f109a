import { simpleGit } from 'simple-git';
import { messageOf, QuickServeError } from '../shared/errors.ts';
import { maskSecrets } from '../shared/secrets.ts';
import { processVariables } from './git-environment.ts';
import { DEFAULT_TIMEOUT_MS } from './git-process.ts';
import { type Repository, readGit } from './repository.ts';
import { parseTreeListing } from './tree-listing.ts';

/** What differs between the work tree and HEAD. Paths are relative to the root, with `/`. */
export interface WorkTreeStatus {
  /** Changed, added to the index, or deleted. */
  readonly changed: ReadonlySet<string>;
  readonly deleted: ReadonlySet<string>;
  /** Neither tracked nor ignored. */
  readonly untracked: ReadonlySet<string>;
}

/**
 * Status of the work tree. Optional locks are off, so that even the index stays as it is.
 * @throws QuickServeError GIT_FAILED.
 */
export async function workTreeStatus(repository: Repository): Promise<WorkTreeStatus> {
  const variables = processVariables(repository.environment, [], { GIT_NO_LAZY_FETCH: '1' });
  const git = simpleGit({
    baseDir: repository.root,
    timeout: { block: DEFAULT_TIMEOUT_MS },
    // simple-git refuses every GIT_ variable that is not named; these come from gitEnvironment, which chose them.
    allowEnvironment: Object.keys(variables),
    unsafe: {
      allowUnsafeAskPass: true,
      allowUnsafeCommandBinaries: true,
      allowUnsafeConfigEnvCount: true,
      allowUnsafeConfigPaths: true,
      allowUnsafeCredentialHelper: true,
      allowUnsafeExec: true,
      allowUnsafeFilter: true,
      allowUnsafeFsMonitor: true,
      allowUnsafeGitProxy: true,
      allowUnsafeGpgProgram: true,
      allowUnsafeHooksPath: true,
      allowUnsafeInclude: true,
      allowUnsafeProtocolOverride: true,
      allowUnsafeSshCommand: true,
      allowUnsafeSubmodule: true,
      allowUnsafeUrlRewrite: true,
    },
  }).env(variables);
  try {
    const status = await git.status(['--untracked-files=all', '--ignore-submodules=all', '--no-renames']);
    const untracked = new Set(status.not_added);
    const changed = new Set(status.files.map(({ path }) => path).filter(path => !untracked.has(path)));
    const deleted = new Set(
      status.files
        .filter(file => file.working_dir === 'D' || (file.index === 'D' && file.working_dir === ' '))
        .map(({ path }) => path),
    );
    return { changed, deleted, untracked };
  } catch (error) {
    throw new QuickServeError({
      code: 'GIT_FAILED',
      message: `git status failed in ${repository.root}: ${maskSecrets(messageOf(error), repository.remote?.credentials.secrets ?? [])}`,
      hint: 'Run `git status` in the repository to see more.',
      cause: error,
    });
  }
}

/**
 * The files of the work tree: tracked and untracked, without ignored ones. The value is the blob id where the file is
 * as in HEAD (at no cost: nothing is hashed), null where it has changed or is new.
 */
export async function workTreeFiles(
  repository: Repository,
  status?: WorkTreeStatus,
): Promise<ReadonlyMap<string, string | null>> {
  const { changed, deleted, untracked } = status ?? (await workTreeStatus(repository));
  const files = new Map<string, string | null>();
  if (repository.headSha !== null) {
    const listing = await readGit(repository, ['ls-tree', '-r', '-z', repository.headSha]);
    for (const entry of parseTreeListing(listing.stdout)) {
      if (entry.type === 'blob') files.set(entry.path, entry.id);
    }
  }
  for (const path of changed) files.set(path, null);
  for (const path of untracked) files.set(path, null);
  for (const path of deleted) files.delete(path);
  // Outside of a sparse checkout's cone a file is tracked but not there.
  const index = await readGit(repository, ['ls-files', '-t', '-z']);
  for (const line of index.stdout.toString('utf8').split('\0')) {
    if (line.startsWith('S ')) files.delete(line.slice(2));
  }
  return files;
}
