import type { ObjectStore } from '../git/object-store.ts';
import type { BranchState } from './branch-state.ts';
import type { IndexCache } from './index-cache.ts';
import { decodeSegment } from './layout.ts';
import { listModelFiles, type ModelListing } from './model-listing.ts';
import { assembleModel, type ModelSource, type RegisteredModel, readSource } from './model-sources.ts';
import type { RecordReader } from './schemas.ts';

export type { RegisteredModel };

export interface RegistryState {
  /** The commit that was read; null: the branch does not exist. */
  readonly tip: string | null;
  readonly models: ReadonlyMap<string, RegisteredModel>;
  /** Of all models, also of those that were not asked for. */
  readonly names: readonly string[];
  /** `yyyy-mm` of the folders with loose files among what was read. */
  readonly looseMonths: readonly string[];
}

export interface ReadOptions {
  /** Only these models. */
  readonly models?: readonly string[];
  /** How many measurements of each fingerprint are read, newest first. Default: 50; 0 for none. */
  readonly measurementLimit?: number;
}

const DEFAULT_MEASUREMENT_LIMIT = 50;

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

interface CachedModel {
  readonly limit: number;
  readonly looseMonths: readonly string[];
  readonly sources: readonly ModelSource[];
}

const nothingListed: ModelListing = { files: [], looseMonths: [] };
const folderOf = ({ segment }: ModelTree): string => `models/${segment}`;
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
  if (state.root === null) return { tip: state.tip, models: new Map(), names: [], looseMonths: [] };
  const asked = options.models === undefined ? null : new Set(options.models);
  const all = await listModels(state, state.root, cache);
  const wanted = all.filter(({ name }) => asked === null || asked.has(name));
  const sources = new Map<string, readonly ModelSource[]>();
  const looseMonths: string[] = [];
  const missing: ModelTree[] = [];
  for (const model of wanted) {
    const cached = (await cache?.read(cacheName(model), model.tree)) as CachedModel | null | undefined;
    if (cached && cached.limit >= limit) {
      sources.set(model.segment, cached.sources);
      looseMonths.push(...cached.looseMonths);
    } else missing.push(model);
  }
  if (missing.length > 0) {
    const listed = await listModelFiles(state, missing.map(folderOf), limit);
    const known = new Map<string, ModelSource>();
    const chosen = new Map<string, ModelListing>();
    for (const model of missing) {
      const stale = (await cache?.readStale(cacheName(model))) as CachedModel | null | undefined;
      if (stale && stale.limit >= limit) for (const source of stale.sources) known.set(source.blobId, source);
      chosen.set(model.segment, listed.get(folderOf(model)) ?? nothingListed);
    }
    const absent = [...chosen.values()]
      .flatMap(({ files }) => files)
      .filter(({ path, blobId }) => known.get(blobId)?.path !== path);
    const ids = [...new Set(absent.map(({ blobId }) => blobId))];
    await store.ensureBlobs(ids);
    const objects = await store.readObjects(ids);
    for (const model of missing) {
      const { files, looseMonths: months } = chosen.get(model.segment) ?? nothingListed;
      looseMonths.push(...months);
      const read = files.map(({ path, blobId, place }) => {
        const before = known.get(blobId);
        if (before?.path === path) return before;
        return readSource(reader, path, blobId, place, objects.get(blobId)?.content ?? Buffer.alloc(0));
      });
      sources.set(model.segment, read);
      const kept: CachedModel = { limit, sources: read, looseMonths: months };
      await cache?.write(cacheName(model), model.tree, kept);
    }
  }
  const models = new Map<string, RegisteredModel>();
  for (const { segment, name } of wanted) {
    models.set(name, assembleModel(name, sources.get(segment) ?? [], limit));
  }
  return { tip: state.tip, models, names: all.map(({ name }) => name), looseMonths };
}
