import { copyFile, mkdir, open, stat } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import { POINTER_LIMIT_BYTES, parsePointer, writeLfsObject } from '../../git/lfs.ts';
import { writeFileAtCommit } from '../../git/tree-files.ts';
import { listExternalPaths } from '../../model/model-identity.ts';
import { QuickServeError, systemCodeOf } from '../../shared/errors.ts';
import type { ChangeSet } from './change-set.ts';

/**
 * The head's model as a file that can be opened: the one in the work tree, or, where it or a part of it is a Git LFS
 * pointer, a copy in `scratch` with the objects in place.
 * @throws QuickServeError MODEL_NOT_FOUND, MODEL_*, LFS_OBJECT_UNAVAILABLE.
 */
export async function headModelFile(changes: ChangeSet, path: string, scratch: string): Promise<string> {
  const file = join(changes.repository.root, path);
  const target = join(scratch, basename(path));
  const isPointer = await copyLfsObject(changes, file, path, target);
  const external = listExternalPaths(isPointer ? target : file);
  const pointers: string[] = [];
  for (const name of external) {
    if ((await readPointer(join(dirname(file), name))) !== null) pointers.push(name);
  }
  if (!isPointer && pointers.length === 0) return file;
  if (!isPointer) await copyInto(file, target);
  for (const name of external) {
    const source = join(dirname(file), name);
    const copied = await copyLfsObject(
      changes,
      source,
      posix.join(posix.dirname(path), name),
      join(scratch, name),
    );
    if (!copied) await copyInto(source, join(scratch, name)).catch(ignoreMissing);
  }
  return target;
}

/**
 * The base commit's model and its external files, written into `scratch`. null: the commit has no such file. Where its
 * Git LFS object cannot be had, the registry may hold the same bytes.
 * @throws QuickServeError MODEL_*, LFS_OBJECT_UNAVAILABLE, REMOTE_*, OUTPUT_UNWRITABLE.
 */
export async function baseModelFile(
  changes: ChangeSet,
  path: string,
  scratch: string,
  recordedBytes: (sha256: string, folder: string) => Promise<string | null>,
): Promise<string | null> {
  const { store, baseFiles: files, lfs } = changes;
  const destination = join(scratch, basename(path));
  try {
    const written = await writeFileAtCommit(store, { files, path, destination, lfs });
    if (written.kind === 'absent') return null;
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError) || thrown.code !== 'LFS_OBJECT_UNAVAILABLE') throw thrown;
    const pointer = await writeFileAtCommit(store, { files, path, destination, lfs: null });
    const oid = pointer.kind === 'written' ? pointer.lfsOid : null;
    const recorded = oid === null ? null : await recordedBytes(oid, join(scratch, 'recorded'));
    if (recorded === null) throw thrown;
    return recorded;
  }
  for (const name of listExternalPaths(destination)) {
    const part = join(scratch, name);
    await mkdir(dirname(part), { recursive: true });
    await writeFileAtCommit(store, {
      files,
      path: posix.normalize(posix.join(posix.dirname(path), name)),
      destination: part,
      lfs,
    });
  }
  return destination;
}

async function readPointer(file: string): Promise<ReturnType<typeof parsePointer>> {
  try {
    const { size } = await stat(file);
    if (size > POINTER_LIMIT_BYTES) return null;
    await using handle = await open(file);
    return parsePointer(await handle.readFile());
  } catch (thrown) {
    ignoreMissing(thrown);
    return null;
  }
}

async function copyLfsObject(
  changes: ChangeSet,
  file: string,
  path: string,
  target: string,
): Promise<boolean> {
  const pointer = await readPointer(file);
  if (pointer === null) return false;
  await mkdir(dirname(target), { recursive: true });
  await writeLfsObject(changes.lfs, { ...pointer, path }, target);
  return true;
}

async function copyInto(file: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await copyFile(file, target);
}

/** A missing part is said by the inspection, with its name; anything else is worth stopping for. */
function ignoreMissing(thrown: unknown): void {
  const code = systemCodeOf(thrown);
  if (code === 'ENOENT' || code === 'ENOTDIR') return;
  throw new QuickServeError({
    code: 'FILE_UNREADABLE',
    message: `A part of a model cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    hint: 'Check the permissions of the file.',
    cause: thrown,
  });
}
