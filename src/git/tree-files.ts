import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, posix } from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileReason, QuickServeError } from '../shared/errors.ts';
import { type LfsSource, POINTER_LIMIT_BYTES, parsePointer, writeLfsObject } from './lfs.ts';
import type { ObjectStore } from './object-store.ts';
import { parseTreeListing } from './tree-listing.ts';

export interface TreeFile {
  /** Relative to the repository's root, with `/`. */
  readonly path: string;
  readonly mode: string;
  readonly blobId: string;
}

/** What `writeFileAtCommit` found. */
export type WrittenFile =
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'written';
      readonly blobId: string;
      readonly sizeBytes: number;
      readonly sha256: string;
      /** The oid where the commit holds a Git LFS pointer. */
      readonly lfsOid: string | null;
    };

/** All files of a commit, links included and submodules left out. The commit must be in the store (`ensureCommit`). */
export async function listFilesAtCommit(
  store: ObjectStore,
  commit: string,
): Promise<ReadonlyMap<string, TreeFile>> {
  const { stdout } = await store.run(['ls-tree', '-r', '-z', '--end-of-options', commit]);
  const files = new Map<string, TreeFile>();
  for (const { path, mode, type, id } of parseTreeListing(stdout)) {
    if (type === 'blob') files.set(path, { path, mode, blobId: id });
  }
  return files;
}

/** Sizes of those blobs that the store has, in bytes. Nothing is fetched. */
export async function blobSizes(
  store: ObjectStore,
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (ids.length === 0) return new Map();
  const { stdout } = await store.run(
    ['cat-file', '--batch-check=%(objectname) %(objecttype) %(objectsize)'],
    {
      stdin: `${ids.join('\n')}\n`,
    },
  );
  const sizes = new Map<string, number>();
  for (const line of stdout.toString('latin1').split('\n')) {
    const [id, type, size] = line.split(' ');
    if (id !== undefined && type === 'blob') sizes.set(id, Number(size));
  }
  return sizes;
}

const LINK_MODE = '120000';
const LINK_LIMIT = 8;

/** The file that a path stands for, links within the tree followed. */
async function fileAt(
  store: ObjectStore,
  files: ReadonlyMap<string, TreeFile>,
  path: string,
): Promise<TreeFile | null> {
  let current = path;
  for (let hop = 0; hop < LINK_LIMIT; hop += 1) {
    const file = files.get(current);
    if (file === undefined) return null;
    if (file.mode !== LINK_MODE) return file;
    await store.ensureBlobs([file.blobId]);
    const target = (await store.readObjects([file.blobId])).get(file.blobId)?.content.toString('utf8') ?? '';
    const next = posix.normalize(posix.join(posix.dirname(current), target));
    if (posix.isAbsolute(target) || next.startsWith('..')) return null;
    current = next;
  }
  return null;
}

async function writeBlob(
  store: ObjectStore,
  blobId: string,
  destination: string,
): Promise<{ sizeBytes: number; sha256: string }> {
  const temporary = `${destination}.${randomUUID()}.part`;
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const meter = new PassThrough();
  meter.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    sizeBytes += chunk.length;
  });
  try {
    await mkdir(dirname(destination), { recursive: true });
    const written = pipeline(meter, createWriteStream(temporary, { flags: 'wx' }));
    const streamed = store.stream(['cat-file', 'blob', blobId], meter);
    await Promise.all([streamed, written]);
    await rename(temporary, destination);
  } catch (error) {
    await rm(temporary, { force: true });
    if (error instanceof QuickServeError) throw error;
    throw new QuickServeError({
      code: 'OUTPUT_UNWRITABLE',
      message: `${destination} cannot be written: ${fileReason(error)}`,
      hint: 'Check the free space and the permissions of the folder.',
      cause: error,
    });
  }
  return { sizeBytes, sha256: hash.digest('hex') };
}

/**
 * Writes the bytes that `path` has at a commit to the file `destination` (a temporary file first, then renamed), the
 * object of a Git LFS pointer in its place. The commit must be in the store (`ensureCommit`).
 * @throws QuickServeError LFS_OBJECT_UNAVAILABLE, REMOTE_UNREACHABLE, REMOTE_REFUSED, OUTPUT_UNWRITABLE.
 */
export async function writeFileAtCommit(
  store: ObjectStore,
  request: {
    readonly files: ReadonlyMap<string, TreeFile>;
    readonly path: string;
    readonly destination: string;
    readonly lfs: LfsSource | null;
  },
): Promise<WrittenFile> {
  const { files, path, destination, lfs } = request;
  const file = await fileAt(store, files, path);
  if (file === null) return { kind: 'absent' };
  const { blobId } = file;
  await store.ensureBlobs([blobId]);
  const written = await writeBlob(store, blobId, destination);
  const pointer = written.sizeBytes <= POINTER_LIMIT_BYTES ? parsePointer(await readFile(destination)) : null;
  if (pointer === null || lfs === null)
    return { kind: 'written', blobId, ...written, lfsOid: pointer?.oid ?? null };
  try {
    await writeLfsObject(lfs, { ...pointer, path }, destination);
  } catch (error) {
    // A pointer is not what was asked for.
    await rm(destination, { force: true });
    throw error;
  }
  const { size } = await stat(destination);
  return { kind: 'written', blobId, sizeBytes: size, sha256: pointer.oid, lfsOid: pointer.oid };
}
