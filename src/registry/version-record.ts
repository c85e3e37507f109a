import { QuickServeError } from '../shared/errors.ts';
import { versionPath } from './layout.ts';
import type { VersionRecord } from './records.ts';
import type { RecordReader } from './schemas.ts';
import { isVersion } from './versions.ts';

/**
 * One version; the record must say what its place says.
 * @throws QuickServeError REGISTRY_MALFORMED.
 */
export function readVersion(reader: RecordReader, path: string, content: Uint8Array): VersionRecord {
  const record = reader.read('version', path, content);
  let place = '';
  if (isVersion(record.version)) place = versionPath(record.model, record.version);
  if (place === path) return record;
  throw new QuickServeError({
    code: 'REGISTRY_MALFORMED',
    message: `${path} on the registry branch says that it is version ${record.version} of ${record.model}. Nothing was changed.`,
    hint: 'Restore that file from the history of the branch (git log -- <file>), then run again.',
  });
}
