import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { GitEnvironment } from '../git/git-environment.ts';
import { type ObjectStore, openObjectStore } from '../git/object-store.ts';
import type { Remote } from '../git/repository.ts';
import { QuickServeError } from '../shared/errors.ts';
import { openBranchState } from './branch-reader.ts';
import { createBranchWriter } from './branch-writer.ts';
import { blobPath } from './layout.ts';
import type { RecordEntry, RecordOutcome } from './record-entry.ts';
import { planInit, planRecords, type RecordContext } from './record-plan.ts';
import type { ModelPart, RecordAuthor, VersionRecord } from './records.ts';
import { checkRegistry } from './registry-files.ts';
import { type ReadOptions, type RegistryState, readRegistryState } from './registry-state.ts';
import { createRecordReader } from './schemas.ts';
import { createTimeId } from './time-ids.ts';

export interface RegistryOptions {
  /** The repository that holds the branch. */
  readonly remote: Remote;
  /** Default: `quickserveml`. */
  readonly branch?: string;
  readonly environment: GitEnvironment;
  readonly objectFormat?: 'sha1' | 'sha256';
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Whose name the commits and versions carry. */
  readonly author: RecordAuthor;
  readonly runUrl: string | null;
  readonly toolVersion: string;
  /** How long a write is tried again. Default: two minutes. */
  readonly patienceMs?: number;
}

/** The registry: a branch of a git repository. Every call works in a throw-away store; no clone is touched. */
export interface Registry {
  readonly branch: string;
  /** Creates the branch where it does not exist. */
  init(): Promise<{ readonly created: boolean }>;
  /**
   * Versions and latest measurements of the named models, or of all.
   * @throws QuickServeError REGISTRY_MALFORMED, REGISTRY_FORMAT_UNKNOWN, REMOTE_UNREACHABLE, REMOTE_REFUSED.
   */
  read(options?: ReadOptions): Promise<RegistryState>;
  /**
   * Records all entries in one commit, creating the branch where it does not exist. Outcomes are in the entries' order.
   * @throws QuickServeError as `read`, and REGISTRY_WRITE_REFUSED, REGISTRY_CONFLICT.
   */
  record(entries: readonly RecordEntry[]): Promise<readonly RecordOutcome[]>;
  /**
   * Writes the files of a version that is stored on the branch into a folder, sha256 checked.
   * @returns the path of the model file; null where its bytes are elsewhere (`version.bytes` says where).
   * @throws QuickServeError REGISTRY_MALFORMED where the branch lacks the bytes or has other ones.
   */
  readBytes(version: VersionRecord, folder: string): Promise<string | null>;
}

const DEFAULT_BRANCH = 'quickserveml';

function damaged(path: string, why: string): QuickServeError {
  return new QuickServeError({
    code: 'REGISTRY_MALFORMED',
    message: `${path} on the registry branch ${why}.`,
    hint: 'Restore that file from the history of the branch (git log -- <file>), then run again.',
  });
}

/** A part's place in the folder; a record must not lead out of it. */
function placePart(folder: string, part: ModelPart): string {
  const path = posix.normalize(part.path.replaceAll('\\', '/'));
  if (path.startsWith('..') || posix.isAbsolute(path) || /^[a-z]:/i.test(path) || path === '.') {
    throw damaged(`A part named "${part.path}"`, 'leads out of its folder');
  }
  return join(folder, ...path.split('/'));
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

async function writePart(
  store: ObjectStore,
  blobId: string,
  part: ModelPart,
  destination: string,
): Promise<void> {
  const temporary = `${destination}.${randomUUID()}.part`;
  await mkdir(dirname(destination), { recursive: true });
  try {
    await store.stream(['cat-file', 'blob', blobId], createWriteStream(temporary, { flags: 'wx' }));
    const sha256 = await sha256Of(temporary);
    if (sha256 !== part.sha256)
      throw damaged(blobPath(part.sha256), `has other bytes: their sha256 is ${sha256}`);
    await rename(temporary, destination);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Opens a registry; nothing is read or written before the first call. */
export function openRegistry(options: RegistryOptions): Registry {
  const branch = options.branch ?? DEFAULT_BRANCH;
  const { environment, remote, objectFormat } = options;
  const reader = createRecordReader();
  const openStore = (): Promise<ObjectStore> =>
    openObjectStore({ environment, remote, ...(objectFormat === undefined ? {} : { objectFormat }) });
  const writerFor = (store: ObjectStore) => createBranchWriter({ ...options, store, branch });
  const contextOf = (): RecordContext => ({
    author: options.author,
    createdAt: new Date(options.now()).toISOString(),
    runUrl: options.runUrl,
    toolVersion: options.toolVersion,
  });

  return {
    branch,
    async init() {
      const context = contextOf();
      await using store = await openStore();
      return (await writerFor(store).append(state => planInit(state, reader, context))).result;
    },
    async read(readOptions = {}) {
      await using store = await openStore();
      const state = await openBranchState(store, branch, 'blob:none');
      if (!(await checkRegistry(state, reader))) return { tip: null, models: new Map() };
      return await readRegistryState(state, reader, readOptions);
    },
    async record(entries) {
      if (entries.length === 0) return [];
      const context = contextOf();
      const identified = entries.map(entry => ({
        entry,
        measurementId: createTimeId(options.now(), options.random),
        verdictId: createTimeId(options.now(), options.random),
      }));
      await using store = await openStore();
      const outcome = await writerFor(store).append(state => planRecords(state, reader, identified, context));
      return outcome.result;
    },
    async readBytes(version, folder) {
      if (version.bytes.kind !== 'blob') return null;
      await using store = await openStore();
      const state = await openBranchState(store, branch, 'tree:0');
      const entries = (await state.listFolders(['blobs'])).get('blobs') ?? [];
      const ids = version.parts.map(part => {
        const id = entries.find(({ path }) => path === part.sha256)?.id;
        if (id === undefined)
          throw damaged(blobPath(part.sha256), `is missing; ${version.model} ${version.version} needs it`);
        return { part, id, destination: placePart(folder, part) };
      });
      await store.ensureBlobs(ids.map(({ id }) => id));
      for (const { part, id, destination } of ids) await writePart(store, id, part, destination);
      return ids[0]?.destination ?? null;
    },
  };
}
