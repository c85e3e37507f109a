import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ensureCommit } from '../git/history.ts';
import { type LfsSource, writeLfsObject } from '../git/lfs.ts';
import type { ObjectStore } from '../git/object-store.ts';
import { type Body, type OpenBody, writeResumable } from '../git/resumable-file.ts';
import { listFilesAtCommit, type TreeFile, writeFileAtCommit } from '../git/tree-files.ts';
import { messageOf, QuickServeError, systemCodeOf } from '../shared/errors.ts';
import { fullDiskError } from '../shared/full-disk.ts';
import type { BranchState } from './branch-state.ts';
import { blobPath } from './layout.ts';
import type { BytesLocation, ModelPart, VersionRecord } from './records.ts';
import { folderOf } from './tree-paths.ts';

function damaged(path: string, why: string): QuickServeError {
  return new QuickServeError({
    code: 'REGISTRY_MALFORMED',
    message: `${path} on the registry branch ${why}.`,
    hint: 'Restore that file from the history of the branch (git log -- <file>), then run again.',
  });
}

function gone(version: VersionRecord, why: string, hint: string, cause?: unknown): QuickServeError {
  return new QuickServeError({
    code: 'VERSION_BYTES_GONE',
    message: `The bytes of ${version.model} ${version.version} cannot be had: ${why}.`,
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Where the files of a version go: a folder, or the path of the model file itself, for versions of one file. */
export type VersionTarget = string | { readonly file: string };

/** A part's place in the folder; a record must not lead out of it. */
function placePart(target: VersionTarget, part: ModelPart): string {
  if (typeof target !== 'string') return target.file;
  const path = posix.normalize(part.path.replaceAll('\\', '/'));
  if (path.startsWith('..') || posix.isAbsolute(path) || /^[a-z]:/i.test(path) || path === '.') {
    throw damaged(`A part named "${part.path}"`, 'leads out of its folder');
  }
  return join(target, ...path.split('/'));
}

async function sha256Of(path: string): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null;
    throw error;
  }
  return hash.digest('hex');
}

/** The bytes of a blob that is in the store. */
async function* readBlob(store: ObjectStore, id: string): AsyncGenerator<Uint8Array> {
  const through = new PassThrough();
  const streamed = store.stream(['cat-file', 'blob', id], through);
  // Its failure ends the loop below too; it is thrown from here, in git's own words.
  streamed.catch(error => through.destroy(error));
  for await (const chunk of through) yield chunk as Uint8Array;
  await streamed;
}

/**
 * Writes one file by way of a partial one.
 * @param whenWrong the error for bytes that are not those of the record.
 */
async function writePart(
  destination: string,
  part: ModelPart,
  open: OpenBody,
  whenWrong: (why: string, cause: unknown) => QuickServeError,
): Promise<void> {
  if ((await sha256Of(destination)) === part.sha256) return;
  try {
    await writeResumable(destination, part, destination, write => write(open));
  } catch (error) {
    if (error instanceof QuickServeError) throw error;
    if (systemCodeOf(error) !== undefined) throw fullDiskError(destination, error);
    throw whenWrong(messageOf(error), error);
  }
}

/**
 * Writes the files of a version whose bytes are on the branch, streaming. Parts that are in the folder already, whole, are
 * left as they are: a run that was interrupted goes on where it stopped.
 * @returns the path of the model file.
 * @throws QuickServeError VERSION_BYTES_GONE where the branch does not have them any more, REGISTRY_MALFORMED.
 */
export async function writeBranchBytes(
  store: ObjectStore,
  state: BranchState,
  version: VersionRecord,
  target: VersionTarget,
): Promise<string | null> {
  const folders = await state.listFolders(version.parts.map(({ sha256 }) => folderOf(blobPath(sha256))));
  const wanted = version.parts.map(part => {
    const path = blobPath(part.sha256);
    const id = folders.get(folderOf(path))?.find(entry => entry.path === part.sha256)?.id;
    if (id === undefined) {
      throw gone(
        version,
        `${path} is missing on the registry branch`,
        '`quickserveml registry audit` shows whether `compact --rewrite` took it away; a backup may have it.',
      );
    }
    return { part, id, destination: placePart(target, part) };
  });
  for (const { part, id, destination } of wanted) {
    const open: OpenBody = async () => {
      // One at a time: what is here when the connection breaks need not come again. git sends no part of a blob.
      await store.ensureBlobs([id]);
      return { offset: 0, bytes: readBlob(store, id) };
    };
    await writePart(destination, part, open, why =>
      damaged(blobPath(part.sha256), `has other bytes: ${why}`),
    );
  }
  return wanted[0]?.destination ?? null;
}

/** The clone's own repository, or another one that a pointer names: where commits and LFS objects come from. */
export interface SourceAccess {
  readonly store: ObjectStore;
  readonly lfs: LfsSource | null;
}

/**
 * Writes the files of a version whose bytes are in a source repository, at the commit and path that the record names; Git
 * LFS pointers there become their objects. An LFS object that the record names itself is had without the commit, which may
 * be gone. Every part's sha256 is checked.
 * @throws QuickServeError VERSION_BYTES_GONE, LFS_OBJECT_UNAVAILABLE, REMOTE_UNREACHABLE, REMOTE_REFUSED.
 */
export async function writeSourceBytes(
  source: SourceAccess,
  version: VersionRecord,
  location: Extract<BytesLocation, { kind: 'commit' | 'lfs' }>,
  target: VersionTarget,
): Promise<string> {
  const { store, lfs } = source;
  const { commit, path } = location;
  const where = `commit ${commit.slice(0, 12)} of ${location.repository ?? 'the repository of the registry'}`;
  let files: ReadonlyMap<string, TreeFile> | null = null;
  const listFiles = async (): Promise<ReadonlyMap<string, TreeFile>> => {
    if (commit !== '' && (await ensureCommit(store, commit))) return await listFilesAtCommit(store, commit);
    throw gone(
      version,
      `${where} is not there any more`,
      'Fetch it from a clone that still has the commit, or from a backup, and add the file again.',
    );
  };
  const write = async (part: ModelPart, at: string, temporary: string): Promise<void> => {
    if (location.kind === 'lfs' && lfs !== null && part.sha256 === location.oid) {
      await writeLfsObject(lfs, { oid: part.sha256, sizeBytes: part.sizeBytes, path: at }, temporary);
      return;
    }
    files ??= await listFiles();
    const written = await writeFileAtCommit(store, { files, path: at, destination: temporary, lfs });
    if (written.kind === 'absent') {
      throw gone(version, `${where} has no file ${at}`, 'The record names another place than the file had.');
    }
    const sha256 = await sha256Of(temporary);
    if (sha256 !== part.sha256) {
      throw gone(
        version,
        `${at} at ${where} has other bytes (sha256 ${sha256})`,
        'The record and the repository disagree; nothing was written.',
      );
    }
  };
  for (const [index, part] of version.parts.entries()) {
    const destination = placePart(target, index === 0 ? { ...part, path: basename(part.path) } : part);
    if ((await sha256Of(destination)) === part.sha256) continue;
    const at = index === 0 ? path : posix.normalize(posix.join(posix.dirname(path), part.path));
    const temporary = `${destination}.${randomUUID()}.part`;
    try {
      await mkdir(dirname(destination), { recursive: true });
      await write(part, at, temporary);
      await rename(temporary, destination);
    } catch (error) {
      if (error instanceof QuickServeError || systemCodeOf(error) === undefined) throw error;
      throw fullDiskError(destination, error);
    } finally {
      await rm(temporary, { force: true });
    }
  }
  return modelFileOf(version, target);
}

function modelFileOf(version: VersionRecord, target: VersionTarget): string {
  const [first] = version.parts;
  if (first === undefined) throw gone(version, 'the record names no files', 'Restore the record.');
  return placePart(target, { ...first, path: basename(first.path) });
}

/** Where the bytes of OCI artifacts come from; commands hand in one that speaks to container registries. */
export interface ArtifactSource {
  /**
   * Opens a file of an artifact, by its sha256, from a byte on (or from the first one, where the server sends no parts).
   * @throws QuickServeError CONTAINER_REGISTRY_*, IMAGE_*.
   */
  open(reference: string, file: ModelPart, offset: number): Promise<Body>;
}

/**
 * Writes the files of a version whose bytes are an OCI artifact, one layer each. A download that breaks off goes on where
 * it stopped, in the next run too.
 * @throws QuickServeError VERSION_BYTES_GONE where the registry sends other bytes, OUTPUT_UNWRITABLE, and what the source throws.
 */
export async function writeArtifactBytes(
  source: ArtifactSource,
  version: VersionRecord,
  { reference }: Extract<BytesLocation, { kind: 'oci' }>,
  target: VersionTarget,
): Promise<string> {
  for (const [index, part] of version.parts.entries()) {
    const destination = placePart(target, index === 0 ? { ...part, path: basename(part.path) } : part);
    await writePart(
      destination,
      part,
      offset => source.open(reference, part, offset),
      (why, cause) =>
        gone(
          version,
          `what ${reference} has for ${part.path} is not it: ${why}`,
          'The artifact was replaced, or damaged on its way: run again, then ask who runs the container registry.',
          cause,
        ),
    );
  }
  return modelFileOf(version, target);
}

/** @throws QuickServeError VERSION_BYTES_GONE for places that this version cannot read from. */
export function refuseLocation(version: VersionRecord): never {
  const { bytes } = version;
  const why =
    bytes.kind === 'none'
      ? bytes.reason
      : `the record says "${bytes.kind}", which this version does not know`;
  throw gone(version, why, 'Add the file again with `quickserveml registry add`, if you have it.');
}
