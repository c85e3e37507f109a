import { placeOf } from './layout.ts';
import type { NewFile } from './tree-builder.ts';

/**
 * The inbox of a registry branch: where writers who keep being overtaken put their files, one ref an entry, for the next
 * writer to merge. An entry is a commit without parents and files; what it brings is in its message, so that the fetch
 * that brings the tip brings the whole inbox too, and a push into it needs neither trees nor a look at the branch.
 */

/** Hidden from clones and from the host's list of branches. */
const CUSTOM = 'refs/quickserveml/inbox';
/** Largest entry, in bytes; what is larger goes through the branch. */
const ENTRY_LIMIT_BYTES = 512 * 1024;
const SUBJECT = 'Registry inbox entry';
const INBOX_FORMAT = 1;

export type InboxPlace = 'custom' | 'branch';

const folderOf = (branch: string, place: InboxPlace): string =>
  place === 'custom' ? `${CUSTOM}/${branch}` : `refs/heads/${branch}-inbox`;

/** The ref of an entry: of our own namespace, or, where a host takes none, a branch with a prefix. */
export const inboxRef = (branch: string, place: InboxPlace, id: string): string =>
  `${folderOf(branch, place)}/${id}`;

/** Refspecs that bring both kinds of inbox into `<local>/custom/` and `<local>/branch/`. */
export const inboxRefspecs = (branch: string, local: string): readonly string[] =>
  (['custom', 'branch'] as const).map(place => `+${folderOf(branch, place)}/*:${local}/${place}/*`);

/** The remote's name for what `inboxRefspecs` brought as `<place>/<id>`. */
export function remoteInboxRef(branch: string, name: string): string {
  const [place, ...id] = name.split('/');
  return inboxRef(branch, place === 'custom' ? 'custom' : 'branch', id.join('/'));
}

/** The message of an entry's commit; null where the files cannot travel this way (too large, or read from disk). */
export function inboxMessage(files: readonly NewFile[]): string | null {
  const entries: { readonly path: string; readonly content: string }[] = [];
  for (const { path, content } of files) {
    if (content.kind !== 'bytes') return null;
    entries.push({ path, content: Buffer.from(content.bytes).toString('utf8') });
  }
  const text = `${SUBJECT}\n\n${JSON.stringify({ format: INBOX_FORMAT, files: entries })}\n`;
  return Buffer.byteLength(text) > ENTRY_LIMIT_BYTES ? null : text;
}

type InboxEntry =
  | { readonly kind: 'usable'; readonly files: readonly NewFile[] }
  | { readonly kind: 'unusable'; readonly why: string };

const unusable = (why: string): InboxEntry => ({ kind: 'unusable', why });

function isFile(value: unknown): value is { readonly path: string; readonly content: string } {
  if (typeof value !== 'object' || value === null || !('path' in value) || !('content' in value))
    return false;
  return typeof value.path === 'string' && typeof value.content === 'string';
}

/** What is wrong with the contents of a file, or null. */
export type ComplaintAbout = (path: string, content: Uint8Array) => string | null;

/** Reads an entry's message back. Only measurements and verdicts may come this way, and only whole ones. */
export function parseInboxMessage(message: string, complaintAbout: ComplaintAbout): InboxEntry {
  const body = message.slice(message.indexOf('\n\n') + 2);
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return unusable('its message is not JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || !('format' in parsed) || !('files' in parsed)) {
    return unusable('its message names no format and files');
  }
  if (parsed.format !== INBOX_FORMAT) return unusable(`its format ${String(parsed.format)} is not known`);
  if (!Array.isArray(parsed.files) || !parsed.files.every(isFile)) return unusable('its files are malformed');
  const files: NewFile[] = [];
  for (const { path, content } of parsed.files) {
    const { kind } = placeOf(path);
    if (kind !== 'measurement' && kind !== 'verdict')
      return unusable(`${path} may not come through the inbox`);
    const bytes = Buffer.from(content, 'utf8');
    const complaint = complaintAbout(path, bytes);
    if (complaint !== null) return unusable(complaint);
    files.push({ path, content: { kind: 'bytes', bytes } });
  }
  return { kind: 'usable', files };
}
