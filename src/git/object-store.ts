import { copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { QuickServeError, systemCodeOf } from '../shared/errors.ts';
import { fullDiskError, isFullDisk } from '../shared/full-disk.ts';
import type { ConfigEntry, GitEnvironment } from './git-environment.ts';
import { DEFAULT_TIMEOUT_MS, type GitCommand, type GitOutput, runGit, streamGit } from './git-process.ts';
import { type GitObject, openObjectReader } from './object-reader.ts';
import { writeLooseObject } from './object-writer.ts';
import type { Remote, Repository } from './repository.ts';
import { createScratchFolder } from './scratch-folders.ts';

/** `none`: everything. */
export type ObjectFilter = 'tree:0' | 'blob:none' | 'none';

export interface FetchRequest {
  /** Object ids, or `+refs/heads/x:refs/y`. */
  readonly refspecs: readonly string[];
  readonly filter: ObjectFilter;
  /** Only so many commits from each tip. */
  readonly depth?: number;
  /** So many commits more than what is there. */
  readonly deepenBy?: number;
  /** Ask as if nothing were there: for single objects, of which the store has relatives. */
  readonly refetch?: boolean;
  /** Remove local refs that a pattern among the refspecs brought earlier and that the remote has no more. */
  readonly prune?: boolean;
}

/**
 * A throw-away bare git folder that sees the user's objects and fetches what they lack, so that the clone itself is
 * never written to. Not for use from several tasks at once: a fetch rewrites the configuration.
 */
export interface ObjectStore extends AsyncDisposable {
  readonly gitDir: string;
  readonly objectFormat: 'sha1' | 'sha256';
  readonly remote: Remote | null;
  run(args: readonly string[], options?: StoreCommand): Promise<GitOutput>;
  stream(args: readonly string[], sink: Writable): Promise<void>;
  /** Those of the ids that are not here; nothing is fetched. */
  missing(ids: readonly string[]): Promise<string[]>;
  /** Reads objects that are here; what is missing is left out. For small objects only: all are held in memory. */
  readObjects(ids: readonly string[]): Promise<ReadonlyMap<string, GitObject>>;
  /** Writes a small object. @returns its id. @throws QuickServeError OUTPUT_UNWRITABLE. */
  writeObject(type: 'blob' | 'tree' | 'commit', content: Uint8Array): Promise<string>;
  /**
   * Fetches from the remote, filtered where the server can.
   * @throws QuickServeError REMOTE_UNREACHABLE, REMOTE_REFUSED, GIT_FAILED (also where the remote has no such object).
   */
  fetch(request: FetchRequest): Promise<void>;
  /** Fetches those of the blobs that are not here, in one request. */
  ensureBlobs(ids: readonly string[]): Promise<void>;
}

export type StoreCommand = Partial<
  Pick<GitCommand, 'accept' | 'config' | 'stdin' | 'timeoutMs' | 'variables'>
>;

export interface ObjectStoreOptions {
  readonly environment: GitEnvironment;
  readonly remote: Remote | null;
  /** The clone whose objects are seen; without one the store starts empty. */
  readonly repository?: Repository;
  readonly objectFormat?: 'sha1' | 'sha256';
  readonly timeoutMs?: number;
}

interface ServerAbilities {
  readonly filter: boolean;
  readonly refetch: boolean;
}

/** What is left after git (before 2.36: no --refetch) or a server (some refuse a filter) said no; null where it was something else. */
function withoutRefused(abilities: ServerAbilities, message: string): ServerAbilities | null {
  if (abilities.refetch && /unknown option.*refetch/i.test(message)) return { ...abilities, refetch: false };
  if (abilities.filter && /filter/i.test(message)) return { filter: false, refetch: false };
  return null;
}

function requireRemote(remote: Remote | null): Remote {
  if (remote !== null) return remote;
  throw new QuickServeError({
    code: 'REMOTE_UNREACHABLE',
    message: 'Objects are missing in this clone, and it has no remote to fetch them from.',
    hint: 'Add a remote, or fetch the whole history.',
  });
}

/**
 * No promisor remote: with one in it, git would fetch missing objects by itself, one request for each. No fsync: the store
 * is thrown away, and what it pushes is kept safe by the remote.
 */
function storeConfig(objectFormat: 'sha1' | 'sha256'): string {
  const format =
    objectFormat === 'sha256'
      ? '\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = sha256\n'
      : '\trepositoryformatversion = 0\n\tbare = true\n';
  return `[core]\n\tfsync = none\n${format}`;
}

/**
 * A folder's path as the address of that folder. git takes a remote named by its path for no promisor (names must not begin
 * with a slash), and so for a damaged one as soon as a filter left objects out.
 */
async function withAddress(remote: Remote): Promise<Remote> {
  if (!isAbsolute(remote.url)) return remote;
  const found = await stat(remote.url).catch(() => null);
  if (found?.isDirectory() !== true) return remote;
  const { pathname } = pathToFileURL(remote.url);
  return { ...remote, url: `file://${pathname}` };
}

/** Makes the git folder by hand: `git init` would copy the user's templates, hooks included. */
async function initialise(
  gitDir: string,
  options: ObjectStoreOptions,
  objectFormat: 'sha1' | 'sha256',
): Promise<void> {
  await mkdir(join(gitDir, 'objects/info'), { recursive: true });
  await mkdir(join(gitDir, 'refs'), { recursive: true });
  await writeFile(join(gitDir, 'HEAD'), 'ref: refs/heads/none\n');
  await writeFile(join(gitDir, 'config'), storeConfig(objectFormat));
  const { repository } = options;
  if (repository === undefined) return;
  await writeFile(join(gitDir, 'objects/info/alternates'), `${join(repository.gitDir, 'objects')}\n`);
  try {
    // The clone's history ends here; without the file git would take the missing parents for damage.
    await copyFile(join(repository.gitDir, 'shallow'), join(gitDir, 'shallow'));
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
  }
}

/** Opens a store; `await using` removes it. */
export async function openObjectStore(options: ObjectStoreOptions): Promise<ObjectStore> {
  const { environment, repository } = options;
  const remote = options.remote === null ? null : await withAddress(options.remote);
  const objectFormat = options.objectFormat ?? repository?.objectFormat ?? 'sha1';
  const gitDir = await createScratchFolder(environment.temporaryFolder);
  const dispose = (): Promise<void> => rm(gitDir, { recursive: true, force: true, maxRetries: 5 });
  try {
    await initialise(gitDir, options, objectFormat);
  } catch (error) {
    await dispose();
    throw isFullDisk(error) ? fullDiskError(gitDir, error) : error;
  }
  const credentials = remote?.credentials;
  const command = (args: readonly string[], given: StoreCommand = {}): GitCommand => ({
    args,
    cwd: gitDir,
    gitDir,
    environment,
    secrets: credentials?.secrets ?? [],
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    ...given,
    config: [...(credentials?.config ?? []), ...(given.config ?? [])],
    variables: { GIT_NO_LAZY_FETCH: '1', ...given.variables },
  });
  const run = (args: readonly string[], given?: StoreCommand): Promise<GitOutput> =>
    runGit(command(args, given));

  const { args: _none, ...withoutArguments } = command([]);
  const reader = openObjectReader(withoutArguments, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);

  const writeConfig = (): Promise<void> =>
    writeFile(join(gitDir, 'config'), storeConfig(objectFormat)).catch((error: unknown) => {
      throw fullDiskError(gitDir, error);
    });

  const fetchOnce = async (request: FetchRequest, can: ServerAbilities): Promise<void> => {
    const { url } = requireRemote(remote);
    const args = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--no-auto-gc'];
    if (can.filter && request.filter !== 'none') args.push(`--filter=${request.filter}`);
    if (request.depth !== undefined) args.push(`--depth=${request.depth}`);
    if (request.deepenBy !== undefined) args.push(`--deepen=${request.deepenBy}`);
    if (request.refetch === true && can.refetch) args.push('--refetch');
    if (request.prune === true) args.push('--prune');
    // A partial clone does not have all that its commits name, so it must not offer them in the negotiation.
    const silent = repository?.isPartial === true || (request.refetch === true && !can.refetch);
    const config: ConfigEntry[] = silent ? [['fetch.negotiationAlgorithm', 'noop']] : [];
    try {
      await run([...args, '--stdin', '--', url], { stdin: `${request.refspecs.join('\n')}\n`, config });
    } finally {
      await writeConfig();
    }
  };

  let abilities: ServerAbilities = { filter: true, refetch: true };
  const fetch = async (request: FetchRequest): Promise<void> => {
    if (request.refspecs.length === 0) return;
    for (;;) {
      try {
        await fetchOnce(request, abilities);
        return;
      } catch (error) {
        const less = error instanceof QuickServeError ? withoutRefused(abilities, error.message) : null;
        if (less === null) throw error;
        abilities = less;
      }
    }
  };

  return {
    gitDir,
    objectFormat,
    remote,
    run,
    stream: (args, sink) => streamGit(command(args), sink),
    missing: ids => reader.missing(ids),
    readObjects: ids => reader.read(ids),
    writeObject: (type, content) => writeLooseObject(gitDir, objectFormat, type, content),
    fetch,
    async ensureBlobs(ids) {
      const wanted = await reader.missing([...new Set(ids)]);
      await fetch({ refspecs: wanted, filter: 'blob:none', refetch: true });
    },
    async [Symbol.asyncDispose]() {
      await reader[Symbol.asyncDispose]();
      await dispose();
    },
  };
}
