import { messageOf, QuickServeError } from '../shared/errors.ts';
import { type RecordReader, type RecordTypes, serialiseLine } from './schemas.ts';

/** A pack: the records of a closed month in one file, a line each, sorted by id. */

const DECODER = new TextDecoder('utf-8', { fatal: true });

/**
 * @throws QuickServeError REGISTRY_MALFORMED naming the line.
 */
export function readPack<K extends 'measurement' | 'event' | 'verdict'>(
  reader: RecordReader,
  kind: K,
  path: string,
  content: Uint8Array,
): readonly RecordTypes[K][] {
  let text: string;
  try {
    text = DECODER.decode(content);
  } catch (error) {
    throw new QuickServeError({
      code: 'REGISTRY_MALFORMED',
      message: `${path} on the registry branch is malformed: it is not UTF-8 (${messageOf(error)}).`,
      hint: 'Restore that file from the history of the branch (git log -- <file>), then run again.',
      cause: error,
    });
  }
  return text.split('\n').flatMap((line, index) => {
    if (line === '') return [];
    return [reader.read(kind, `${path}, line ${index + 1},`, Buffer.from(line, 'utf8'))];
  });
}

/** Each id once, sorted; where two have the same id the first given stays. */
export function uniqueById<T extends { readonly id: string }>(records: Iterable<T>): readonly T[] {
  const byId = new Map<string, T>();
  for (const record of records) if (!byId.has(record.id)) byId.set(record.id, record);
  return [...byId.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
}

export function writePack(records: readonly { readonly id: string }[]): Buffer {
  return Buffer.from(uniqueById(records).map(serialiseLine).join(''), 'utf8');
}
