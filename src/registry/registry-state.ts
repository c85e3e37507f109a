import { QuickServeError } from '../shared/errors.ts';
import type { BranchState } from './branch-reader.ts';
import { placeOf } from './layout.ts';
import type { MeasurementRecord, VersionRecord } from './records.ts';
import { readVersion } from './registry-files.ts';
import type { RecordReader } from './schemas.ts';
import { sortVersions } from './versions.ts';

export interface RegisteredModel {
  readonly name: string;
  /** Ascending by semantic version. */
  readonly versions: readonly VersionRecord[];
  /** By fingerprint key, oldest first: the newest ones only. */
  readonly measurements: ReadonlyMap<string, readonly MeasurementRecord[]>;
}

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

interface ModelFiles {
  readonly versions: string[];
  /** Paths by fingerprint key and id. */
  readonly measurements: Map<string, Map<string, string>>;
}

function sortFiles(paths: Iterable<string>, wanted: ReadonlySet<string> | null): Map<string, ModelFiles> {
  const models = new Map<string, ModelFiles>();
  const filesOf = (model: string): ModelFiles => {
    const files = models.get(model) ?? { versions: [], measurements: new Map<string, Map<string, string>>() };
    models.set(model, files);
    return files;
  };
  for (const path of paths) {
    const place = placeOf(path);
    if (!('model' in place) || (wanted !== null && !wanted.has(place.model))) continue;
    const files = filesOf(place.model);
    if (place.kind === 'version') files.versions.push(path);
    if (place.kind === 'measurement') {
      const measurements = files.measurements.get(place.fingerprintKey) ?? new Map<string, string>();
      files.measurements.set(place.fingerprintKey, measurements.set(place.id, path));
    }
  }
  return models;
}

/** Ids sort by time, so the newest are known before a byte is read. */
function newestPaths(measurements: ReadonlyMap<string, string>, limit: number): string[] {
  if (limit <= 0) return [];
  const ids = [...measurements.keys()].sort().slice(-limit);
  return ids.map(id => measurements.get(id) ?? '');
}

function readMeasurement(
  reader: RecordReader,
  path: string,
  contents: ReadonlyMap<string, Buffer>,
): MeasurementRecord {
  const record = reader.read('measurement', path, contents.get(path) ?? Buffer.alloc(0));
  const place = placeOf(path);
  if (
    place.kind === 'measurement' &&
    record.model === place.model &&
    record.fingerprint.key === place.fingerprintKey
  ) {
    return record;
  }
  throw new QuickServeError({
    code: 'REGISTRY_MALFORMED',
    message: `${path} on the registry branch holds a measurement of another model or machine.`,
    hint: 'Restore that file from the history of the branch (git log -- <file>), then run again.',
  });
}

/**
 * Reads the branch into models with versions and latest measurements. One request lists it, one brings what is wanted.
 * @throws QuickServeError REGISTRY_MALFORMED.
 */
export async function readRegistryState(
  state: BranchState,
  reader: RecordReader,
  options: ReadOptions,
): Promise<RegistryState> {
  const limit = options.measurementLimit ?? DEFAULT_MEASUREMENT_LIMIT;
  const wanted = options.models === undefined ? null : new Set(options.models);
  const sorted = sortFiles((await state.listAllFiles()).keys(), wanted);
  const paths = [...sorted.values()].flatMap(({ versions, measurements }) => [
    ...versions,
    ...[...measurements.values()].flatMap(ids => newestPaths(ids, limit)),
  ]);
  const contents = await state.readFiles(paths);
  const models = new Map<string, RegisteredModel>();
  for (const [name, files] of sorted) {
    const versions = files.versions.map(path =>
      readVersion(reader, path, contents.get(path) ?? Buffer.alloc(0)),
    );
    const measurements = new Map(
      [...files.measurements].map(([key, ids]): [string, readonly MeasurementRecord[]] => [
        key,
        newestPaths(ids, limit).map(path => readMeasurement(reader, path, contents)),
      ]),
    );
    models.set(name, { name, versions: sortVersions(versions), measurements });
  }
  return { tip: state.tip, models };
}
