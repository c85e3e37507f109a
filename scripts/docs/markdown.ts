/** Text as one cell of a table. */
export function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ').trim();
}

/** A value as code, or nothing where there is none. */
export function code(text: string): string {
  return text === '' ? '' : `\`${cell(text)}\``;
}

/**
 * The text with what stands between `<!-- generated:NAME -->` and the next `<!-- /generated -->` replaced.
 * Throws where the markers are missing.
 */
export function replaceGenerated(text: string, name: string, body: string): string {
  const open = `<!-- generated:${name} -->`;
  const close = '<!-- /generated -->';
  const start = text.indexOf(open);
  const end = text.indexOf(close, start);
  if (start < 0 || end < 0) throw new Error(`the markers ${open} … ${close} are missing`);
  return `${text.slice(0, start + open.length)}\n${body}\n${text.slice(end)}`;
}
