import { kindOf, type ProfiledLayer } from './model-profile.ts';

/** Beyond so many pairs of unmatched layers, an alignment would take longer than the profiles did. */
const LARGEST_ALIGNMENT = 4_000_000;

/** Positions of a layer among those of the base and of the candidate; null: that side has none. */
export type LayerMatch = readonly [base: number | null, candidate: number | null];

/**
 * Layers are matched by the nodes of the model that they do (`partnerOf`: the base's node of a candidate's node, by
 * name), and what is left between matched ones by the longest common sequence of operators. What only one side runs,
 * such as an added Cast or a normalisation that is not fused any more, has no partner.
 */
export function matchLayers(
  base: readonly ProfiledLayer[],
  candidate: readonly ProfiledLayer[],
  partnerOf: ReadonlyMap<string, string>,
): readonly LayerMatch[] {
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
    ...candidate.map((_, position): LayerMatch => [partners[position] ?? null, position]),
    ...base.flatMap((_, index): LayerMatch[] => (taken.has(index) ? [] : [[index, null]])),
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
