import leven from 'leven';

const LONGEST = 256;

/** The known word that `word` is a slip of the keys away from, or undefined. */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  if (word.length > LONGEST) return undefined;
  const [best] = known
    .filter(candidate => candidate.length <= LONGEST)
    .map(candidate => ({ candidate, distance: leven(word, candidate) }))
    .sort((one, other) => one.distance - other.distance);
  if (best === undefined) return undefined;
  const { candidate, distance } = best;
  const slips = candidate.length <= 3 ? 1 : Math.max(2, Math.floor(candidate.length / 3));
  return distance <= slips ? candidate : undefined;
}
