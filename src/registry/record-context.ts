import type { RecordAuthor } from './records.ts';

/** Who records, when, and in which run. */
export interface RecordContext {
  readonly author: RecordAuthor;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly runUrl: string | null;
  readonly toolVersion: string;
  /** An id that sorts behind another one (null: behind nothing). */
  readonly newId: (after: string | null) => string;
}
