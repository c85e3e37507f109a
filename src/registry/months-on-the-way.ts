import { QuickServeError } from '../shared/errors.ts';
import type { BranchState } from './branch-state.ts';
import type { AppendPlan } from './branch-writer.ts';
import { placeOf } from './layout.ts';
import { firstOpenMonth, packMonth } from './month-packing.ts';
import type { RecordReader } from './schemas.ts';
import { folderOf } from './tree-paths.ts';

/**
 * A write reads the folder of months that it adds to in any case. Where one of these months is closed and loose, the same
 * commit packs it: a branch that is written to stays as small as if somebody compacted it, at a month a write.
 */

/** A month with more records is left to `compact`: its files are too much to fetch for one append. */
const MOST_RECORDS = 2_000;

/** The oldest closed month beside those that the files go to; null where all are packed. */
async function looseMonth(
  state: BranchState,
  monthsWritten: ReadonlySet<string>,
  openMonth: string,
): Promise<string | null> {
  const parents = [...new Set([...monthsWritten].map(folderOf))];
  const listed = await state.listFolders(parents);
  const closed = parents.flatMap(parent =>
    (listed.get(parent) ?? [])
      .filter(({ type, path }) => type === 'tree' && /^\d{4}-\d\d$/.test(path) && path < openMonth)
      .map(({ path }) => `${parent}/${path}`),
  );
  return (
    closed
      .filter(month => !monthsWritten.has(month))
      .toSorted((one, other) => (one.slice(-7) < other.slice(-7) ? -1 : 1))[0] ?? null
  );
}

/**
 * The plan, with one closed month packed where its files lie beside such. What cannot be read is left to `verify`: a write
 * does not fail by it.
 * @param nowMs milliseconds since the epoch.
 */
export async function withMonthPacked<T>(
  state: BranchState,
  reader: RecordReader,
  plan: AppendPlan<T>,
  nowMs: number,
): Promise<AppendPlan<T>> {
  if (plan.kind === 'nothing' || plan.removed !== undefined || state.tip === null) return plan;
  const monthsWritten = new Set(
    plan.files
      .map(({ path }) => path)
      .filter(path => 'month' in placeOf(path))
      .map(folderOf),
  );
  if (monthsWritten.size === 0) return plan;
  try {
    const month = await looseMonth(state, monthsWritten, firstOpenMonth(nowMs));
    if (month === null) return plan;
    // With the folder that is written to: one fetch brings both.
    const entries = (await state.listFolders([month, ...monthsWritten])).get(month) ?? [];
    if (entries.length > MOST_RECORDS) return plan;
    const file = await packMonth(
      state,
      reader,
      month,
      entries.map(({ path }) => `${month}/${path}`),
    );
    return {
      ...plan,
      files: [...plan.files, file],
      removed: [month],
      replaced: new Set([...(plan.replaced ?? []), file.path]),
    };
  } catch (error) {
    if (error instanceof QuickServeError) return plan;
    throw error;
  }
}
