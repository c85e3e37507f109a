/**
 * Text that comes from a model, a branch name or a fork, made safe for the place where it is shown.
 * Every function first makes invisible and reordering characters visible, so that what a reviewer sees is what is there.
 */

/** Controls, bidirectional and zero-width characters, tags, lone surrogates and noncharacters: none may reach a reader raw. */
const INVISIBLE = new RegExp(
  `[${[
    '\\u0000-\\u0008\\u000B\\u000C\\u000E-\\u001F\\u007F-\\u009F',
    '\\u00AD\\u034F\\u061C\\u115F\\u1160\\u17B4\\u17B5\\u180B-\\u180F\\u200B-\\u200F\\u202A-\\u202E\\u2060-\\u206F',
    '\\u3164\\uD800-\\uDFFF\\uFEFF\\uFFA0\\uFFF9-\\uFFFB\\uFFFE\\uFFFF\\u{E0000}-\\u{E0FFF}',
  ].join('')}]`,
  'gu',
);
const WHITE_SPACE = /[\t\n\r\u2028\u2029]+/gu;

const codePointName = (character: string): string =>
  `‹U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}›`;

/** One line of text in which nothing is invisible: line breaks and tabs become a space, other controls `‹U+202E›`. */
export function visibleText(text: string): string {
  return text.replace(WHITE_SPACE, ' ').replace(INVISIBLE, codePointName);
}

/** At most `maxCharacters` code points, with an ellipsis in the middle where some had to go: both ends of a name tell it apart. */
export function shortenText(text: string, maxCharacters: number): string {
  // Slicing by code units first keeps a hostile name of many megabytes from being spread into an array.
  const units = maxCharacters * 2;
  const head = [...text.slice(0, units)];
  if (text.length <= units && head.length <= maxCharacters) return text;
  const tail = [...text.slice(-units)];
  const headLength = Math.ceil((maxCharacters - 1) / 2);
  const tailLength = maxCharacters - 1 - headLength;
  return `${head.slice(0, headLength).join('')}…${tailLength === 0 ? '' : tail.slice(-tailLength).join('')}`;
}

const entity = (character: string): string => `&#${character.codePointAt(0) ?? 0};`;

/** HTML text and attribute values in double or single quotes. */
export function escapeHtml(text: string): string {
  return visibleText(text).replace(/[&<>"']/g, entity);
}

/** XML 1.0 text and attribute values; characters that XML forbids are made visible by `visibleText`. */
export function escapeXml(text: string): string {
  return escapeHtml(text);
}

/**
 * XML 1.0 text of several lines.
 */
export function escapeXmlLines(text: string): string {
  return text
    .split(/\r\n|\r|\n/)
    .map(escapeXml)
    .join('\n');
}

/**
 * Text inside a paragraph, list item, heading or table cell of GitHub's or GitLab's markdown. Nothing in it can become
 * markup, a link, an image, HTML, a mention, a reference, mathematics, an emoji, a block at the line's start or a quick action; any space at the start, narrow ones
 * too, is an entity.
 *
 * Mentions and references are found by the platforms after rendering, where an entity is already the plain character:
 * only a zero-width space behind the sigil stops them (Renovate and Dependabot do the same).
 */
export function escapeMarkdown(text: string): string {
  return visibleText(text)
    .replace(/[&<>|\\`$]/g, entity)
    .replace(/[*_[\]~{}^]/g, '\\$&')
    .replace(/@(?=\S)/gu, '@&#8203;')
    .replace(/(?<!&)([#!%])(?=[\p{L}\p{N}_"])/gu, (_, sigil: string) => `${sigil}&#8203;`)
    .replace(/\\~(?=[\p{L}\p{N}_"])/gu, '\\~&#8203;')
    .replace(/&#38;(?=[\p{L}\p{N}])/gu, '&#38;&#8203;')
    .replace(/\b(GH-)(?=\d)/giu, '$1&#8203;')
    .replace(/:(?=\/\/)/gu, ':&#8203;')
    .replace(/\b(www)\./giu, '$1&#8203;.')
    .replace(/\b(mailto|xmpp):/giu, '$1&#8203;:')
    .replace(/:(?=[a-z0-9_+-]+:)/giu, ':&#8203;')
    .replace(/!$/u, '&#33;')
    .replace(/^(\s*)([#+\-=/:])/u, (_, space: string, first: string) => `${space}${entity(first)}`)
    .replace(/^(\s*\d+)([.)])(?=\s|$)/u, (_, number: string, mark: string) => `${number}${entity(mark)}`)
    .replace(/^\s+| +$/gu, spaces => [...spaces].map(entity).join(''));
}

/**
 * Text as code (`name`) inside markdown, in a table cell too. Plain names use backticks, which stay readable in mails;
 * anything else becomes a code element of entities, because pipes and backslashes have no safe spelling inside
 * backticks in a table.
 */
export function markdownCode(text: string): string {
  const visible = visibleText(text);
  if (visible === '') return '<code></code>';
  if (
    /^[A-Za-z0-9_./:,()[\]{}=+*#@%?&;<>'"~^!-]+(?: [A-Za-z0-9_./:,()[\]{}=+*#@%?&;<>'"~^!-]+)*$/u.test(
      visible,
    )
  ) {
    return `\`${visible}\``;
  }
  return `<code>${visible.replace(/[^\p{L}\p{N} ‹›…]/gu, entity)}</code>`;
}

/** A sentence in which `code` may stand between backticks: that becomes code, everything else plain text. Safe for any text. */
export function markdownProse(text: string): string {
  return proseParts(text)
    .map(({ kind, text: part }) => (kind === 'code' ? markdownCode(part) : keepEdges(part, escapeMarkdown)))
    .join('');
}

/** The same for HTML. */
export function htmlProse(text: string): string {
  return proseParts(text)
    .map(({ kind, text: part }) => (kind === 'code' ? `<code>${escapeHtml(part)}</code>` : escapeHtml(part)))
    .join('');
}

/** The lines of a text one below the other, in markdown or HTML, each made safe by itself. */
export const separateLines = (text: string, toSafe: (line: string) => string): string =>
  text.split('\n').map(toSafe).join('<br>');

function proseParts(text: string): readonly { readonly kind: 'code' | 'text'; readonly text: string }[] {
  return text
    .split(/`([^`]+)`/u)
    .map((part, index) => ({ kind: index % 2 === 1 ? ('code' as const) : ('text' as const), text: part }))
    .filter(part => part.text !== '');
}

/** Plain spaces at the edges of a part that stands inside a line need no escape. */
const keepEdges = (text: string, toSafe: (inner: string) => string): string =>
  `${/^\s/u.test(text) ? ' ' : ''}${toSafe(text.trim())}${/\S\s+$/u.test(text) ? ' ' : ''}`;

/** The target of a markdown link or of an HTML `href`: only http and https, and nothing that could end the link; else null. */
export function linkTarget(url: string): string | null {
  if (!URL.canParse(url)) return null;
  const parsed = new URL(url);
  if (parsed.protocol !== 'https:' && parsed.protocol !== 'http:') return null;
  if (parsed.username !== '' || parsed.password !== '') return null;
  return parsed.href.replace(/[()<>"'`\\|[\]{}*_~^@\s]/gu, character => encodeAscii(character));
}

const encodeAscii = (character: string): string =>
  `%${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, '0')}`;

/** `base` + `/` + path, each segment percent-encoded: the link to a file of a commit. Null where `base` is no web address or the path has `..` in it. */
export function fileLink(base: string | null, path: string): string | null {
  if (base === null) return null;
  const names = path.split('/');
  // A browser would resolve these before it asks: the link could leave the commit's tree.
  if (names.some(name => name === '' || name === '.' || name === '..')) return null;
  const segments = names.map(segment =>
    encodeURIComponent(segment.toWellFormed()).replace(/[!'()*]/g, encodeAscii),
  );
  return linkTarget(`${base.replace(/\/+$/u, '')}/${segments.join('/')}`);
}

/** A line for a terminal or a CI log: no escape sequence, and no workflow command of GitHub's runner in either notation. */
export function escapeTerminal(text: string): string {
  return visibleText(text)
    .replace(/##(?=\[)/gu, '## ')
    .replace(/^(\s*):(?=:)/u, '$1: ');
}

/** The message of a GitHub workflow command. */
export function escapeCommandData(text: string): string {
  return text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
}

/** A property (`title`, `file`) of a GitHub workflow command. */
export function escapeCommandProperty(text: string): string {
  return escapeCommandData(text).replace(/:/g, '%3A').replace(/,/g, '%2C');
}

/** A cell of RFC 4180 CSV. A cell that a spreadsheet would run as a formula gets an apostrophe in front (OWASP, CSV injection). */
export function escapeCsvCell(text: string): string {
  const visible = visibleText(text);
  const inert = /^\s*[=+\-@]/u.test(visible) ? `'${visible}` : visible;
  return /[",\n\r]|^\s|\s$/u.test(inert) ? `"${inert.replace(/"/g, '""')}"` : inert;
}

/** Text between double quotes in a mermaid diagram; its entities are `#` number `;`. */
export function escapeMermaid(text: string): string {
  return visibleText(text).replace(
    /[^\p{L}\p{N} .,_‹›…-]/gu,
    character => `#${character.codePointAt(0) ?? 0};`,
  );
}
