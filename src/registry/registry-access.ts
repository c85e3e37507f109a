import type { GitEnvironment } from '../git/git-environment.ts';
import { type ObjectStore, openObjectStore } from '../git/object-store.ts';
import type { Remote } from '../git/repository.ts';
import { messageOf } from '../shared/errors.ts';
import { fetchBranchTip, openBranchState } from './branch-reader.ts';
import type { BranchState, BranchTip } from './branch-state.ts';
import {
  type AppendOutcome,
  type AppendPlan,
  createBranchWriter,
  type IndependentAddition,
} from './branch-writer.ts';
import { type IndexCache, openIndexCache } from './index-cache.ts';
import { placeOf } from './layout.ts';
import { readSource } from './model-sources.ts';
import { withMonthPacked } from './months-on-the-way.ts';
import type { RecordContext } from './record-context.ts';
import type { RecordAuthor } from './records.ts';
import { formatTrailers } from './registry-commit.ts';
import { checkRegistry, readVerdict } from './registry-files.ts';
import { checkFormat, createRecordReader, type RecordReader } from './schemas.ts';
import { placeSigningKey } from './ssh-signatures.ts';
import { createIdAfter } from './time-ids.ts';

export interface RegistryOptions {
  /** The repository that holds the branch. */
  readonly remote: Remote;
  /** Default: `quickserveml`. */
  readonly branch?: string;
  /** Before the names of this repository's models in a registry that several share: `acme/vision`. */
  readonly namespace?: string | null;
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
  /** Where parsed records are kept between runs; null: nowhere. */
  readonly cacheFolder?: string | null;
  /** A write packs a closed month that it finds on its way. Default: true. */
  readonly packMonths?: boolean;
  /** An SSH private key that signs verdicts and commits, or the path of one. */
  readonly signingKey?: string | null;
  /** An allowed-signers file, by which signatures are checked. */
  readonly signersFile?: string | null;
}

/** What every operation on the branch starts from. */
export interface RegistryAccess {
  readonly options: RegistryOptions;
  readonly branch: string;
  readonly reader: RecordReader;
  readonly cache: IndexCache | null;
  openStore(): Promise<ObjectStore>;
  openState(store: ObjectStore, filter: 'tree:0' | 'blob:none' | 'none'): Promise<BranchState>;
  /** Only the tip: what is read by tree may be in the cache. */
  fetchTip(store: ObjectStore): Promise<BranchTip>;
  context(): RecordContext;
  /** Writes to the branch; `plan` may use the store. */
  append<T>(
    store: ObjectStore,
    plan: (state: BranchState) => Promise<AppendPlan<T>>,
  ): Promise<AppendOutcome<T>>;
  /** Adds files that depend on nothing; where the branch is crowded they wait in the inbox. */
  addIndependent<T>(
    store: ObjectStore,
    addition: Omit<IndependentAddition<T>, 'check'>,
  ): Promise<AppendOutcome<T>>;
  mergeInbox(): Promise<number>;
  /** A model's name on the branch, and back (null: of another namespace). */
  qualify(model: string): string;
  unqualify(name: string): string | null;
}

const DEFAULT_BRANCH = 'quickserveml';
/** A branch that was crowded is taken to be so for this long, and the next entries go into the inbox unseen. */
const CROWDED_FOR_MS = 30_000;

/** What is wrong with a file that comes through the inbox: the same as would stop a reader. */
function complaint(reader: RecordReader, path: string, content: Uint8Array): string | null {
  try {
    const place = placeOf(path);
    if (place.kind === 'verdict') readVerdict(reader, path, content);
    else readSource(reader, path, '', place, content);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * Checks that this version may read and write here: by the trailer of the tip's commit where there is one, which costs no
 * request.
 * @throws QuickServeError REGISTRY_FORMAT_UNKNOWN, REGISTRY_MALFORMED.
 */
export async function checkTip(tip: BranchTip, reader: RecordReader): Promise<void> {
  const trailers = formatTrailers(tip.tipMessage);
  if (trailers === null) await checkRegistry(await tip.open(), reader);
  else checkFormat(trailers.format);
}

export function openAccess(options: RegistryOptions): RegistryAccess {
  const branch = options.branch ?? DEFAULT_BRANCH;
  const { environment, remote, objectFormat, cacheFolder = null } = options;
  const reader = createRecordReader();
  const prefix = options.namespace ? `${options.namespace}/` : '';
  const complaintAbout = (path: string, content: Uint8Array): string | null =>
    complaint(reader, path, content);
  const openStore = (): Promise<ObjectStore> =>
    openObjectStore({ environment, remote, ...(objectFormat === undefined ? {} : { objectFormat }) });
  const writerFor = async (store: ObjectStore) =>
    createBranchWriter({
      ...options,
      store,
      branch,
      complaintAbout,
      guard: state => checkRegistry(state, reader),
      signingKey: await placeSigningKey(options.signingKey ?? null, store.gitDir),
    });
  const { packMonths = true } = options;
  const packing = async <T>(state: BranchState, plan: AppendPlan<T>): Promise<AppendPlan<T>> =>
    packMonths ? withMonthPacked(state, reader, plan, options.now()) : plan;
  let crowd: { readonly until: number; readonly waiting: number } | null = null;
  return {
    options,
    branch,
    reader,
    cache: cacheFolder === null ? null : openIndexCache(cacheFolder, remote.url, branch),
    openStore,
    openState: (store, filter) => openBranchState(store, branch, filter, complaintAbout),
    fetchTip: store => fetchBranchTip(store, branch, 'tree:0', complaintAbout),
    context: () => ({
      author: options.author,
      createdAt: new Date(options.now()).toISOString(),
      runUrl: options.runUrl,
      toolVersion: options.toolVersion,
      newId: after => createIdAfter(after, options.now(), options.random),
    }),
    append: async (store, plan) =>
      (await writerFor(store)).append(async state => packing(state, await plan(state))),
    async addIndependent(store, addition) {
      const check = (tip: BranchTip) => checkTip(tip, reader);
      const outcome = await (await writerFor(store)).addIndependent(
        { ...addition, check, plan: async state => packing(state, await addition.plan(state)) },
        crowd !== null && options.now() < crowd.until ? crowd.waiting : null,
      );
      const { via, waiting } = outcome;
      crowd = via === 'inbox' ? { until: options.now() + CROWDED_FOR_MS, waiting } : null;
      return outcome;
    },
    async mergeInbox() {
      await using store = await openStore();
      return await (await writerFor(store)).mergeInbox();
    },
    qualify: model => prefix + model,
    unqualify: name => (name.startsWith(prefix) ? name.slice(prefix.length) : null),
  };
}
