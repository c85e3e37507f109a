import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Pack, pack } from 'tar-stream';
import { fileReason, messageOf, QuickServeError, systemCodeOf } from '../shared/errors.ts';
import { writeHashed } from './hashed-file.ts';
import {
  cacheTargetOf,
  cacheUnwritable,
  moveIntoPlace,
  packageFolderIn,
  packageFoldersOf,
  type RuntimeOptions,
  resolveRuntime,
} from './installer.ts';
import { type PinnedFile, pinnedRuntimeFor, type RuntimePackage } from './pinned-files.ts';
import { PINNED_RUNTIME_VERSION, type RuntimeLocation } from './runtime-location.ts';

/** `linux/x64`, as Node calls it. */
export type RuntimePlatform = string;

const PACKAGES: readonly RuntimePackage[] = ['onnxruntime-common', 'onnxruntime-node'];

const optionsFor = (options: RuntimeOptions, platform: RuntimePlatform): RuntimeOptions => {
  const [os = '', arch = ''] = platform.split('/');
  return { ...options, platform: os, arch };
};

/** All files that the platforms need, by their path in the archive: `onnxruntime-node/bin/...`. */
function pinnedPaths(platforms: readonly RuntimePlatform[]): ReadonlyMap<string, PinnedFile> {
  const files = new Map<string, PinnedFile>();
  for (const platform of platforms) {
    const [os = '', arch = ''] = platform.split('/');
    const pins = pinnedRuntimeFor(os, arch);
    for (const name of PACKAGES) for (const [path, pin] of pins[name]) files.set(`${name}/${path}`, pin);
  }
  return new Map([...files].sort(([one], [other]) => (one < other ? -1 : 1)));
}

async function addFile(archive: Pack, name: string, file: string, pin: PinnedFile): Promise<void> {
  const entry = archive.entry({
    name,
    size: pin.sizeBytes,
    mode: 0o644,
    mtime: new Date(0),
    uid: 0,
    gid: 0,
  });
  await pipeline(createReadStream(file), entry);
}

/**
 * Writes onnxruntime's files of the pinned version for some platforms into one tar archive, from an installed package, the
 * cache or the npm registry, whichever has them. The same platforms always give the same bytes.
 * @returns the archive's sha256 and size.
 * @throws QuickServeError as resolveRuntime, OUTPUT_UNWRITABLE.
 */
export async function saveRuntime(
  options: RuntimeOptions,
  platforms: readonly RuntimePlatform[],
  path: string,
): Promise<{ readonly sha256: string; readonly sizeBytes: number }> {
  const sources = new Map<string, string>();
  for (const platform of platforms) {
    const location = await resolveRuntime(optionsFor(options, platform));
    const folders = packageFoldersOf(location);
    for (const key of pinnedPaths([platform]).keys()) {
      const slash = key.indexOf('/');
      const folder = folders[key.slice(0, slash) as RuntimePackage];
      sources.set(key, join(folder, key.slice(slash + 1)));
    }
  }
  const temporary = `${path}.${randomBytes(4).toString('hex')}`;
  const archive = pack();
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const measuring = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      done(null, chunk);
    },
  });
  try {
    await mkdir(dirname(path), { recursive: true });
    const written = pipeline(archive, measuring, createWriteStream(temporary, { flags: 'wx' }));
    const filled = (async () => {
      for (const [key, pin] of pinnedPaths(platforms)) {
        await addFile(archive, key, sources.get(key) ?? '', pin);
      }
      archive.finalize();
    })();
    await Promise.all([written, filled]);
    await rename(temporary, path);
  } catch (cause) {
    throw new QuickServeError({
      code: 'OUTPUT_UNWRITABLE',
      message: `The runtime cannot be written to ${path}: ${fileReason(cause)}`,
      hint: 'Name a file in a folder that may be written.',
      cause,
    });
  } finally {
    await rm(temporary, { force: true });
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}

const invalid = (path: string, why: string, cause?: unknown): QuickServeError =>
  new QuickServeError({
    code: 'RUNTIME_ARCHIVE_INVALID',
    message: `${path} cannot be loaded: ${why}.`,
    hint: `Make it anew with \`quickserveml runtime save\` of the same release (onnxruntime ${PINNED_RUNTIME_VERSION}).`,
    cause,
  });

const unreadable = (path: string, cause: unknown): QuickServeError =>
  new QuickServeError({
    code: 'FILE_UNREADABLE',
    message: `${path} cannot be read: ${fileReason(cause)}`,
    hint: 'Name an archive that `quickserveml runtime save` wrote.',
    cause,
  });

async function isCompressed(path: string): Promise<boolean> {
  for await (const chunk of createReadStream(path, { start: 0, end: 1 })) {
    return (chunk as Buffer).length === 2 && (chunk as Buffer)[0] === 0x1f && (chunk as Buffer)[1] === 0x8b;
  }
  return false;
}

/** Unpacks what this release knows into a folder; everything else in the archive is passed over. */
async function unpackKnown(
  path: string,
  known: ReadonlyMap<string, PinnedFile>,
  folder: string,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const compressed = await isCompressed(path);
  const entries = extract();
  const source = createReadStream(path);
  const reading = compressed ? pipeline(source, createGunzip(), entries) : pipeline(source, entries);
  reading.catch(() => undefined);
  for await (const entry of entries) {
    const { name, size, type } = entry.header;
    const pin = type === 'file' ? known.get(name) : undefined;
    if (pin === undefined) {
      entry.resume();
      continue;
    }
    if (size !== pin.sizeBytes || (await writeHashed(entry, join(folder, name))) !== pin.sha256) {
      throw invalid(path, `${name} in it is not the file that this release was made with`);
    }
    found.add(name);
  }
  await reading;
  return found;
}

/** Copies one platform's files into the cache; those that platforms share are copied for each. */
async function place(
  options: RuntimeOptions,
  platform: RuntimePlatform,
  unpacked: string,
): Promise<RuntimeLocation> {
  const target = cacheTargetOf(options);
  const unfinished = `${target}.${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    for (const key of pinnedPaths([platform]).keys()) {
      const file = join(unfinished, 'node_modules', key);
      await mkdir(dirname(file), { recursive: true });
      await copyFile(join(unpacked, key), file);
    }
    await moveIntoPlace(unfinished, options);
  } catch (cause) {
    throw cacheUnwritable(target, cause);
  } finally {
    for (const folder of [unfinished, `${unfinished}.replaced`]) {
      await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    }
  }
  const packageFolder = packageFolderIn(target, 'onnxruntime-node');
  return { packageFolder, version: PINNED_RUNTIME_VERSION, pinned: true, origin: 'cache' };
}

/**
 * Puts the files of an archive of saveRuntime into the cache, for every platform that it is whole for. Every file is held
 * against the hashes of this release, so that it does not matter by which way the archive came. It may be gzipped.
 * @returns the platforms that are now in the cache.
 * @throws QuickServeError FILE_UNREADABLE, RUNTIME_ARCHIVE_INVALID, OUTPUT_UNWRITABLE.
 */
export async function loadRuntime(
  options: RuntimeOptions,
  platforms: readonly RuntimePlatform[],
  path: string,
): Promise<readonly (RuntimeLocation & { readonly platform: RuntimePlatform })[]> {
  const unpacked = join(
    options.cacheFolder,
    'runtime',
    `.load-${process.pid}-${randomBytes(4).toString('hex')}`,
  );
  try {
    await mkdir(unpacked, { recursive: true });
  } catch (cause) {
    throw cacheUnwritable(unpacked, cause);
  }
  try {
    const found = await unpackKnown(path, pinnedPaths(platforms), unpacked).catch(cause => {
      if (cause instanceof QuickServeError) throw cause;
      const code = systemCodeOf(cause) ?? '';
      if (['ENOENT', 'EACCES', 'EISDIR', 'ENOTDIR'].includes(code)) throw unreadable(path, cause);
      throw invalid(path, messageOf(cause), cause);
    });
    const whole = platforms.filter(platform =>
      [...pinnedPaths([platform]).keys()].every(key => found.has(key)),
    );
    if (whole.length === 0) throw invalid(path, 'it has not all files of any platform');
    const loaded: (RuntimeLocation & { readonly platform: RuntimePlatform })[] = [];
    for (const platform of whole) {
      const location = await place(optionsFor(options, platform), platform, unpacked);
      loaded.push({ ...location, platform });
    }
    return loaded;
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
}
