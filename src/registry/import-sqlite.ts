import { createHash } from 'node:crypto';
import { coerce, valid } from 'semver';
import { messageOf, QuickServeError } from '../shared/errors.ts';
import { isJsonObject } from '../shared/json-object.ts';
import { foreignFingerprint, type ImportedRecords, importedId } from './imported-records.ts';
import {
  type MeasurementRecord,
  type RecordAuthor,
  VERSION_STATUSES,
  type VersionRecord,
  type VersionStatus,
} from './records.ts';

type Row = Readonly<Record<string, unknown>>;

export interface ImportContext {
  /** ISO 8601, for rows without a time. */
  readonly createdAt: string;
  readonly author: RecordAuthor;
  readonly nameOf: (name: string) => string;
}

function invalid(path: string, why: string, cause?: unknown): QuickServeError {
  return new QuickServeError({
    code: 'IMPORT_INVALID',
    message: `${path} is not the registry database of the Python QuickServeML: ${why}. Nothing was imported.`,
    hint: 'Give its SQLite file (registry.db), with the tables `models` and `benchmarks`.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Reads the tables; node:sqlite is loaded only here, since it warns that it is young and older Nodes hide it. */
async function readTables(path: string): Promise<{ readonly models: Row[]; readonly benchmarks: Row[] }> {
  let sqlite: typeof import('node:sqlite');
  try {
    sqlite = await import('node:sqlite');
  } catch (error) {
    throw new QuickServeError({
      code: 'IMPORT_INVALID',
      message: 'This Node has no SQLite that works without a flag.',
      hint: 'Run the import with Node 22.13 or newer, or with NODE_OPTIONS=--experimental-sqlite on 22.12.',
      cause: error,
    });
  }
  try {
    const database = new sqlite.DatabaseSync(path, { readOnly: true });
    try {
      const names = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
      const tables = new Set(names.map(row => String(row['name'])));
      if (!tables.has('models')) throw invalid(path, 'it has no table `models`');
      const models = database.prepare('SELECT rowid AS _rowid, * FROM models ORDER BY rowid').all() as Row[];
      const benchmarks = tables.has('benchmarks')
        ? (database.prepare('SELECT rowid AS _rowid, * FROM benchmarks ORDER BY rowid').all() as Row[])
        : [];
      return { models, benchmarks };
    } finally {
      database.close();
    }
  } catch (error) {
    if (error instanceof QuickServeError) throw error;
    throw invalid(path, messageOf(error), error);
  }
}

const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
const numberOf = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value)
    ? value
    : typeof value === 'bigint'
      ? Number(value)
      : null;

function parseJson(value: unknown): unknown {
  if (typeof value !== 'string' || value === '') return null;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function timeOf(value: unknown, otherwise: string): string {
  const number = numberOf(value);
  // Python writes seconds since the epoch, or ISO 8601 without a zone, meant as UTC.
  const text = textOf(value);
  const parsed =
    number !== null
      ? new Date(number * 1000)
      : text === null
        ? null
        : new Date(/[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text.replace(' ', 'T')}Z`);
  return parsed === null || Number.isNaN(parsed.getTime()) ? otherwise : parsed.toISOString();
}

function tagsOf(value: unknown): readonly string[] {
  const parsed = parseJson(value);
  if (Array.isArray(parsed)) return parsed.map(String);
  if (typeof parsed !== 'string') return [];
  return parsed
    .split(',')
    .map(tag => tag.trim())
    .filter(tag => tag !== '');
}

function statusOf(value: unknown): VersionStatus {
  const text = String(value ?? '').toLowerCase();
  return VERSION_STATUSES.find(status => status === text) ?? 'draft';
}

function versionNumber(text: string, taken: ReadonlySet<string>): string | null {
  const exact = valid(text.replace(/^v/i, ''));
  const number = exact ?? coerce(text)?.version ?? null;
  return number === null || taken.has(number) ? null : number;
}

function versionOf(row: Row, version: string, sha256: string, context: ImportContext): VersionRecord {
  const name = textOf(row['name']) ?? '';
  const path = textOf(row['model_path']) ?? `${name}.onnx`;
  const sizeBytes = numberOf(row['file_size']) ?? 0;
  const author = textOf(row['author']);
  const metrics = Object.fromEntries(
    [
      ['accuracy', row['accuracy']],
      ['latency', row['latency_ms']],
      ['throughput', row['throughput_rps']],
    ].flatMap(([key, value]): [string, number][] => {
      const number = numberOf(value);
      return number === null ? [] : [[String(key), number]];
    }),
  );
  const known = ['name', 'version', 'description', 'tags', 'author', 'status', 'model_path', 'file_size'];
  const rest = Object.fromEntries(
    Object.entries(row)
      .filter(([key, value]) => !known.includes(key) && value !== null && key !== '_rowid')
      .map(([key, value]) => [key, typeof value === 'bigint' ? Number(value) : (parseJson(value) ?? value)]),
  );
  return {
    model: context.nameOf(name),
    version,
    previous: null,
    bump: 'none',
    sha256,
    sizeBytes,
    parts: [{ path: path.split(/[\\/]/).at(-1) ?? path, sha256, sizeBytes }],
    // The old registry knew shapes without names and types: too little for a contract. They are kept below.
    interface: { inputs: [], outputs: [], opsets: {}, optionalInputs: [] },
    inspection: null,
    bytes: { kind: 'none', reason: `an import; the file was ${path} on the old machine` },
    source: { commit: null, path },
    createdAt: timeOf(row['created_at'], context.createdAt),
    author: author === null ? context.author : { name: author, email: '' },
    runUrl: null,
    status: statusOf(row['status']),
    description: textOf(row['description']),
    tags: tagsOf(row['tags']),
    metrics,
    imported: {
      from: 'quickserveml-python',
      version: textOf(row['version']),
      notes: textOf(row['notes']),
      ...rest,
    },
  };
}

function flatNumbers(value: unknown, prefix: string, into: Record<string, number>): void {
  if (typeof value === 'number' && Number.isFinite(value)) into[prefix] = value;
  else if (isJsonObject(value)) {
    for (const [key, inner] of Object.entries(value))
      flatNumbers(inner, prefix === '' ? key : `${prefix}.${key}`, into);
  }
}

function measurementOf(row: Row, version: VersionRecord, context: ImportContext): MeasurementRecord | null {
  const metrics: Record<string, number> = Object.create(null);
  flatNumbers(parseJson(row['metrics']), '', metrics);
  const resources: Record<string, number> = Object.create(null);
  flatNumbers(parseJson(row['resource_usage']), 'resource', resources);
  if (Object.keys(metrics).length === 0) return null;
  const createdAt = timeOf(row['run_time'] ?? row['created_at'], context.createdAt);
  const hardware = parseJson(row['hardware_info']);
  const key = createHash('sha256').update(JSON.stringify(hardware)).digest('hex').slice(0, 12);
  return {
    id: importedId(
      Date.parse(createdAt),
      JSON.stringify([version.model, version.version, row['_rowid'], metrics]),
    ),
    model: version.model,
    sha256: version.sha256,
    version: version.version,
    commit: null,
    createdAt,
    fingerprint: foreignFingerprint(`imported-${key}`, typeof hardware === 'string' ? hardware : undefined),
    metrics: { ...metrics, ...resources },
    samples: {},
    runUrl: null,
    imported: {
      from: 'quickserveml-python',
      hardware,
      datasetVersion: textOf(row['dataset_version']),
      runParams: parseJson(row['run_params']),
      tags: tagsOf(row['tags']),
    },
  };
}

/**
 * Reads the SQLite file of the Python QuickServeML. Bytes stay where they were: such a version has none here.
 * @throws QuickServeError IMPORT_INVALID.
 */
export async function readSqlite(path: string, context: ImportContext): Promise<ImportedRecords> {
  const tables = await readTables(path);
  const skipped: string[] = [];
  const versions: VersionRecord[] = [];
  const byOldName = new Map<string, VersionRecord>();
  for (const row of tables.models) {
    const name = textOf(row['name']);
    const oldVersion = String(row['version'] ?? '');
    if (name === null) {
      skipped.push(`models, row ${String(row['_rowid'])}: no name`);
      continue;
    }
    const own = versions.filter(({ model }) => model === context.nameOf(name));
    const number = versionNumber(oldVersion, new Set(own.map(({ version }) => version)));
    if (number === null) {
      skipped.push(`${name} ${oldVersion}: no semantic version, or one that is there already`);
      continue;
    }
    const hash =
      textOf(row['model_hash'])
        ?.toLowerCase()
        .replace(/^sha256:/, '') ?? '';
    if (!/^[0-9a-f]{64}$/.test(hash)) {
      skipped.push(`${name} ${oldVersion}: "${hash}" is no sha256, so nobody can tell which bytes it was`);
      continue;
    }
    if (own.some(({ sha256 }) => sha256 === hash)) {
      skipped.push(`${name} ${oldVersion}: has the bytes of another version`);
      continue;
    }
    const version = versionOf(row, number, hash, context);
    versions.push(version);
    byOldName.set(oldVersion, version);
    byOldName.set(`${name}:${oldVersion}`, version);
    byOldName.set(`${name}@${oldVersion}`, version);
    byOldName.set(`${name}/${oldVersion}`, version);
    if (numberOf(row['id']) !== null) byOldName.set(`#${numberOf(row['id'])}`, version);
  }
  const measurements = tables.benchmarks.flatMap(row => {
    const of = String(row['model_version'] ?? '');
    const model = textOf(row['model_name']);
    const version =
      (model === null ? undefined : byOldName.get(`${model}:${of}`)) ??
      byOldName.get(of) ??
      byOldName.get(`#${of}`);
    const record = version === undefined ? null : measurementOf(row, version, context);
    if (record === null) {
      skipped.push(
        `benchmarks, row ${String(row['_rowid'])}: ${version === undefined ? `no version "${of}"` : 'no numbers'}`,
      );
      return [];
    }
    return [record];
  });
  return { versions, measurements, events: [], skipped };
}
