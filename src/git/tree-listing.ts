/** An entry of a git tree. */
export interface TreeEntry {
  /** `100644`, `100755`, `120000` (link), `040000` (folder), `160000` (submodule). */
  readonly mode: string;
  readonly type: 'blob' | 'tree' | 'commit';
  readonly id: string;
  /** Relative to the listed tree. */
  readonly path: string;
}

/** Parses what `git ls-tree -z` prints. */
export function parseTreeListing(output: Buffer): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (const line of output.toString('utf8').split('\0')) {
    const match = /^(\d+) (blob|tree|commit) ([0-9a-f]+)\t(.*)$/s.exec(line);
    const [, mode, type, id, path] = match ?? [];
    if (mode === undefined || id === undefined || path === undefined) continue;
    if (type === 'blob' || type === 'tree' || type === 'commit') entries.push({ mode, type, id, path });
  }
  return entries;
}

/** Parses the bytes of a tree object; `idBytes` is 20 for SHA-1 and 32 for SHA-256. */
export function parseTreeObject(content: Buffer, idBytes: number): TreeEntry[] {
  const entries: TreeEntry[] = [];
  let offset = 0;
  while (offset < content.length) {
    const space = content.indexOf(0x20, offset);
    const end = content.indexOf(0, space);
    if (space < 0 || end < 0) break;
    const mode = content.toString('latin1', offset, space).padStart(6, '0');
    const path = content.toString('utf8', space + 1, end);
    const id = content.toString('hex', end + 1, end + 1 + idBytes);
    entries.push({
      mode,
      type: mode === '040000' ? 'tree' : mode === '160000' ? 'commit' : 'blob',
      id,
      path,
    });
    offset = end + 1 + idBytes;
  }
  return entries;
}
