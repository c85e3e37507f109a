import { messageOf } from '../shared/errors.ts';
import { malformed, type RecordReader, type RecordTypes, serialiseLine } from './schemas.ts';

/** A pack: the records of a closed month in one file, a line each, sorted by id. */

const DECODER = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads a file that has a record a line; empty lines are none.
 * @param read gets the line, and its place for messages.
 * @throws QuickServeError REGISTRY_MALFORMED where it is not UTF-8, and what `read` throws.
 */
export function readLines<T>(
  path: string,
  content: Uint8Array,
  read: (place: string, line: Uint8Array) => T,
): readonly T[] {
  let text: string;
  try {
    text = DECODER.decode(content);
  } catch (error) {
    throw malformed(path, `it is not UTF-8 (${messageOf(error)})`, error);
  }
  return text.split('\n').flatMap((line, index) => {
    if (line === '') return [];
    return [read(`${path}, line ${index + 1},`, Buffer.from(line, 'utf8'))];
  });
}

/**
 * @throws QuickServeError REGISTRY_MALFORMED naming the line.
 */
export function readPack<K extends 'measurement' | 'event' | 'verdict'>(
  reader: RecordReader,
  kind: K,
  path: string,
  content: Uint8Array,
): readonly RecordTypes[K][] {
  return readLines(path, content, (place, line) => reader.read(kind, place, line));
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
