/** One challenge of a WWW-Authenticate header (RFC 9110, 11.6.1). */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const LONGEST_HEADER = 16_384;
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const PARAMETER = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/y;
const SEPARATORS = /[\s,]*/y;

/** Every challenge of the header, in its order; what cannot be read ends the list. */
export function parseChallenges(header: string): readonly Challenge[] {
  const text = header.slice(0, LONGEST_HEADER);
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let position = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const found = pattern.exec(text);
    if (found !== null) position += found[0].length;
    return found;
  };
  while (position < text.length) {
    match(SEPARATORS);
    const parameter = match(PARAMETER);
    const current = challenges.at(-1);
    if (parameter !== null) {
      if (current === undefined) break;
      const value = parameter[2]?.replace(/\\(.)/g, '$1') ?? parameter[3] ?? '';
      current.parameters.set((parameter[1] ?? '').toLowerCase(), value);
      continue;
    }
    const scheme = match(TOKEN);
    if (scheme === null) break;
    challenges.push({ scheme: scheme[0].toLowerCase(), parameters: new Map() });
  }
  return challenges;
}
