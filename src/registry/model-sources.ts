import { QuickServeError } from '../shared/errors.ts';
import { eventPath, measurementPath, type Place, placeOf } from './layout.ts';
import { readPack, uniqueById } from './packs.ts';
import type { EventRecord, MeasurementRecord, ModelRecord, VersionRecord } from './records.ts';
import type { RecordReader } from './schemas.ts';
import { readVersion } from './version-record.ts';
import { sortVersions } from './versions.ts';

export interface RegisteredModel {
  readonly name: string;
  /** `model.json`; null where only measurements were written. */
  readonly record: ModelRecord | null;
  /** Ascending by semantic version. */
  readonly versions: readonly VersionRecord[];
  /** By fingerprint key, oldest first: the newest ones only. */
  readonly measurements: ReadonlyMap<string, readonly MeasurementRecord[]>;
  /** All, oldest first. */
  readonly events: readonly EventRecord[];
}

interface SourceFile {
  readonly path: string;
  readonly blobId: string;
}

/** A file of a model, parsed: what the cache keeps. */
export type ModelSource = SourceFile &
  (
    | { readonly kind: 'model'; readonly record: ModelRecord }
    | { readonly kind: 'version'; readonly record: VersionRecord }
    | { readonly kind: 'events'; readonly records: readonly EventRecord[] }
    | { readonly kind: 'measurements'; readonly records: readonly MeasurementRecord[] }
  );

function misplaced(path: string, what: string): QuickServeError {
  return new QuickServeError({
    code: 'REGISTRY_MALFORMED',
    message: `${path} on the registry branch holds ${what}.`,
    hint: 'Restore that file from the history of the branch (git log -- <file>), then run again.',
  });
}

function checkedMeasurement(path: string, place: Place, record: MeasurementRecord): MeasurementRecord {
  const fits =
    (place.kind === 'measurement' || place.kind === 'measurement-pack') &&
    record.model === place.model &&
    record.fingerprint.key === place.fingerprintKey &&
    (place.kind !== 'measurement' ||
      measurementPath(record.model, place.fingerprintKey, `${place.month}-01`, record.id) === path);
  if (fits) return record;
  throw misplaced(path, `measurement ${record.id} of another model, machine or id`);
}

function checkedEvent(path: string, place: Place, record: EventRecord): EventRecord {
  const fits =
    (place.kind === 'event' && eventPath(record.model, record.id) === path) ||
    (place.kind === 'event-pack' && record.model === place.model);
  if (fits) return record;
  throw misplaced(path, `event ${record.id} of another model, month or id`);
}

/**
 * Parses one file; the records must say what their place says.
 * @throws QuickServeError REGISTRY_MALFORMED.
 */
export function readSource(
  reader: RecordReader,
  path: string,
  blobId: string,
  place: Place,
  content: Uint8Array,
): ModelSource {
  switch (place.kind) {
    case 'version':
      return { kind: 'version', path, blobId, record: readVersion(reader, path, content) };
    case 'model': {
      const record = reader.read('model', path, content);
      if (record.name !== place.model) throw misplaced(path, `the description of ${record.name}`);
      return { kind: 'model', path, blobId, record };
    }
    case 'event':
    case 'event-pack': {
      const records =
        place.kind === 'event'
          ? [reader.read('event', path, content)]
          : readPack(reader, 'event', path, content);
      return { kind: 'events', path, blobId, records: records.map(one => checkedEvent(path, place, one)) };
    }
    case 'measurement':
    case 'measurement-pack': {
      const records =
        place.kind === 'measurement'
          ? [reader.read('measurement', path, content)]
          : readPack(reader, 'measurement', path, content);
      const checked = records.map(one => checkedMeasurement(path, place, one));
      return { kind: 'measurements', path, blobId, records: checked };
    }
    default:
      throw misplaced(path, 'nothing that makes up a model');
  }
}

/** A model from its files: the same record in a pack and in a loose file counts once. */
export function assembleModel(name: string, sources: readonly ModelSource[], limit: number): RegisteredModel {
  let record: ModelRecord | null = null;
  const versions: VersionRecord[] = [];
  const events: EventRecord[] = [];
  const measured = new Map<string, MeasurementRecord[]>();
  for (const source of sources) {
    if (source.kind === 'model') record = source.record;
    else if (source.kind === 'version') versions.push(source.record);
    else if (source.kind === 'events') events.push(...source.records);
    else {
      const place = placeOf(source.path);
      const key = 'fingerprintKey' in place ? place.fingerprintKey : '';
      const list = measured.get(key) ?? [];
      for (const measurement of source.records) list.push(measurement);
      measured.set(key, list);
    }
  }
  const measurements = new Map(
    [...measured].map(([key, list]): [string, readonly MeasurementRecord[]] => [
      key,
      limit > 0 ? uniqueById(list).slice(-limit) : [],
    ]),
  );
  return { name, record, versions: sortVersions(versions), measurements, events: uniqueById(events) };
}
