import { kindOf, type ModelProfile, type ProfiledLayer } from './model-profile.ts';

/** One layer of two profiles; a side that has no such layer is null. Milliseconds a run. */
export interface ComparedLayer {
  readonly name: string;
  readonly operator: string;
  readonly baseMs: number | null;
  readonly candidateMs: number | null;
  readonly baseMacs: number | null;
  readonly candidateMacs: number | null;
}

export interface ComparedOperator {
  readonly operator: string;
  readonly baseCount: number;
  readonly candidateCount: number;
  readonly baseMs: number;
  readonly candidateMs: number;
}

export interface ProfileComparison {
  /** Largest change first. */
  readonly layers: readonly ComparedLayer[];
  /** Largest change first. */
  readonly operators: readonly ComparedOperator[];
}

/** Beyond so many pairs of unmatched layers, an alignment would take longer than the profiles did. */
const LARGEST_ALIGNMENT = 4_000_000;

type Sides = readonly [base: ProfiledLayer | null, candidate: ProfiledLayer | null];

/**
 * One profile of several of the same model: each layer with its shortest time, since whatever disturbs a run only ever
 * lengthens it. Profiles that took another way than the first (a Loop with other iterations) are left out.
 */
export function leastDisturbed(profiles: readonly ModelProfile[]): ModelProfile {
  const [first] = profiles;
  if (first === undefined) throw new RangeError('no profiles');
  const alike = profiles.filter(
    ({ layers }) =>
      layers.length === first.layers.length &&
      layers.every((layer, index) => layer.name === first.layers[index]?.name),
  );
  const layers = first.layers.map((layer, index) => ({
    ...layer,
    durationUs: Math.min(...alike.map(profile => profile.layers[index]?.durationUs ?? layer.durationUs)),
  }));
  const groups = Map.groupBy(layers, ({ operator }) => operator);
  const operators = first.operators.map(row => ({
    ...row,
    durationUs: (groups.get(row.operator) ?? []).reduce((sum, { durationUs }) => sum + durationUs, 0),
  }));
  return { ...first, layers, operators };
}

/**
 * Compares two profiles by layer and by operator. Layers are matched by the nodes of the model that they do
 * (`partnerOf`: the base's node of a candidate's node, by name), and what is left between matched ones by the longest
 * common sequence of operators. What only one side runs, such as an added Cast or a normalisation that is not fused any
 * more, has no partner.
 */
export function compareProfiles(
  base: ModelProfile,
  candidate: ModelProfile,
  partnerOf: ReadonlyMap<string, string>,
): ProfileComparison {
  const matched = matchLayers(base.layers, candidate.layers, partnerOf);
  const layers = matched.map(describe).sort((a, b) => changeOf(b) - changeOf(a));
  const names = new Set([...base.operators, ...candidate.operators].map(({ operator }) => operator));
  const operators = [...names].map(operator => {
    const one = base.operators.find(each => each.operator === operator);
    const other = candidate.operators.find(each => each.operator === operator);
    return {
      operator,
      baseCount: one?.count ?? 0,
      candidateCount: other?.count ?? 0,
      baseMs: (one?.durationUs ?? 0) / 1000,
      candidateMs: (other?.durationUs ?? 0) / 1000,
    };
  });
  return { layers, operators: operators.sort((a, b) => changeOf(b) - changeOf(a)) };
}

const changeOf = (row: { readonly baseMs: number | null; readonly candidateMs: number | null }): number =>
  Math.abs((row.candidateMs ?? 0) - (row.baseMs ?? 0));

function describe([base, candidate]: Sides): ComparedLayer {
  const shown = candidate ?? base;
  return {
    // What people wrote, where the layer does a node of theirs.
    name: shown === null ? '' : (shown.does[0] ?? shown.name),
    // The blocked layout is the runtime's affair.
    operator: (shown?.operator ?? '').replace(/^com\.microsoft\.nchwc:/, ''),
    baseMs: base === null ? null : base.durationUs / 1000,
    candidateMs: candidate === null ? null : candidate.durationUs / 1000,
    baseMacs: base?.macs ?? null,
    candidateMacs: candidate?.macs ?? null,
  };
}

function matchLayers(
  base: readonly ProfiledLayer[],
  candidate: readonly ProfiledLayer[],
  partnerOf: ReadonlyMap<string, string>,
): readonly Sides[] {
  const doers = new Map<string, number>();
  for (const [index, { does }] of base.entries()) {
    for (const node of does) doers.set(node, doers.has(node) ? -1 : index);
  }
  const partners: (number | null)[] = candidate.map(() => null);
  const taken = new Set<number>();
  const claim = (position: number, index: number | undefined): void => {
    if (index === undefined || index < 0 || taken.has(index) || partners[position] != null) return;
    if (kindOf(base[index]?.operator ?? '') !== kindOf(candidate[position]?.operator ?? '')) return;
    partners[position] = index;
    taken.add(index);
  };
  // First by the node that gives a layer its name, then by what was fused into it.
  for (const depth of [1, Number.POSITIVE_INFINITY]) {
    for (const [position, { does }] of candidate.entries()) {
      for (const node of does.slice(0, depth)) claim(position, doers.get(partnerOf.get(node) ?? node));
    }
  }
  const openBase = base.flatMap((_, index) => (taken.has(index) ? [] : [index]));
  const openCandidate = candidate.flatMap((_, position) => (partners[position] === null ? [position] : []));
  for (const [index, position] of align(openBase, openCandidate, base, candidate)) claim(position, index);
  return [
    ...candidate.map((layer, position): Sides => [base[partners[position] ?? -1] ?? null, layer]),
    ...base.flatMap((layer, index): Sides[] => (taken.has(index) ? [] : [[layer, null]])),
  ];
}

/** The longest common subsequence of the operators (Wagner and Fischer 1974), as pairs of positions. */
function align(
  base: readonly number[],
  candidate: readonly number[],
  baseLayers: readonly ProfiledLayer[],
  candidateLayers: readonly ProfiledLayer[],
): readonly (readonly [number, number])[] {
  if (base.length * candidate.length > LARGEST_ALIGNMENT) return [];
  const width = candidate.length + 1;
  const lengths = new Uint32Array((base.length + 1) * width);
  const at = (row: number, column: number): number => lengths[row * width + column] ?? 0;
  const isSame = (row: number, column: number): boolean =>
    kindOf(baseLayers[base[row] ?? -1]?.operator ?? '') ===
    kindOf(candidateLayers[candidate[column] ?? -1]?.operator ?? '');
  for (let row = base.length - 1; row >= 0; row -= 1) {
    for (let column = candidate.length - 1; column >= 0; column -= 1) {
      lengths[row * width + column] = isSame(row, column)
        ? at(row + 1, column + 1) + 1
        : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const pairs: (readonly [number, number])[] = [];
  let row = 0;
  let column = 0;
  while (row < base.length && column < candidate.length) {
    if (isSame(row, column)) {
      pairs.push([base[row] ?? -1, candidate[column] ?? -1]);
      row += 1;
      column += 1;
    } else if (at(row + 1, column) >= at(row, column + 1)) row += 1;
    else column += 1;
  }
  return pairs;
}
