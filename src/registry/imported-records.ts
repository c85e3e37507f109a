import { createHash } from 'node:crypto';
import type { Fingerprint } from '../benchmark/measurement.ts';
import type { ObjectStore } from '../git/object-store.ts';
import type { BranchState } from './branch-state.ts';
import type { AppendPlan } from './branch-writer.ts';
import { digestPath, eventPath, measurementPath, modelPath, placeOf, versionPath } from './layout.ts';
import type { RecordContext } from './record-context.ts';
import { formatFile, jsonFile } from './record-files.ts';
import type { EventRecord, MeasurementRecord, VersionRecord } from './records.ts';
import type { RegistryAccess } from './registry-access.ts';
import { checkRegistry } from './registry-files.ts';
import { createTimeId } from './time-ids.ts';
import { existingFiles, type NewFile } from './tree-builder.ts';

/** What an import brings, ready to be written. */
export interface ImportedRecords {
  readonly versions: readonly VersionRecord[];
  readonly measurements: readonly MeasurementRecord[];
  readonly events: readonly EventRecord[];
  /** What could not be taken over, and why. */
  readonly skipped: readonly string[];
}

export interface ImportOutcome {
  readonly versions: number;
  readonly measurements: number;
  readonly events: number;
  /** Were there from an earlier import. */
  readonly known: number;
  readonly skipped: readonly string[];
}

/** An id that the same entry gets every time, so that importing twice adds nothing. */
export function importedId(timeMs: number, seed: string): string {
  const digest = createHash('sha256').update(seed).digest();
  let index = 0;
  return createTimeId(timeMs, () => (digest[index++ % digest.length] ?? 0) / 256);
}

/**
 * A machine of which only what the other tool wrote is known: a history of its own, never compared with what is measured
 * here.
 */
export const foreignFingerprint = (key: string, cpuModel = 'unknown'): Fingerprint => ({
  key,
  cpuModel,
  isa: 'unknown',
  cores: 0,
  cpuQuota: null,
  memoryGiB: 0,
  os: 'unknown',
  kernel: 'unknown',
  arch: 'unknown',
  nodeVersion: 'unknown',
  runtimeVersion: 'unknown',
  provider: 'unknown',
  threads: 0,
});

function filesOf(records: ImportedRecords, context: RecordContext): NewFile[] {
  const { versions, measurements, events } = records;
  const models = [...new Set(versions.map(({ model }) => model))];
  return [
    ...models.map(name =>
      jsonFile(modelPath(name), {
        name,
        createdAt: context.createdAt,
        description: null,
        owners: [],
        tags: [],
      }),
    ),
    ...versions.map(version => jsonFile(versionPath(version.model, version.version), version)),
    ...versions.map(({ model, sha256, version }) => jsonFile(digestPath(model, sha256), { sha256, version })),
    ...measurements.map(record =>
      jsonFile(measurementPath(record.model, record.fingerprint.key, record.createdAt, record.id), record),
    ),
    ...events.map(event => jsonFile(eventPath(event.model, event.id), event)),
  ];
}

/** Only what is not there yet: an import never changes a file. */
async function planImport(
  access: RegistryAccess,
  store: ObjectStore,
  state: BranchState,
  records: ImportedRecords,
  source: string,
): Promise<AppendPlan<ImportOutcome>> {
  const initialised = await checkRegistry(state, access.reader);
  if (state.tip !== null) {
    // Many folders are looked at: all trees in one request cost less than each level of each.
    await store.fetch({ refspecs: [state.tip], filter: 'blob:none', depth: 1, refetch: true });
  }
  const context = access.context();
  const files = new Map(filesOf(records, context).map(file => [file.path, file]));
  const there = await existingFiles(state, [...files.keys()]);
  const added = [...files.values()].filter(({ path }) => !there.has(path));
  const count = (kind: string): number => added.filter(({ path }) => placeOf(path).kind === kind).length;
  const result: ImportOutcome = {
    versions: count('version'),
    measurements: count('measurement'),
    events: count('event'),
    known: files.size - added.length,
    skipped: records.skipped,
  };
  if (added.length === 0) return { kind: 'nothing', result };
  return {
    kind: 'add',
    files: initialised ? added : [...added, formatFile(context)],
    message: `Import ${result.versions} versions and ${result.measurements} measurements from ${source}`,
    result,
  };
}

/** Adds what an import brings; what is there stays as it is. */
export async function importRecords(
  access: RegistryAccess,
  records: ImportedRecords,
  options: { readonly source: string; readonly dryRun: boolean },
): Promise<ImportOutcome> {
  await using store = await access.openStore();
  if (options.dryRun) {
    const state = await access.openState(store, 'tree:0');
    return (await planImport(access, store, state, records, options.source)).result;
  }
  return (await access.append(store, state => planImport(access, store, state, records, options.source)))
    .result;
}
