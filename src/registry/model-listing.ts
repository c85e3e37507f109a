import type { TreeEntry } from '../git/tree-listing.ts';
import type { BranchState } from './branch-state.ts';
import { type Place, placeOf } from './layout.ts';

/** A file of a model: its path on the branch, its blob, and what its path means. */
export interface ModelFile {
  readonly path: string;
  readonly blobId: string;
  readonly place: Place;
}

/** The files of a model that are read, and which of its months have loose ones. */
export interface ModelListing {
  readonly files: readonly ModelFile[];
  /** `yyyy-mm`, once for each folder: of events, and of each machine's measurements. */
  readonly looseMonths: readonly string[];
}

/** A machine's months with loose files, newest first, of which only as many are listed as are wanted. */
interface Machine {
  readonly months: readonly string[];
  readonly packs: readonly ModelFile[];
  readonly loose: ModelFile[];
  /** How many of the months have been listed. */
  listed: number;
}

/** Machines with at most so many months in all are listed at once. */
const FEW_MONTHS = 64;

const named = (folder: string, entries: readonly TreeEntry[], type: TreeEntry['type']): readonly string[] =>
  entries.filter(entry => entry.type === type).map(({ path }) => `${folder}/${path}`);

function filesIn(
  folder: string,
  listed: ReadonlyMap<string, readonly TreeEntry[]>,
  kinds: readonly Place['kind'][],
): readonly ModelFile[] {
  return (listed.get(folder) ?? []).flatMap(({ type, path: name, id }) => {
    if (type !== 'blob') return [];
    const path = `${folder}/${name}`;
    const place = placeOf(path);
    return kinds.includes(place.kind) ? [{ path, blobId: id, place }] : [];
  });
}

const idOf = ({ place }: ModelFile): string => ('id' in place ? place.id : '');
const monthOf = ({ place }: ModelFile): string => ('month' in place ? place.month : '');
const descending = (of: (file: ModelFile) => string) => (one: ModelFile, other: ModelFile) =>
  of(one) < of(other) ? 1 : -1;

/** The newest files of a machine: loose ones, and packs where those are too few or the months overlap. */
function newestOf(machine: Machine, limit: number): readonly ModelFile[] {
  const loose = machine.loose.toSorted(descending(idOf)).slice(0, limit);
  // A pack is read where loose files are too few, or where a late file made the months overlap.
  const oldestMonth = loose.map(monthOf).sort()[0] ?? '9999';
  const selected = [...loose];
  let missing = limit - loose.length;
  for (const pack of machine.packs.toSorted(descending(monthOf))) {
    if (missing <= 0 && monthOf(pack) < oldestMonth) break;
    selected.push(pack);
    // A pack has at least one record.
    missing -= 1;
  }
  return selected;
}

/**
 * The newest measurements of each machine. Ids sort by time and folders are named by month, so months that are not wanted
 * are never fetched: at 100,000 records they are nearly all there is.
 */
async function listMeasurements(
  state: BranchState,
  folders: readonly string[],
  limit: number,
): Promise<ModelListing> {
  const listed = await state.listFolders(folders);
  const machines: Machine[] = [];
  for (const folder of folders) {
    const entries = listed.get(folder);
    if (entries === undefined) continue;
    machines.push({
      months: named(folder, entries, 'tree').toSorted().reverse(),
      packs: filesIn(folder, listed, ['measurement-pack']),
      loose: [],
      listed: 0,
    });
  }
  const isFew = machines.reduce((sum, { months }) => sum + months.length, 0) <= FEW_MONTHS;
  for (let step = isFew ? Number.POSITIVE_INFINITY : 1; ; step *= 2) {
    const wanting = machines.filter(
      ({ loose, months, listed: done }) => loose.length < limit && done < months.length,
    );
    if (wanting.length === 0) break;
    const next = wanting.flatMap(({ months, listed: done }) => months.slice(done, done + step));
    const found = await state.listFolders(next);
    for (const machine of wanting) {
      const end = Math.min(machine.months.length, machine.listed + step);
      for (const month of machine.months.slice(machine.listed, end)) {
        machine.loose.push(...filesIn(month, found, ['measurement']));
      }
      machine.listed = end;
    }
  }
  return {
    files: machines.flatMap(machine => newestOf(machine, limit)),
    looseMonths: machines.flatMap(machine => machine.months),
  };
}

/**
 * The files that make up models, of their measurements only as many of each machine as are wanted, newest first. Trees are
 * fetched level by level, those of all models at once.
 * @param folders of the models: `models/digits`.
 */
export async function listModelFiles(
  state: BranchState,
  folders: readonly string[],
  limit: number,
): Promise<ReadonlyMap<string, ModelListing>> {
  const parts = (folder: string): readonly string[] =>
    ['versions', 'events', ...(limit > 0 ? ['benchmarks'] : [])].map(part => `${folder}/${part}`);
  // Told apart before they are listed: a folder of the second level that is none is damage, and named as such.
  const tops = await state.listFolders(folders);
  const there = folders.flatMap(folder => {
    const names = new Set((tops.get(folder) ?? []).map(({ path }) => `${folder}/${path}`));
    return parts(folder).filter(part => names.has(part));
  });
  const second = await state.listFolders(there);
  const months = there
    .filter(part => part.endsWith('/events'))
    .flatMap(part => named(part, second.get(part) ?? [], 'tree'));
  const machines = there
    .filter(part => part.endsWith('/benchmarks'))
    .flatMap(part => named(part, second.get(part) ?? [], 'tree'));
  const third = await state.listFolders([...months, ...machines]);
  const measurements = await listMeasurements(state, machines, limit);
  const isOf = (folder: string) => (path: string) => path.startsWith(`${folder}/`);
  const listings = new Map<string, ModelListing>();
  for (const folder of folders) {
    const files = [
      ...filesIn(folder, tops, ['model']),
      ...filesIn(`${folder}/versions`, second, ['version']),
      ...filesIn(`${folder}/events`, second, ['event-pack']),
      ...months.filter(isOf(folder)).flatMap(month => filesIn(month, third, ['event'])),
      ...measurements.files.filter(({ path }) => isOf(folder)(path)),
    ];
    const loose = [...months, ...measurements.looseMonths].filter(isOf(folder));
    listings.set(folder, { files, looseMonths: loose.map(month => month.slice(-'yyyy-mm'.length)) });
  }
  return listings;
}
