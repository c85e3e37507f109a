import type { ObjectStore } from '../git/object-store.ts';
import { parseTreeListing } from '../git/tree-listing.ts';
import type { BranchState } from './branch-state.ts';
import type { IndexCache } from './index-cache.ts';
import { decodeSegment, type Place, placeOf } from './layout.ts';
import { assembleModel, type ModelSource, type RegisteredModel, readSource } from './model-sources.ts';
import type { RecordReader } from './schemas.ts';

export type { RegisteredModel };

export interface RegistryState {
  /** The commit that was read; null: the branch does not exist. */
  readonly tip: string | null;
  readonly models: ReadonlyMap<string, RegisteredModel>;
}

export interface ReadOptions {
  /** Only these models. */
  readonly models?: readonly string[];
  /** How many measurements of each fingerprint are read, newest first. Default: 50; 0 for none. */
  readonly measurementLimit?: number;
}

const DEFAULT_MEASUREMENT_LIMIT = 50;

/** A file of a model: its path on the branch, its blob, and what its path means. */
interface ModelFile {
  readonly path: string;
  readonly blobId: string;
  readonly place: Place;
}

/**
 * The files that make up a model, of its measurements only as many as are wanted. Ids sort by time and packs are named by
 * month, so the newest are known before a byte is read.
 */
function selectFiles(files: readonly ModelFile[], limit: number): readonly ModelFile[] {
  const selected: ModelFile[] = [];
  const loose = new Map<
    string,
    { readonly id: string; readonly month: string; readonly file: ModelFile }[]
  >();
  const packs = new Map<string, { readonly month: string; readonly file: ModelFile }[]>();
  for (const file of files) {
    const { place } = file;
    if (place.kind === 'measurement') {
      const list = loose.get(place.fingerprintKey) ?? [];
      list.push({ id: place.id, month: place.month, file });
      loose.set(place.fingerprintKey, list);
    } else if (place.kind === 'measurement-pack') {
      const list = packs.get(place.fingerprintKey) ?? [];
      list.push({ month: place.month, file });
      packs.set(place.fingerprintKey, list);
    } else if (['model', 'version', 'event', 'event-pack'].includes(place.kind)) {
      selected.push(file);
    }
  }
  if (limit <= 0) return selected;
  for (const key of new Set([...loose.keys(), ...packs.keys()])) {
    const newest = (loose.get(key) ?? []).sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, limit);
    selected.push(...newest.map(({ file }) => file));
    const packed = (packs.get(key) ?? []).sort((a, b) => (a.month < b.month ? 1 : -1));
    // A pack is read where loose files are too few, or where a late file made the months overlap.
    const oldestMonth = newest.map(({ month }) => month).sort()[0] ?? '9999';
    let missing = limit - newest.length;
    for (const { month, file } of packed) {
      if (missing <= 0 && month < oldestMonth) break;
      selected.push(file);
      // A pack has at least one record.
      missing -= 1;
    }
  }
  return selected;
}

interface ModelTree {
  readonly segment: string;
  readonly name: string;
  readonly tree: string;
}

/** The models of the branch and their trees; from the cache where this tree was read before. */
async function listModels(state: BranchState, root: string, cache: IndexCache | null): Promise<ModelTree[]> {
  const cached = (await cache?.read('models', root)) as readonly [string, string][] | null | undefined;
  let entries = cached ?? null;
  if (entries === null) {
    const folder = (await state.listFolders(['models'])).get('models') ?? [];
    entries = folder
      .filter(({ type }) => type === 'tree')
      .map(({ path, id }): [string, string] => [path, id]);
    await cache?.write('models', root, entries);
  }
  return entries.flatMap(([segment, tree]) => {
    const name = decodeSegment(segment);
    return name === null ? [] : [{ segment, name, tree }];
  });
}

/** Files below `models/<segment>` of every wanted model, trees fetched as far as they are not here. */
async function listFiles(
  store: ObjectStore,
  state: BranchState,
  wanted: readonly ModelTree[],
  all: boolean,
): Promise<ReadonlyMap<string, readonly ModelFile[]>> {
  const files = new Map<string, ModelFile[]>();
  const collect = (segment: string, path: string, blobId: string): void => {
    const list = files.get(segment) ?? [];
    list.push({ path, blobId, place: placeOf(path) });
    files.set(segment, list);
  };
  // Trees that the inbox was merged into exist in this store only, so they cannot be asked for one by one.
  if (all || state.inbox.length > 0) {
    if (state.tip !== null) {
      await store.fetch({ refspecs: [state.tip], filter: 'blob:none', depth: 1, refetch: true });
    }
    const segments = new Set(wanted.map(({ segment }) => segment));
    for (const [path, blobId] of await state.listAllFiles()) {
      if (!path.startsWith('models/')) continue;
      const segment = path.slice(7, path.indexOf('/', 7));
      if (segments.has(segment)) collect(segment, path, blobId);
    }
    return files;
  }
  await store.fetch({ refspecs: wanted.map(({ tree }) => tree), filter: 'blob:none', refetch: true });
  for (const { segment, tree } of wanted) {
    const { stdout } = await store.run(['ls-tree', '-r', '-z', tree]);
    for (const { path, type, id } of parseTreeListing(stdout)) {
      if (type === 'blob') collect(segment, `models/${segment}/${path}`, id);
    }
  }
  return files;
}

interface CachedModel {
  readonly limit: number;
  readonly sources: readonly ModelSource[];
}

const cacheName = ({ segment }: ModelTree): string => `model ${segment}`;

/**
 * Reads the branch into models with versions, events and latest measurements. What was read before is taken from the
 * cache: models whose tree is the same as a whole, else the files that are the same.
 * @param state opened with `tree:0`.
 * @throws QuickServeError REGISTRY_MALFORMED.
 */
export async function readRegistryState(
  store: ObjectStore,
  state: BranchState,
  reader: RecordReader,
  cache: IndexCache | null,
  options: ReadOptions,
): Promise<RegistryState> {
  const limit = options.measurementLimit ?? DEFAULT_MEASUREMENT_LIMIT;
  if (state.root === null) return { tip: state.tip, models: new Map() };
  const asked = options.models === undefined ? null : new Set(options.models);
  const all = await listModels(state, state.root, cache);
  const wanted = all.filter(({ name }) => asked === null || asked.has(name));
  const sources = new Map<string, readonly ModelSource[]>();
  const missing: ModelTree[] = [];
  for (const model of wanted) {
    const cached = (await cache?.read(cacheName(model), model.tree)) as CachedModel | null | undefined;
    if (cached && cached.limit >= limit) sources.set(model.segment, cached.sources);
    else missing.push(model);
  }
  if (missing.length > 0) {
    const listed = await listFiles(
      store,
      state,
      missing,
      missing.length > 8 && missing.length * 2 > all.length,
    );
    const known = new Map<string, ModelSource>();
    const chosen = new Map<string, readonly ModelFile[]>();
    for (const model of missing) {
      const stale = (await cache?.readStale(cacheName(model))) as CachedModel | null | undefined;
      if (stale && stale.limit >= limit) for (const source of stale.sources) known.set(source.blobId, source);
      chosen.set(model.segment, selectFiles(listed.get(model.segment) ?? [], limit));
    }
    const absent = [...chosen.values()].flat().filter(({ path, blobId }) => known.get(blobId)?.path !== path);
    const ids = [...new Set(absent.map(({ blobId }) => blobId))];
    await store.ensureBlobs(ids);
    const objects = await store.readObjects(ids);
    for (const model of missing) {
      const read = (chosen.get(model.segment) ?? []).map(({ path, blobId, place }) => {
        const before = known.get(blobId);
        if (before?.path === path) return before;
        return readSource(reader, path, blobId, place, objects.get(blobId)?.content ?? Buffer.alloc(0));
      });
      sources.set(model.segment, read);
      await cache?.write(cacheName(model), model.tree, { limit, sources: read } satisfies CachedModel);
    }
  }
  const models = new Map<string, RegisteredModel>();
  for (const { segment, name } of wanted) {
    models.set(name, assembleModel(name, sources.get(segment) ?? [], limit));
  }
  return { tip: state.tip, models };
}
