import type { BranchState } from './branch-reader.ts';
import type { AppendPlan } from './branch-writer.ts';
import {
  blobPath,
  measurementPath,
  modelPath,
  REGISTRY_FILE,
  REGISTRY_FORMAT,
  verdictPath,
  versionPath,
  versionsFolder,
} from './layout.ts';
import type { RecordEntry, RecordOutcome } from './record-entry.ts';
import type {
  BytesLocation,
  MeasurementRecord,
  ModelRecord,
  RecordAuthor,
  VerdictRecord,
  VersionRecord,
} from './records.ts';
import { checkRegistry, readVersions } from './registry-files.ts';
import { type RecordReader, serialiseRecord } from './schemas.ts';
import type { NewFile } from './tree-builder.ts';
import { decideVersion, newestVersion, type VersionDecision } from './versions.ts';

/** Who records, when, and in which run. */
export interface RecordContext {
  readonly author: RecordAuthor;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly runUrl: string | null;
  readonly toolVersion: string;
}

/** An entry with the ids of its records: made once, so that a retry writes the same files. */
export interface IdentifiedEntry {
  readonly entry: RecordEntry;
  readonly measurementId: string;
  readonly verdictId: string;
}

const jsonFile = (path: string, value: object): NewFile => ({
  path,
  content: { kind: 'bytes', bytes: serialiseRecord(value) },
});

/** `registry.json` of a new branch. */
export function formatFile(context: RecordContext): NewFile {
  return jsonFile(REGISTRY_FILE, {
    format: REGISTRY_FORMAT,
    createdAt: context.createdAt,
    tool: { name: 'quickserveml', version: context.toolVersion },
  });
}

function locateBytes(entry: RecordEntry): BytesLocation {
  const { bytes, identity, source } = entry;
  const storable =
    identity.sizeBytes <= bytes.blobLimitBytes &&
    identity.parts.every(({ sha256 }) => bytes.files.has(sha256));
  if (storable) return { kind: 'blob' };
  if (bytes.otherwise !== null) return bytes.otherwise;
  return { kind: 'commit', repository: null, commit: source.commit ?? '', path: source.path };
}

function versionRecord(
  entry: RecordEntry,
  decision: Extract<VersionDecision, { kind: 'new' }>,
  context: RecordContext,
): VersionRecord {
  const { identity } = entry;
  return {
    model: entry.model,
    version: decision.version,
    previous: decision.previous?.version ?? null,
    bump: decision.bump,
    sha256: identity.sha256,
    sizeBytes: identity.sizeBytes,
    parts: identity.parts,
    interface: entry.interface,
    inspection: entry.inspection,
    bytes: locateBytes(entry),
    source: entry.source,
    createdAt: context.createdAt,
    author: context.author,
    runUrl: context.runUrl,
  };
}

function measurementFile(
  { entry, measurementId }: IdentifiedEntry,
  version: string | null,
  context: RecordContext,
): NewFile[] {
  const { measurement } = entry;
  if (measurement === null) return [];
  const record: MeasurementRecord = {
    id: measurementId,
    model: entry.model,
    sha256: entry.identity.sha256,
    version,
    commit: entry.source.commit,
    createdAt: context.createdAt,
    fingerprint: measurement.fingerprint,
    metrics: measurement.metrics,
    samples: measurement.samples ?? {},
    runUrl: context.runUrl,
  };
  return [
    jsonFile(
      measurementPath(entry.model, measurement.fingerprint.key, context.createdAt, measurementId),
      record,
    ),
  ];
}

function verdictFile({ entry, verdictId }: IdentifiedEntry, context: RecordContext): NewFile[] {
  const { verdict, identity } = entry;
  if (verdict === null) return [];
  const record: VerdictRecord = {
    id: verdictId,
    model: entry.model,
    sha256: identity.sha256,
    gate: verdict.gate,
    policyDigest: verdict.policyDigest,
    baseCommit: verdict.baseCommit,
    commit: entry.source.commit,
    toolVersion: context.toolVersion,
    createdAt: context.createdAt,
    runUrl: context.runUrl,
  };
  return [jsonFile(verdictPath(identity.sha256, verdictId), record)];
}

function blobFiles(entry: RecordEntry): NewFile[] {
  return entry.identity.parts.flatMap(({ sha256 }): NewFile[] => {
    const source = entry.bytes.files.get(sha256);
    return source === undefined ? [] : [{ path: blobPath(sha256), content: { kind: 'file', source } }];
  });
}

function outcomeOf(entry: RecordEntry, decision: VersionDecision): RecordOutcome {
  const { model } = entry;
  switch (decision.kind) {
    case 'new':
      return {
        model,
        version: decision.version,
        new: true,
        previous: decision.previous?.version ?? null,
        reason: '',
      };
    case 'known':
      return {
        model,
        version: decision.version.version,
        new: false,
        previous: decision.version.previous,
        reason: `these bytes are version ${decision.version.version} already`,
      };
    case 'outdated':
      return {
        model,
        version: null,
        new: false,
        previous: decision.newest.version,
        reason: `version ${decision.newest.version} comes from a later commit`,
      };
  }
}

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));

/**
 * Asks for all folders and files that recording looks at, level by level and then in one request: each request costs a
 * round trip. What comes stays in the store; the looks that follow are local.
 */
async function prefetch(
  state: BranchState,
  entries: readonly IdentifiedEntry[],
  { createdAt }: RecordContext,
): Promise<void> {
  if (state.tip === null) return;
  const folders = entries.flatMap(({ entry, measurementId, verdictId }) => {
    const { model, identity, measurement, verdict } = entry;
    const measured =
      measurement === null
        ? []
        : [measurementPath(model, measurement.fingerprint.key, createdAt, measurementId)];
    const judged = verdict === null ? [] : [verdictPath(identity.sha256, verdictId)];
    return [versionsFolder(model), ...[modelPath(model), ...measured, ...judged].map(folderOf)];
  });
  const found = await state.listFolders(['', 'blobs', ...new Set(folders)]);
  const models = [...new Set(entries.map(({ entry }) => entry.model))];
  const versions = models.flatMap(model => {
    const folder = versionsFolder(model);
    return (found.get(folder) ?? []).map(({ path }) => `${folder}/${path}`);
  });
  await state.readFiles([REGISTRY_FILE, ...models.map(modelPath), ...versions]);
}

const CREATED = 'Create the registry';

function commitMessage(outcomes: readonly RecordOutcome[], context: RecordContext): string {
  const made = outcomes.filter(outcome => outcome.new).map(({ model, version }) => `${model} ${version}`);
  const subject = made.length === 0 ? 'Record measurements' : `Record ${made.slice(0, 3).join(', ')}`;
  const more = made.length > 3 ? ` and ${made.length - 3} more` : '';
  const run = context.runUrl === null ? '' : `\n\nRun: ${context.runUrl}`;
  return `${(subject + more).replaceAll(/[\r\n\0]+/g, ' ')}${run}`;
}

/**
 * The files that record the entries on the branch as it is: one commit for all. Called again on every retry.
 * @throws QuickServeError REGISTRY_MALFORMED, REGISTRY_FORMAT_UNKNOWN; nothing is changed then.
 */
export async function planRecords(
  state: BranchState,
  reader: RecordReader,
  entries: readonly IdentifiedEntry[],
  context: RecordContext,
): Promise<AppendPlan<readonly RecordOutcome[]>> {
  await prefetch(state, entries, context);
  const initialised = await checkRegistry(state, reader);
  const models = [...new Set(entries.map(({ entry }) => entry.model))];
  const versions = new Map(await readVersions(state, reader, models));
  const known = await state.readFiles(models.map(modelPath));
  const files = new Map<string, NewFile>();
  const add = (file: NewFile): void => {
    files.set(file.path, file);
  };
  const outcomes: RecordOutcome[] = [];
  for (const identified of entries) {
    const { entry } = identified;
    const existing = versions.get(entry.model) ?? [];
    const newest = newestVersion(existing);
    const relation =
      newest === null || entry.relationTo === undefined ? 'unknown' : await entry.relationTo(newest);
    const { sha256 } = entry.identity;
    const decision = decideVersion({ versions: existing, sha256, relation, bumpOf: entry.bumpOf });
    if (decision.kind === 'new') {
      const record = versionRecord(entry, decision, context);
      versions.set(entry.model, [...existing, record]);
      add(jsonFile(versionPath(entry.model, decision.version), record));
      if (record.bytes.kind === 'blob') blobFiles(entry).forEach(add);
      if (!known.has(modelPath(entry.model))) add(modelFile(entry.model, context));
    }
    const outcome = outcomeOf(entry, decision);
    outcomes.push(outcome);
    for (const file of measurementFile(identified, outcome.version, context)) add(file);
    for (const file of verdictFile(identified, context)) add(file);
  }
  if (files.size === 0) return { kind: 'nothing', result: outcomes };
  if (!initialised) add(formatFile(context));
  return {
    kind: 'add',
    files: [...files.values()],
    message: commitMessage(outcomes, context),
    result: outcomes,
  };
}

function modelFile(name: string, context: RecordContext): NewFile {
  const record: ModelRecord = { name, createdAt: context.createdAt, description: null, owners: [], tags: [] };
  return jsonFile(modelPath(name), record);
}

/** What makes an empty branch a registry; nothing where it is one. */
export async function planInit(
  state: BranchState,
  reader: RecordReader,
  context: RecordContext,
): Promise<AppendPlan<{ readonly created: boolean }>> {
  if (await checkRegistry(state, reader)) return { kind: 'nothing', result: { created: false } };
  return { kind: 'add', files: [formatFile(context)], message: CREATED, result: { created: true } };
}
