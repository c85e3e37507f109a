/** Something wrong in the file: where, as keys and list positions from the root, and what. */
export interface Problem {
  readonly path: readonly (string | number)[];
  /** Follows the dotted path: `is not a known key; did you mean "max-regression"?` */
  readonly message: string;
}

const LONGEST_KEY = 80;

/** `models.digits.policy.latency`, list positions as `[0]`, odd keys quoted and shortened. */
export function formatPath(path: readonly (string | number)[]): string {
  if (path.length === 0) return 'the file';
  return path
    .map((key, index) => {
      if (typeof key === 'number') return `[${key}]`;
      if (/^[\w./-]+$/.test(key) && key.length <= LONGEST_KEY) return index === 0 ? key : `.${key}`;
      return `[${quote(key)}]`;
    })
    .join('');
}

/** A text of the file for a message: in quotes, control characters escaped, shortened. */
export function quote(text: string): string {
  const shortened = text.length > LONGEST_KEY ? `${text.slice(0, LONGEST_KEY)}…` : text;
  return JSON.stringify(shortened).replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
