import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { access, constants, copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { messageOf, QuickServeError } from '../shared/errors.ts';
import { fullDiskError, isFullDisk } from '../shared/full-disk.ts';
import { maskSecrets } from '../shared/secrets.ts';
import {
  combineCredentials,
  noCredentials,
  type RemoteCredentials,
  separateUrlCredentials,
} from './credentials.ts';
import type { GitEnvironment } from './git-environment.ts';
import { runGit } from './git-process.ts';
import { batchUrlOf, endpointOf, localRemoteFolder } from './lfs-address.ts';
import { downloadLfsObject, type LfsEndpoint } from './lfs-client.ts';
import { type Repository, readGit } from './repository.ts';
import { writeResumable } from './resumable-file.ts';

/** A pointer is at most this large (git-lfs specification, "The Pointer"). */
export const POINTER_LIMIT_BYTES = 1024;

/** What a Git LFS pointer says. */
export interface LfsPointer {
  /** sha256 of the object, hex. */
  readonly oid: string;
  readonly sizeBytes: number;
}

/** Where Git LFS objects may come from, in the order in which they are tried. */
export interface LfsSource {
  /** Folders laid out like `.git/lfs/objects`: the cache first (it is written to), the others only read. */
  readonly cacheFolder: string;
  readonly localFolders: readonly string[];
  readonly transfer:
    | { readonly kind: 'batch'; readonly endpoint: LfsEndpoint }
    /** Reached by ssh or a custom transfer: only git-lfs itself can. */
    | {
        readonly kind: 'git-lfs';
        readonly root: string;
        readonly environment: GitEnvironment;
        readonly secrets: readonly string[];
      }
    | { readonly kind: 'none'; readonly reason: string; readonly hint: string };
}

/**
 * Reads a Git LFS pointer; null where the bytes are something else.
 * Source: git-lfs docs/spec.md: `version` first, keys sorted, at most 1024 bytes.
 */
export function parsePointer(content: Uint8Array): LfsPointer | null {
  if (content.length > POINTER_LIMIT_BYTES) return null;
  const text = Buffer.from(content).toString('utf8');
  if (!/^version https:\/\/(git-lfs\.github\.com\/spec|hawser\.github\.com\/spec)\/v\d+\r?\n/.test(text))
    return null;
  const oid = /^oid sha256:([0-9a-f]{64})\r?$/m.exec(text)?.[1];
  const size = /^size (\d{1,15})\r?$/m.exec(text)?.[1];
  return oid === undefined || size === undefined ? null : { oid, sizeBytes: Number(size) };
}

/**
 * The pointer that a commit of the clone has at a path; null where it has the bytes themselves, or nothing. Nothing is
 * fetched.
 */
export async function committedPointer(
  repository: Repository,
  commit: string,
  path: string,
): Promise<LfsPointer | null> {
  const name = `${commit}:${path}`;
  const size = await readGit(repository, ['cat-file', '-s', name], { accept: [0, 1, 128] });
  if (size.exitCode !== 0 || Number(size.stdout.toString('latin1')) > POINTER_LIMIT_BYTES) return null;
  const { exitCode, stdout } = await readGit(repository, ['cat-file', 'blob', name], { accept: [0, 1, 128] });
  return exitCode === 0 ? parsePointer(stdout) : null;
}

const pathOf = (folder: string, oid: string): string => join(folder, oid.slice(0, 2), oid.slice(2, 4), oid);

/**
 * Where the objects of a clone come from: the cache, the clone's own objects, then the server that the configuration
 * (`lfs.url`, `remote.<name>.lfsurl`, `.lfsconfig`) or the remote names.
 */
export async function openLfs(
  repository: Repository,
  options: { readonly cacheFolder: string; readonly sleep: (ms: number) => Promise<void> },
): Promise<LfsSource> {
  const { environment } = repository;
  const own = join(repository.gitDir, 'lfs/objects');
  const source = { cacheFolder: options.cacheFolder, localFolders: [own] };
  const address = await endpointOf(repository);
  if (address === null) {
    const hint =
      'Add the remote that has it (git remote add origin ADDRESS), or put the file itself in its place.';
    return { ...source, transfer: { kind: 'none', reason: 'the clone has no remote', hint } };
  }
  const local = localRemoteFolder(address);
  if (local !== null) {
    return {
      ...source,
      localFolders: [own, join(local, 'lfs/objects'), join(local, '.git/lfs/objects')],
      transfer: {
        kind: 'none',
        reason: `it is not under ${local} either`,
        hint: 'Push it from a clone that has it: git lfs push --all origin',
      },
    };
  }
  const stored: RemoteCredentials = combineCredentials(
    { config: environment.config, secrets: [] },
    repository.remote?.credentials ?? noCredentials,
  );
  if (!/^https?:\/\//i.test(address)) {
    return {
      ...source,
      transfer: { kind: 'git-lfs', root: repository.root, environment, secrets: stored.secrets },
    };
  }
  const { url, credentials } = separateUrlCredentials(address);
  return {
    ...source,
    transfer: {
      kind: 'batch',
      endpoint: {
        url: batchUrlOf(url, repository.remote?.url),
        credentials: combineCredentials(stored, credentials),
        environment,
        root: repository.root,
        sleep: options.sleep,
      },
    },
  };
}

interface WantedObject extends LfsPointer {
  /** The file that needs the object, for messages. */
  readonly path: string;
}

function unavailable(wanted: WantedObject, why: string, hint: string, cause?: unknown): QuickServeError {
  return new QuickServeError({
    code: 'LFS_OBJECT_UNAVAILABLE',
    message: `The Git LFS object ${wanted.oid} of ${wanted.path} could not be had: ${why}`,
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Copies a stream into `destination` by way of a temporary file; the object must be what its oid says. */
async function writeChecked(
  wanted: WantedObject,
  from: AsyncIterable<Uint8Array>,
  destination: string,
): Promise<void> {
  const temporary = `${destination}.${randomUUID()}.part`;
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const check = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      // A server must not be able to fill the disk with more than the pointer announced.
      if (sizeBytes > wanted.sizeBytes)
        done(new Error(`it is larger than the ${wanted.sizeBytes} bytes of its pointer`));
      else done(null, chunk);
    },
  });
  await mkdir(dirname(destination), { recursive: true });
  try {
    await pipeline(from, check, createWriteStream(temporary, { flags: 'wx' }));
    if (sizeBytes !== wanted.sizeBytes)
      throw new Error(`it has ${sizeBytes} bytes, its pointer says ${wanted.sizeBytes}`);
    const digest = hash.digest('hex');
    if (digest !== wanted.oid) throw new Error(`its sha256 is ${digest}`);
    await rename(temporary, destination);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function hasSize(path: string, sizeBytes: number): Promise<boolean> {
  try {
    const found = await stat(path);
    return found.isFile() && found.size === sizeBytes;
  } catch {
    return false;
  }
}

async function copyFromFolders(
  source: LfsSource,
  wanted: WantedObject,
  destination: string,
): Promise<boolean> {
  for (const folder of [source.cacheFolder, ...source.localFolders]) {
    const path = pathOf(folder, wanted.oid);
    if (!(await hasSize(path, wanted.sizeBytes))) continue;
    try {
      await writeChecked(wanted, createReadStream(path), destination);
      return true;
    } catch (error) {
      if (isFullDisk(error)) throw fullDiskError(destination, error);
      // A damaged copy is not the object: the next place may have it whole.
      if (folder === source.cacheFolder) await rm(path, { force: true });
    }
  }
  return false;
}

/** Whether the object is here already, as far as its size tells. */
export async function hasLfsObject(source: LfsSource, { oid, sizeBytes }: LfsPointer): Promise<boolean> {
  const folders = [source.cacheFolder, ...source.localFolders];
  const found = await Promise.all(folders.map(folder => hasSize(pathOf(folder, oid), sizeBytes)));
  return found.includes(true);
}

async function smudge(
  transfer: Extract<LfsSource['transfer'], { kind: 'git-lfs' }>,
  wanted: WantedObject,
  destination: string,
): Promise<void> {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${wanted.oid}\nsize ${wanted.sizeBytes}\n`;
  const hint =
    'The remote is reached by ssh: install git-lfs here, or set lfs.url to the HTTPS address of the LFS server.';
  try {
    const output = await runGit({
      args: ['lfs', 'smudge', '--', wanted.path],
      cwd: transfer.root,
      environment: transfer.environment,
      secrets: transfer.secrets,
      // git-lfs would keep what it downloads in the clone.
      config: [['lfs.storage', dirname(destination)]],
      stdin: pointer,
    });
    await writeChecked(wanted, Readable.from([output.stdout]), destination);
  } catch (error) {
    throw unavailable(wanted, messageOf(error), hint, error);
  }
}

interface DownloadPlace {
  readonly partial: string;
  readonly whole: string;
}

/** Downloads go into the cache, where the next run finds what one that was interrupted has; or straight to the file. */
async function placeFor(
  source: LfsSource,
  wanted: WantedObject,
  destination: string,
): Promise<DownloadPlace> {
  const folder = join(source.cacheFolder, 'incomplete');
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
    return { partial: join(folder, wanted.oid), whole: pathOf(source.cacheFolder, wanted.oid) };
  } catch {
    return { partial: destination, whole: destination };
  }
}

/** Copies a file in one step: it is there whole or not at all. */
async function copyWhole(from: string, destination: string): Promise<void> {
  const temporary = `${destination}.${randomUUID()}.part`;
  await mkdir(dirname(destination), { recursive: true });
  try {
    await copyFile(from, temporary);
    await rename(temporary, destination);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function download(source: LfsSource, wanted: WantedObject, destination: string): Promise<void> {
  const { transfer } = source;
  switch (transfer.kind) {
    case 'none':
      throw unavailable(wanted, transfer.reason, transfer.hint);
    case 'git-lfs':
      return smudge(transfer, wanted, destination);
    case 'batch':
      try {
        const expected = { sha256: wanted.oid, sizeBytes: wanted.sizeBytes };
        const receive = ({ partial, whole }: DownloadPlace): Promise<void> =>
          writeResumable(partial, expected, whole, write =>
            downloadLfsObject(transfer.endpoint, wanted, write),
          );
        const place = await placeFor(source, wanted, destination);
        try {
          await receive(place);
        } catch (error) {
          if (!isFullDisk(error) || place.whole === destination) throw error;
          // Only the cache may be full.
          await receive({ partial: destination, whole: destination });
          return;
        }
        if (place.whole !== destination) await copyWhole(place.whole, destination);
      } catch (error) {
        if (isFullDisk(error)) throw fullDiskError(destination, error);
        const why = maskSecrets(messageOf(error), transfer.endpoint.credentials.secrets);
        const hint =
          error instanceof QuickServeError
            ? error.hint
            : 'Check the LFS server and the network, then run again.';
        throw unavailable(wanted, why, hint, error);
      }
  }
}

/**
 * Writes an LFS object to `destination`, sha256 checked, from the cache, the clone or the server; keeps it in the cache.
 * @throws QuickServeError LFS_OBJECT_UNAVAILABLE, naming oid and path; OUTPUT_UNWRITABLE.
 */
export async function writeLfsObject(
  source: LfsSource,
  wanted: WantedObject,
  destination: string,
): Promise<void> {
  if (await copyFromFolders(source, wanted, destination)) return;
  await download(source, wanted, destination);
  const cached = pathOf(source.cacheFolder, wanted.oid);
  if (await hasSize(cached, wanted.sizeBytes)) return;
  // A cache that cannot be written costs the next run a download, nothing more.
  await copyWhole(destination, cached).catch(() => undefined);
}
