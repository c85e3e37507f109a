import { createReadStream, statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { fileReason, messageOf, QuickServeError } from '../../shared/errors.ts';
import { isLfsPointer, LFS_HINT } from '../lfs-pointer.ts';
import { parseJsonRecords } from './json-records.ts';
import { type RecordForm, type RecordReading, type RecordSource, recordsError } from './record.ts';
import { splitJsonArray, splitLines } from './record-text.ts';
import { openNpzRecords, readCsvRecords } from './table-records.ts';

/** Names the file in what a decoder says of it. */
async function* named(name: string, records: AsyncIterable<RecordReading>): AsyncGenerator<RecordReading> {
  try {
    yield* records;
  } catch (error) {
    throw error instanceof QuickServeError ? error : recordsError(`${name}: ${messageOf(error)}.`, error);
  }
}

/** Records of NDJSON that comes in as a stream, for example from stdin. */
export const recordsOfStream = (
  name: string,
  stream: AsyncIterable<Uint8Array>,
  form: RecordForm,
): RecordSource => ({
  name,
  records: named(name, parseJsonRecords(splitLines(stream), form)),
  fraction: () => null,
});

/**
 * Opens a file of records by its ending: .ndjson, .jsonl, .json, .csv or .npz; read as it is used.
 * @throws QuickServeError RECORDS_INVALID, DATASET_INVALID, FILE_UNREADABLE.
 */
export async function openRecords(path: string, form: RecordForm): Promise<RecordSource> {
  const name = basename(path);
  let sizeBytes: number;
  try {
    sizeBytes = statSync(path).size;
  } catch (cause) {
    throw new QuickServeError({
      code: 'FILE_UNREADABLE',
      message: `${name} cannot be read: ${fileReason(cause)}`,
      hint: 'Check the path and its permissions.',
      cause,
    });
  }
  if (isLfsPointer(path))
    throw recordsError(`${name} is a Git LFS pointer, not the file itself. ${LFS_HINT}`);
  let readBytes = 0;
  const fraction = (): number => (sizeBytes === 0 ? 1 : Math.min(1, readBytes / sizeBytes));
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for await (const piece of createReadStream(path, { highWaterMark: 262_144 })) {
      readBytes += (piece as Uint8Array).length;
      yield piece as Uint8Array;
    }
  }
  const ofText = (records: AsyncIterable<RecordReading>): RecordSource => ({
    name,
    records: named(name, records),
    fraction,
  });
  switch (extname(path).toLowerCase()) {
    case '.ndjson':
    case '.jsonl':
      return ofText(parseJsonRecords(splitLines(bytes()), form));
    case '.json':
      return ofText(parseJsonRecords(splitJsonArray(bytes()), form));
    case '.csv':
      return { name, records: named(name, readCsvRecords(path, form)), fraction: () => null };
    case '.npz': {
      try {
        const { rows, records } = await openNpzRecords(path, form);
        let done = 0;
        const counted = async function* (): AsyncGenerator<RecordReading> {
          for await (const record of records) {
            done += 1;
            yield record;
          }
        };
        return { name, records: named(name, counted()), fraction: () => (rows === 0 ? 1 : done / rows) };
      } catch (error) {
        throw error instanceof QuickServeError ? error : recordsError(`${name}: ${messageOf(error)}.`, error);
      }
    }
    default:
      throw recordsError(`${name} is no kind of data that is known by its name.`);
  }
}
