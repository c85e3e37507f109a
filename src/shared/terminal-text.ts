/**
 * Characters that act instead of showing: controls (ANSI sequences start with one), format characters (bidirectional,
 * zero-width), lone surrogates, line and paragraph separators, and what Unicode lets a font leave out.
 */
const ACTING = /\p{Cc}|\p{Cf}|\p{Cs}|\p{Zl}|\p{Zp}|\p{Default_Ignorable_Code_Point}/gu;

/** The text with every acting character written out (`\u001b`), so that a terminal shows it and nothing else happens. */
export function terminalSafe(text: string): string {
  return text.replace(ACTING, character => {
    const code = character.codePointAt(0) ?? 0;
    return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** The same of a text in which our own line breaks act; every further line is indented by `indent`. */
export const terminalLines = (text: string, indent = ''): string =>
  text.split('\n').map(terminalSafe).join(`\n${indent}`);

const LONGEST_QUOTED_NAME = 120;

/** A name in quotation marks for a message: acting characters written out, the middle of a long one left out. */
export function quoteName(name: string): string {
  const safe = terminalSafe(name);
  if (safe.length <= LONGEST_QUOTED_NAME) return `"${safe}"`;
  const characters = [...safe];
  if (characters.length <= LONGEST_QUOTED_NAME) return `"${safe}"`;
  return `"${characters.slice(0, 80).join('')}...${characters.slice(-30).join('')}" (${name.length} characters)`;
}
