import type { RecordId } from './record.ts';

/** What became of a record that has no outputs. */
export interface RecordFailure {
  readonly code: string;
  readonly message: string;
}

/**
 * A line of results: `{"record":3,"id":"r3","outputs":{...}}`.
 * @param record its number, from 1
 * @param members the rest of the line as the text of a JSON object that is not empty: it need not be parsed
 */
export const resultLine = (record: number, id: RecordId | null, members: string): string =>
  `{"record":${record},${id === null ? '' : `"id":${JSON.stringify(id)},`}${members.slice(1)}\n`;

/** `{"record":3,"error":{"code":"RECORD_INVALID","message":"..."}}` */
export const failureLine = (record: number, id: RecordId | null, failure: RecordFailure): string =>
  resultLine(record, id, JSON.stringify({ error: { code: failure.code, message: failure.message } }));
