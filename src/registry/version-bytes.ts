import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ensureCommit } from '../git/history.ts';
import { type LfsSource, writeLfsObject } from '../git/lfs.ts';
import type { ObjectStore } from '../git/object-store.ts';
import { type Body, writeResumable } from '../git/resumable-file.ts';
import { listFilesAtCommit, type TreeFile, writeFileAtCommit } from '../git/tree-files.ts';
import { messageOf, QuickServeError, systemCodeOf } from '../shared/errors.ts';
import { fullDiskError } from '../shared/full-disk.ts';
import type { BranchState } from './branch-state.ts';
import { blobPath } from './layout.ts';
import type { BytesLocation, ModelPart, VersionRecord } from './records.ts';

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

/** A part's place in the folder; a record must not lead out of it. */
function placePart(folder: string, part: ModelPart): string {
  const path = posix.normalize(part.path.replaceAll('\\', '/'));
  if (path.startsWith('..') || posix.isAbsolute(path) || /^[a-z]:/i.test(path) || path === '.') {
    throw damaged(`A part named "${part.path}"`, 'leads out of its folder');
  }
  return join(folder, ...path.split('/'));
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

async function writePart(
  store: ObjectStore,
  blobId: string,
  part: ModelPart,
  destination: string,
): Promise<void> {
  const temporary = `${destination}.${randomUUID()}.part`;
  await mkdir(dirname(destination), { recursive: true });
  try {
    await store.stream(['cat-file', 'blob', blobId], createWriteStream(temporary, { flags: 'wx' }));
    const sha256 = await sha256Of(temporary);
    if (sha256 !== part.sha256)
      throw damaged(blobPath(part.sha256), `has other bytes: their sha256 is ${sha256}`);
    await rename(temporary, destination);
  } catch (error) {
    if (error instanceof QuickServeError || systemCodeOf(error) === undefined) throw error;
    throw fullDiskError(destination, error);
  } finally {
    await rm(temporary, { force: true });
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
  folder: string,
): Promise<string | null> {
  const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));
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
    return { part, id, destination: placePart(folder, part) };
  });
  for (const { part, id, destination } of wanted) {
    if ((await sha256Of(destination)) === part.sha256) continue;
    // One at a time: what is here when the connection breaks need not come again.
    await store.ensureBlobs([id]);
    await writePart(store, id, part, destination);
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
  folder: string,
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
    const destination = placePart(folder, index === 0 ? { ...part, path: basename(part.path) } : part);
    if ((await sha256Of(destination)) === part.sha256) continue;
    const at = index === 0 ? path : posix.normalize(posix.join(posix.dirname(path), part.path));
    const temporary = `${destination}.${randomUUID()}.part`;
    await mkdir(dirname(destination), { recursive: true });
    try {
      await write(part, at, temporary);
      await rename(temporary, destination);
    } finally {
      await rm(temporary, { force: true });
    }
  }
  return modelFileOf(version, folder);
}

function modelFileOf(version: VersionRecord, folder: string): string {
  const [first] = version.parts;
  if (first === undefined) throw gone(version, 'the record names no files', 'Restore the record.');
  return placePart(folder, { ...first, path: basename(first.path) });
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
  folder: string,
): Promise<string> {
  for (const [index, part] of version.parts.entries()) {
    const destination = placePart(folder, index === 0 ? { ...part, path: basename(part.path) } : part);
    if ((await sha256Of(destination)) === part.sha256) continue;
    try {
      await writeResumable(destination, part, destination, write =>
        write(offset => source.open(reference, part, offset)),
      );
    } catch (error) {
      if (error instanceof QuickServeError) throw error;
      if (systemCodeOf(error) !== undefined) throw fullDiskError(destination, error);
      throw gone(
        version,
        `what ${reference} has for ${part.path} is not it: ${messageOf(error)}`,
        'The artifact was replaced, or damaged on its way: run again, then ask who runs the container registry.',
        error,
      );
    }
  }
  return modelFileOf(version, folder);
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
