/** A model as the configuration or discovery names it. */
export interface ModelLocation {
  readonly name: string;
  /** Relative to the repository's root, with `/`. */
  readonly path: string;
  /** Files with its external tensor data, relative to the root; absent where not known. */
  readonly externalPaths?: readonly string[];
}

/** Blob ids by path. null: the file is not as in any commit (changed in the work tree, or new). */
export type FileIds = ReadonlyMap<string, string | null>;

/** How a model of the head stands to the base commit; `deleted` is one of the base that the head does not have. */
export type ModelChange =
  | { readonly kind: 'identical'; readonly name: string; readonly path: string; readonly basePath: string }
  | { readonly kind: 'changed'; readonly name: string; readonly path: string; readonly basePath: string }
  | { readonly kind: 'added'; readonly name: string; readonly path: string }
  | { readonly kind: 'deleted'; readonly name: string; readonly path: string }
  | {
      readonly kind: 'moved';
      readonly name: string;
      readonly path: string;
      readonly basePath: string;
      readonly identical: boolean;
    };

/** Where a model was in the base commit; null where it is new, or gone. */
export const basePathOf = (change: ModelChange): string | null =>
  'basePath' in change ? change.basePath : null;

export interface ModelSets {
  readonly headModels: readonly ModelLocation[];
  readonly headFiles: FileIds;
  /** Models that the base's own configuration or discovery names. */
  readonly baseModels: readonly ModelLocation[];
  readonly baseFiles: FileIds;
}

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1);

/** True where the model's file and all its external files have the same blobs; moved along where the model moved. */
function sameBytes(head: ModelLocation, basePath: string, sets: ModelSets): boolean {
  const same = (headPath: string, otherPath: string): boolean => {
    const id = sets.headFiles.get(headPath);
    return id !== undefined && id !== null && id === sets.baseFiles.get(otherPath);
  };
  if (!same(head.path, basePath)) return false;
  const from = folderOf(head.path);
  return (head.externalPaths ?? []).every(external => {
    const besides = external.startsWith(from) ? folderOf(basePath) + external.slice(from.length) : external;
    return same(external, besides);
  });
}

function relate(head: ModelLocation, basePath: string, sets: ModelSets): ModelChange {
  const { name, path } = head;
  const identical = sameBytes(head, basePath, sets);
  if (path !== basePath) return { kind: 'moved', name, path, basePath, identical };
  return { kind: identical ? 'identical' : 'changed', name, path, basePath };
}

/** Pairs of head and base that `matches` finds, taken only where each side has exactly one partner. */
function pairUniquely(
  heads: readonly ModelLocation[],
  bases: readonly ModelLocation[],
  matches: (head: ModelLocation, base: ModelLocation) => boolean,
): ReadonlyMap<ModelLocation, ModelLocation> {
  const pairs = new Map<ModelLocation, ModelLocation>();
  for (const head of heads) {
    const partners = bases.filter(base => matches(head, base));
    const [partner] = partners;
    if (partner === undefined || partners.length > 1) continue;
    if (heads.filter(other => matches(other, partner)).length === 1) pairs.set(head, partner);
  }
  return pairs;
}

/**
 * Says for each model whether it is identical, changed, added, deleted or moved, from blob ids alone: no byte is read.
 * In order: the same path; the same name at another path; the same bytes elsewhere; one deletion and one addition with
 * the same file name. Where several partners are possible none is taken. Head models come first, in their order.
 */
export function modelChanges(sets: ModelSets): readonly ModelChange[] {
  const found = new Map<ModelLocation, ModelChange>();
  const gone = sets.baseModels.filter(({ path }) => !sets.headFiles.has(path));
  const taken = new Set<ModelLocation>();

  for (const head of sets.headModels) {
    // The base need not have known the file as a model: it may have been configured only now.
    if (!sets.baseFiles.has(head.path)) continue;
    found.set(head, relate(head, head.path, sets));
    // Under whatever name, it is the same model, also where the head names a file that it no longer has.
    for (const base of gone) if (base.path === head.path) taken.add(base);
  }
  const steps: readonly ((head: ModelLocation, base: ModelLocation) => boolean)[] = [
    (head, base) => head.name === base.name,
    (head, base) => sameBytes(head, base.path, sets),
    (head, base) => baseName(head.path) === baseName(base.path),
  ];
  for (const matches of steps) {
    const heads = sets.headModels.filter(head => !found.has(head));
    const bases = gone.filter(base => !taken.has(base));
    for (const [head, base] of pairUniquely(heads, bases, matches)) {
      found.set(head, relate(head, base.path, sets));
      taken.add(base);
    }
  }
  const headChanges = sets.headModels.map(
    (head): ModelChange => found.get(head) ?? { kind: 'added', name: head.name, path: head.path },
  );
  const deleted = gone
    .filter(base => !taken.has(base))
    .map(({ name, path }): ModelChange => ({ kind: 'deleted', name, path }));
  return [...headChanges, ...deleted];
}
