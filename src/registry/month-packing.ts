import { QuickServeError } from '../shared/errors.ts';
import type { BranchState } from './branch-state.ts';
import { packPath, placeOf } from './layout.ts';
import { type ModelSource, readSource } from './model-sources.ts';
import { uniqueById, writePack } from './packs.ts';
import { type RecordReader, serialiseLine } from './schemas.ts';
import type { NewFile } from './tree-builder.ts';
import { folderOf } from './tree-paths.ts';

/** A month is left alone for so long after its end: clocks differ, and late jobs still write to it. */
const MARGIN_MS = 3 * 24 * 3600 * 1000;

/** The first month, `yyyy-mm`, that is not closed yet. */
export function firstOpenMonth(nowMs: number): string {
  return new Date(nowMs - MARGIN_MS).toISOString().slice(0, 7);
}

/** How many of the months (`yyyy-mm`) are closed. */
export function countClosed(months: readonly string[], nowMs: number): number {
  const openMonth = firstOpenMonth(nowMs);
  return months.filter(month => month < openMonth).length;
}

/** A month's folder, and its files with the pack that there may be already. */
export interface Month {
  readonly folder: string;
  readonly paths: string[];
}

/** Closed months with loose files, each with its pack where there is one already. */
export function closedMonths(files: ReadonlyMap<string, string>, openMonth: string): readonly Month[] {
  const months = new Map<string, Month>();
  for (const path of files.keys()) {
    const place = placeOf(path);
    if ((place.kind !== 'measurement' && place.kind !== 'event') || place.month >= openMonth) continue;
    const folder = folderOf(path);
    const month = months.get(folder) ?? { folder, paths: [] };
    month.paths.push(path);
    months.set(folder, month);
  }
  for (const month of months.values()) {
    const pack = packPath(month.folder);
    if (files.has(pack)) month.paths.unshift(pack);
  }
  return [...months.values()];
}

export const recordsOf = (source: ModelSource): readonly { readonly id: string }[] =>
  source.kind === 'events' || source.kind === 'measurements' ? source.records : [];

function conflicting(folder: string, id: string): QuickServeError {
  return new QuickServeError({
    code: 'REGISTRY_MALFORMED',
    message: `${folder} on the registry branch has two records ${id} that say different things.`,
    hint: 'Run registry verify, and restore the one that is wrong from the history of the branch.',
  });
}

/**
 * The pack of a month: what is in its loose files, and in the pack that there may be already, each record once.
 * @throws QuickServeError REGISTRY_MALFORMED where a file is damaged, missing, or none of events or measurements.
 */
export async function packMonth(
  state: BranchState,
  reader: RecordReader,
  folder: string,
  loose: readonly string[],
): Promise<NewFile> {
  const pack = packPath(folder);
  const contents = await state.readFiles([pack, ...loose]);
  const lost = loose.find(path => !contents.has(path));
  if (lost !== undefined) {
    throw new QuickServeError({
      code: 'REGISTRY_MALFORMED',
      message: `The remote has lost the contents of ${lost} on the registry branch.`,
      hint: 'Run registry verify, and restore the branch from a backup.',
    });
  }
  const records = [...contents].flatMap(([path, content]) =>
    recordsOf(readSource(reader, path, '', placeOf(path), content)),
  );
  const lines = new Map<string, string>();
  for (const record of records) {
    const line = serialiseLine(record);
    if ((lines.get(record.id) ?? line) !== line) throw conflicting(folder, record.id);
    lines.set(record.id, line);
  }
  return { path: pack, content: { kind: 'bytes', bytes: writePack(uniqueById(records)) } };
}
