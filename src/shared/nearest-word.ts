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

const MOST_SUGGESTED = 3;
const lastPart = (name: string): string => name.slice(name.lastIndexOf('/') + 1);

/** The names that may be meant: with or without their folder, else a slip of the keys away. */
function meantNames(word: string, known: readonly string[]): readonly string[] {
  const sameEnd = known.filter(name => name.endsWith(`/${word}`) || word.endsWith(`/${name}`));
  if (sameEnd.length > 0) return sameEnd;
  const nearest = nearestWord(word, known);
  if (nearest !== undefined) return [nearest];
  const last = nearestWord(lastPart(word), known.map(lastPart));
  return last === undefined ? [] : known.filter(name => lastPart(name) === last);
}

/** `Did you mean "models/digits"?` for a name that is not among the known ones; null where none is near. */
export function nameSuggestion(word: string, known: readonly string[]): string | null {
  const meant = meantNames(word, known).slice(0, MOST_SUGGESTED);
  return meant.length === 0 ? null : `Did you mean ${meant.map(name => `"${name}"`).join(' or ')}?`;
}
