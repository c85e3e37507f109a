/** Patterns of characters that act on a reader, built from text so that no source file has one in it. */
const pattern = (classes: string): RegExp => new RegExp(`[${classes}]`, 'u');

/** C0 and C1 controls but for the line break, and what reorders text. */
export const ACTIVE_CHARACTERS = pattern(
  '\\u0000-\\u0009\\u000B-\\u001F\\u007F-\\u009F\\u2028\\u2029\\u202A-\\u202E\\u2066-\\u2069',
);
/** What XML 1.0 has no spelling for. */
export const FORBIDDEN_IN_XML = pattern('\\u0000-\\u0008\\u000B\\u000C\\u000E-\\u001F\\uFFFE\\uFFFF');
/** The escape sequences that the text format uses for colours. */
export const COLOR_SEQUENCES = new RegExp(`${String.fromCharCode(27)}\\[(?:0|1|2|31|32|33|36)m`, 'g');
