import type { ObjectStore } from '../git/object-store.ts';
import { readHistory } from './audit.ts';
import type { BranchState } from './branch-state.ts';
import type { AppendPlan } from './branch-writer.ts';
import { auditPath, blobPath, eventPath, packPath, placeOf, verdictPackPath } from './layout.ts';
import { foldModel } from './lifecycle.ts';
import { assembleModel, type ModelSource, readSource } from './model-sources.ts';
import { closedMonths, firstOpenMonth, recordsOf } from './month-packing.ts';
import { uniqueById, writePack } from './packs.ts';
import type { RecordContext } from './record-context.ts';
import { jsonFile } from './record-files.ts';
import type { EventRecord } from './records.ts';
import type { RegistryAccess } from './registry-access.ts';
import { checkRegistry, readVerdicts } from './registry-files.ts';
import { serialiseLine } from './schemas.ts';
import { timeOfId } from './time-ids.ts';
import type { NewFile } from './tree-builder.ts';
import { folderOf } from './tree-paths.ts';

export interface CompactOptions {
  /** Also throw away the history, and the bytes of deleted versions; the audit log is kept as a file. */
  readonly rewrite: boolean;
  readonly dryRun: boolean;
}

export interface CompactOutcome {
  /** Files on the branch before and after. */
  readonly filesBefore: number;
  readonly filesAfter: number;
  /** Months that became one file each. */
  readonly packedMonths: number;
  /** Verdicts of closed months that went into a file with others. */
  readonly packedVerdicts: number;
  /** Digests whose bytes went. */
  readonly purged: readonly string[];
  /** Commits that the rewritten history replaced; 0 without a rewrite. */
  readonly replacedCommits: number;
}

/** Loose verdicts of closed months, by the pack that they go into. */
function closedVerdicts(
  files: ReadonlyMap<string, string>,
  openMonth: string,
): ReadonlyMap<string, readonly string[]> {
  const packs = new Map<string, string[]>();
  for (const path of files.keys()) {
    const place = placeOf(path);
    if (place.kind !== 'verdict') continue;
    const writtenMs = timeOfId(place.id);
    if (writtenMs === null || new Date(writtenMs).toISOString().slice(0, 7) >= openMonth) continue;
    const pack = verdictPackPath(place.sha256);
    packs.set(pack, [...(packs.get(pack) ?? []), path]);
  }
  return packs;
}

/** One pack for each two characters that digests begin with: most digests have a single verdict. */
async function packVerdicts(
  access: RegistryAccess,
  state: BranchState,
  files: ReadonlyMap<string, string>,
  openMonth: string,
  changes: Changes,
): Promise<number> {
  const closed = closedVerdicts(files, openMonth);
  const packs = [...closed.keys()].filter(pack => files.has(pack));
  const contents = await state.readFiles([...packs, ...[...closed.values()].flat()]);
  for (const [pack, paths] of closed) {
    const records = [pack, ...paths].flatMap(path => {
      const content = contents.get(path);
      return content === undefined ? [] : readVerdicts(access.reader, path, content);
    });
    changes.files.push({ path: pack, content: { kind: 'bytes', bytes: writePack(records) } });
    changes.replaced.add(pack);
    changes.removed.push(...paths);
  }
  return [...closed.values()].reduce((sum, paths) => sum + paths.length, 0);
}

/** Files and folders that go, and those that come. */
interface Changes {
  readonly files: NewFile[];
  readonly removed: string[];
  readonly replaced: Set<string>;
}

async function readAll(
  access: RegistryAccess,
  state: BranchState,
  paths: readonly string[],
): Promise<ReadonlyMap<string, ModelSource>> {
  const contents = await state.readFiles(paths);
  return new Map(
    [...contents].map(([path, content]) => [
      path,
      readSource(access.reader, path, '', placeOf(path), content),
    ]),
  );
}

/** Bytes of deleted versions that no other version has, and the events that say that they went. */
async function planPurge(
  access: RegistryAccess,
  state: BranchState,
  files: ReadonlyMap<string, string>,
  context: RecordContext,
  changes: Changes,
): Promise<readonly string[]> {
  const paths = new Map<string, string[]>();
  for (const path of files.keys()) {
    const place = placeOf(path);
    if (!['model', 'version', 'event', 'event-pack'].includes(place.kind) || !('model' in place)) continue;
    paths.set(place.model, [...(paths.get(place.model) ?? []), path]);
  }
  const sources = await readAll(access, state, [...paths.values()].flat());
  const kept = new Set<string>();
  const candidates: { readonly model: string; readonly newest: string | null; readonly digests: string[] }[] =
    [];
  for (const [name, own] of paths) {
    const read = own.flatMap(path => sources.get(path) ?? []);
    const model = foldModel(assembleModel(name, read, 0));
    const digests: string[] = [];
    for (const { version, deleted } of model.versions) {
      for (const { sha256 } of version.parts) {
        if (deleted === null) kept.add(sha256);
        else digests.push(sha256);
      }
    }
    candidates.push({ model: name, newest: model.events.at(-1)?.id ?? null, digests });
  }
  const purged = new Set<string>();
  for (const { model, newest, digests } of candidates) {
    const going = [...new Set(digests)].filter(sha256 => !kept.has(sha256) && files.has(blobPath(sha256)));
    if (going.length === 0) continue;
    const event: EventRecord = {
      id: context.newId(newest),
      model,
      version: null,
      kind: 'purge',
      digests: going,
      createdAt: context.createdAt,
      author: context.author,
      runUrl: context.runUrl,
      reason: 'the versions that had these bytes are deleted',
    };
    changes.files.push(jsonFile(eventPath(model, event.id), event));
    for (const sha256 of going) purged.add(sha256);
  }
  changes.removed.push(...[...purged].map(blobPath));
  return [...purged].sort();
}

/** The commits that a rewrite takes away, as lines of a file. */
async function keepAudit(access: RegistryAccess, context: RecordContext, changes: Changes): Promise<number> {
  // A store of its own: in one whose history is whole, git would want to send every object of the rewritten branch.
  await using store = await access.openStore();
  const commits = await readHistory(access, store);
  const lines = commits.map(serialiseLine).join('');
  changes.files.push({
    path: auditPath(context.newId(null)),
    content: { kind: 'bytes', bytes: Buffer.from(lines, 'utf8') },
  });
  return commits.length;
}

/** How many files there are once the changes are made. */
function countAfter(files: ReadonlyMap<string, string>, { files: added, removed }: Changes): number {
  const gone = new Set(removed);
  const isGone = (path: string): boolean => gone.has(path) || gone.has(folderOf(path));
  const kept = [...files.keys()].filter(path => !isGone(path));
  return new Set([...kept, ...added.map(({ path }) => path)]).size;
}

async function planCompaction(
  access: RegistryAccess,
  store: ObjectStore,
  state: BranchState,
  options: CompactOptions,
): Promise<AppendPlan<CompactOutcome>> {
  await checkRegistry(state, access.reader);
  // The writer's store has the path's trees only; all are needed here.
  if (state.tip !== null) {
    await store.fetch({ refspecs: [state.tip], filter: 'blob:none', depth: 1, refetch: true });
  }
  const context = access.context();
  const files = await state.listAllFiles();
  const openMonth = firstOpenMonth(access.options.now());
  const months = closedMonths(files, openMonth);
  const sources = await readAll(
    access,
    state,
    months.flatMap(({ paths }) => paths),
  );
  const changes: Changes = { files: [], removed: [], replaced: new Set() };
  for (const { folder, paths } of months) {
    const records = uniqueById(paths.flatMap(path => recordsOf(sources.get(path) ?? emptySource)));
    changes.files.push({ path: packPath(folder), content: { kind: 'bytes', bytes: writePack(records) } });
    changes.replaced.add(packPath(folder));
    changes.removed.push(folder);
  }
  const packedVerdicts = await packVerdicts(access, state, files, openMonth, changes);
  const purged = options.rewrite ? await planPurge(access, state, files, context, changes) : [];
  const replacedCommits = options.rewrite ? await keepAudit(access, context, changes) : 0;
  const result: CompactOutcome = {
    filesBefore: files.size,
    filesAfter: countAfter(files, changes),
    packedMonths: months.length,
    packedVerdicts,
    purged,
    replacedCommits,
  };
  if (options.dryRun || (months.length === 0 && packedVerdicts === 0 && !options.rewrite))
    return { kind: 'nothing', result };
  const what = options.rewrite ? 'Compact and rewrite the registry' : 'Compact the registry';
  return {
    kind: 'add',
    files: changes.files,
    removed: changes.removed,
    replaced: changes.replaced,
    message: `${what}: ${months.length} months, ${packedVerdicts} verdicts, ${purged.length} blobs taken away`,
    result,
    rewrites: options.rewrite,
  };
}

const emptySource: ModelSource = { kind: 'events', path: '', blobId: '', records: [] };

/**
 * Packs every closed month into one file, by an ordinary commit. With `rewrite` the branch begins anew with that commit:
 * who wrote what is kept as a file, bytes of deleted versions go. Writers that are at work meet a new tip and try again.
 * @throws QuickServeError as every write; REGISTRY_MALFORMED where a file that is to be packed is damaged.
 */
export async function compactRegistry(
  access: RegistryAccess,
  options: CompactOptions,
): Promise<CompactOutcome> {
  await using store = await access.openStore();
  if (options.dryRun) {
    const state = await access.openState(store, 'tree:0');
    return (await planCompaction(access, store, state, options)).result;
  }
  return (await access.append(store, state => planCompaction(access, store, state, options))).result;
}
