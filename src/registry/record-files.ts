import type { BranchState } from './branch-state.ts';
import {
  blobPath,
  measurementPath,
  modelPath,
  REGISTRY_FILE,
  REGISTRY_FORMAT,
  verdictPath,
} from './layout.ts';
import type { RecordContext } from './record-context.ts';
import type { MeasurementEntry, RecordEntry } from './record-entry.ts';
import type {
  BytesLocation,
  MeasurementRecord,
  ModelRecord,
  VerdictRecord,
  VersionRecord,
} from './records.ts';
import { serialiseRecord } from './schemas.ts';
import type { NewFile } from './tree-builder.ts';
import { folderOf } from './tree-paths.ts';
import type { VersionDecision } from './versions.ts';

/** An entry with its verdict, made and signed once, so that a retry writes the same file. */
export interface IdentifiedEntry {
  readonly entry: RecordEntry;
  readonly verdict: VerdictRecord | null;
}

export const jsonFile = (path: string, value: object): NewFile => ({
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

export function versionRecord(
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
    ...initialLife(entry),
  };
}

/** A version that a check let pass is validated; what nobody judged is a draft. */
function initialLife(entry: RecordEntry): Partial<VersionRecord> {
  const gate = entry.verdict?.gate;
  const judged = gate === 'passed' || gate === 'warned' ? 'validated' : 'draft';
  return {
    status: entry.status ?? judged,
    ...(entry.description === undefined ? {} : { description: entry.description }),
    ...(entry.tags === undefined ? {} : { tags: entry.tags }),
    ...(entry.metrics === undefined ? {} : { metrics: entry.metrics }),
    ...(entry.imported === undefined ? {} : { imported: entry.imported }),
  };
}

/** The greatest id of the folder that a measurement goes to: it is to sort behind what its writer saw. */
async function newestIdBeside(state: BranchState, path: string): Promise<string | null> {
  const entries = (await state.listFolders([folderOf(path)])).get(folderOf(path)) ?? [];
  const ids = entries.map(entry => entry.path.replace(/\.json$/, ''));
  return ids.sort().at(-1) ?? null;
}

export async function measurementFile(
  state: BranchState,
  { entry }: IdentifiedEntry,
  version: string | null,
  context: RecordContext,
): Promise<NewFile[]> {
  const { measurement } = entry;
  if (measurement === null) return [];
  const pathFor = (id: string): string =>
    measurementPath(entry.model, measurement.fingerprint.key, context.createdAt, id);
  const measurementId = context.newId(await newestIdBeside(state, pathFor('')));
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
    ...inputFields(measurement),
    runUrl: context.runUrl,
  };
  return [jsonFile(pathFor(measurementId), record)];
}

/** What was measured with which inputs, where that is known. */
export const inputFields = ({
  inputs,
  furtherInputs = [],
}: MeasurementEntry): Pick<MeasurementRecord, 'inputs' | 'furtherInputs'> => ({
  ...(inputs === undefined ? {} : { inputs }),
  ...(furtherInputs.length === 0 ? {} : { furtherInputs }),
});

/** The verdict of an entry under a new id; not signed yet. */
export function verdictRecord(entry: RecordEntry, context: RecordContext): VerdictRecord | null {
  const { verdict, identity } = entry;
  if (verdict === null) return null;
  const { cases = 'none', accepted = [] } = verdict;
  return {
    id: context.newId(null),
    model: entry.model,
    sha256: identity.sha256,
    gate: verdict.gate,
    policyDigest: verdict.policyDigest,
    baseCommit: verdict.baseCommit,
    commit: entry.source.commit,
    toolVersion: context.toolVersion,
    createdAt: context.createdAt,
    runUrl: context.runUrl,
    cases,
    ...(accepted.length === 0 ? {} : { accepted }),
  };
}

export const verdictFile = ({ verdict }: IdentifiedEntry): NewFile[] =>
  verdict === null ? [] : [jsonFile(verdictPath(verdict.sha256, verdict.id), verdict)];

export function blobFiles(entry: RecordEntry): NewFile[] {
  return entry.identity.parts.flatMap(({ sha256 }): NewFile[] => {
    const source = entry.bytes.files.get(sha256);
    return source === undefined ? [] : [{ path: blobPath(sha256), content: { kind: 'file', source } }];
  });
}

export function modelFile(name: string, context: RecordContext): NewFile {
  const record: ModelRecord = { name, createdAt: context.createdAt, description: null, owners: [], tags: [] };
  return jsonFile(modelPath(name), record);
}
