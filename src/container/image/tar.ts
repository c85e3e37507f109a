import { open, stat } from 'node:fs/promises';
import { messageOf, QuickServeError } from '../../shared/errors.ts';

/** What goes into a layer. Owner is root, times are the epoch: only names, modes and bytes make a layer. */
export type TarEntry =
  | { readonly kind: 'folder'; readonly path: string; readonly mode: number }
  | {
      readonly kind: 'file';
      /** Without a slash at its start, with `/`. */
      readonly path: string;
      readonly mode: number;
      readonly content: TarContent;
    };

/** The bytes of a file: here, on the disk, or elsewhere; read when they are needed. */
export type TarContent =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly file: string; readonly sizeBytes: number }
  | {
      readonly kind: 'stream';
      readonly sizeBytes: number;
      readonly open: (start: number, end: number) => AsyncIterable<Uint8Array>;
    };

/** An archive as the pieces it is made of; nothing of its files is in memory. */
export interface TarArchive {
  readonly sizeBytes: number;
  readonly segments: readonly TarSegment[];
}

interface TarSegment {
  readonly start: number;
  readonly sizeBytes: number;
  readonly content: TarContent;
}

const BLOCK_BYTES = 512;
/** Two empty blocks end an archive (POSIX.1-2017, pax). */
const END_BYTES = 2 * BLOCK_BYTES;
/** Eleven octal digits. */
const LARGEST_USTAR_SIZE = 8 ** 11 - 1;

export const contentSize = (content: TarContent): number =>
  content.kind === 'bytes' ? content.bytes.length : content.sizeBytes;

const paddingOf = (sizeBytes: number): number => (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;

/** Name and prefix of the ustar header; null where the path does not fit. */
function splitPath(path: string): { readonly name: string; readonly prefix: string } | null {
  const bytes = Buffer.byteLength(path);
  if (bytes !== path.length) return null;
  if (bytes <= 100) return { name: path, prefix: '' };
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    if (slash > 155) return null;
    if (path.length - slash - 1 <= 100 && slash < path.length - 1) {
      return { name: path.slice(slash + 1), prefix: path.slice(0, slash) };
    }
  }
  return null;
}

interface HeaderFields {
  readonly name: string;
  readonly prefix: string;
  readonly mode: number;
  readonly sizeBytes: number;
  readonly type: '0' | '5' | 'x';
}

/** A ustar header (POSIX.1-2017, pax, "ustar Interchange Format"): owner 0:0 without names, time 0. */
function header({ name, prefix, mode, sizeBytes, type }: HeaderFields): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, at: number, width: number): void => {
    block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1');
  };
  block.write(name, 0, 100, 'utf8');
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(sizeBytes, 124, 12);
  octal(0, 136, 12);
  block.write(' '.repeat(8), 148, 'latin1');
  block.write(type, 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  octal(0, 329, 8);
  octal(0, 337, 8);
  block.write(prefix, 345, 155, 'utf8');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function headersOf(entry: TarEntry): Buffer {
  const path = entry.kind === 'folder' ? `${entry.path.replace(/\/+$/, '')}/` : entry.path;
  const sizeBytes = entry.kind === 'folder' ? 0 : contentSize(entry.content);
  const type = entry.kind === 'folder' ? '5' : '0';
  const fitting = splitPath(path);
  const records = [
    ...(fitting === null ? [paxRecord('path', path)] : []),
    ...(sizeBytes > LARGEST_USTAR_SIZE ? [paxRecord('size', String(sizeBytes))] : []),
  ];
  const main = header({
    ...(fitting ?? { name: Buffer.from(path).subarray(0, 100).toString('latin1'), prefix: '' }),
    mode: entry.mode,
    sizeBytes: sizeBytes > LARGEST_USTAR_SIZE ? 0 : sizeBytes,
    type,
  });
  if (records.length === 0) return main;
  const body = Buffer.from(records.join(''), 'utf8');
  const extended = header({
    name: 'PaxHeaders/entry',
    prefix: '',
    mode: 0o644,
    sizeBytes: body.length,
    type: 'x',
  });
  return Buffer.concat([extended, body, Buffer.alloc(paddingOf(body.length)), main]);
}

/** Lays an archive out, its entries in the order given. */
export function layOutTar(entries: readonly TarEntry[]): TarArchive {
  const segments: TarSegment[] = [];
  let position = 0;
  let pending: Buffer[] = [];
  const add = (content: TarContent): void => {
    const sizeBytes = contentSize(content);
    if (sizeBytes > 0) segments.push({ start: position, sizeBytes, content });
    position += sizeBytes;
  };
  const flush = (): void => {
    add({ kind: 'bytes', bytes: Buffer.concat(pending) });
    pending = [];
  };
  for (const entry of entries) {
    pending.push(headersOf(entry));
    if (entry.kind === 'folder') continue;
    if (entry.content.kind === 'bytes') pending.push(Buffer.from(entry.content.bytes));
    else {
      flush();
      add(entry.content);
    }
    pending.push(Buffer.alloc(paddingOf(contentSize(entry.content))));
  }
  pending.push(Buffer.alloc(END_BYTES));
  flush();
  return { sizeBytes: position, segments };
}

/** Folders that lead to the paths, each once, parents first. */
export function foldersTo(paths: readonly string[]): readonly TarEntry[] {
  const folders = new Set<string>();
  for (const path of paths) {
    const parts = path.split('/').slice(0, -1);
    for (let depth = 1; depth <= parts.length; depth++) folders.add(parts.slice(0, depth).join('/'));
  }
  return [...folders].sort().map(path => ({ kind: 'folder', path, mode: 0o755 }));
}

/** A file of the disk as content. @throws QuickServeError FILE_UNREADABLE. */
export async function fileContent(file: string): Promise<TarContent & { readonly kind: 'file' }> {
  try {
    const { size } = await stat(file);
    return { kind: 'file', file, sizeBytes: size };
  } catch (cause) {
    throw unreadable(file, messageOf(cause), cause);
  }
}

function unreadable(file: string, why: string, cause?: unknown): QuickServeError {
  return new QuickServeError({
    code: 'FILE_UNREADABLE',
    message: `${file} cannot be put into the image: ${why}.`,
    hint: 'Check that the file is there, readable, and that nothing writes to it meanwhile.',
    cause,
  });
}

/**
 * Bytes of an archive from `start` to `end` (exclusive), in pieces of at most `pieceBytes`.
 * @param scratch where given, pieces of files are read into it one after the other: each is gone with the next.
 * @throws QuickServeError FILE_UNREADABLE, also where a file has become shorter.
 */
export async function* readTar(
  archive: TarArchive,
  start: number,
  end: number,
  pieceBytes: number,
  scratch: Buffer | null = null,
): AsyncGenerator<Uint8Array, void> {
  for (const segment of archive.segments) {
    const from = Math.max(start, segment.start) - segment.start;
    const to = Math.min(end, segment.start + segment.sizeBytes) - segment.start;
    if (from >= to) continue;
    const { content } = segment;
    if (content.kind === 'bytes') yield content.bytes.subarray(from, to);
    else if (content.kind === 'stream') yield* content.open(from, to);
    else yield* readFileRange(content.file, from, to, pieceBytes, scratch);
  }
}

/** Bytes of a file from `start` to `end` (exclusive); `scratch` as of `readTar`. @throws QuickServeError FILE_UNREADABLE. */
export async function* readFileRange(
  file: string,
  start: number,
  end: number,
  pieceBytes: number,
  scratch: Buffer | null = null,
): AsyncGenerator<Uint8Array, void> {
  const handle = await open(file).catch(cause => {
    throw unreadable(file, messageOf(cause), cause);
  });
  try {
    for (let position = start; position < end; ) {
      const length = Math.min(pieceBytes, end - position);
      const piece = scratch?.subarray(0, length) ?? Buffer.allocUnsafeSlow(length);
      const { bytesRead } = await handle.read(piece, 0, piece.length, position);
      if (bytesRead === 0) throw unreadable(file, `it has become shorter (${position} bytes)`);
      yield piece.subarray(0, bytesRead);
      position += bytesRead;
    }
  } finally {
    await handle.close();
  }
}
