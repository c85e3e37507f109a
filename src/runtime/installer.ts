import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileReason, QuickServeError, systemCodeOf } from '../shared/errors.ts';
import { type NpmSurroundings, readNpmConfig } from './npm-config.ts';
import { type DownloadProgress, downloadPackage } from './npm-tarball.ts';
import {
  firstMismatch,
  isNeeded,
  isPinnedVersion,
  PLATFORMS,
  pinnedRuntimeFor,
  type RuntimePackage,
} from './pinned-files.ts';
import type { RuntimeLocation } from './runtime-location.ts';

export interface RuntimeOptions extends NpmSurroundings {
  /** `--runtime-path`: the folder of an onnxruntime-node, or one with it in node_modules; null: look for it. */
  readonly runtimePath: string | null;
  /** The version that is wanted, PINNED_RUNTIME_VERSION unless asked otherwise. */
  readonly version: string;
  /** Folders from which an installed package may be resolved: the user's, this package's own. */
  readonly searchFolders: readonly string[];
  /** See cacheFolder(). */
  readonly cacheFolder: string;
  readonly arch: string;
}

/** The folder of the cache that a version for a platform goes into. */
export const cacheTargetOf = (options: RuntimeOptions): string =>
  join(options.cacheFolder, 'runtime', `onnxruntime-${options.version}-${options.platform}-${options.arch}`);

/** Where a package is below a folder of the cache. */
export const packageFolderIn = (folder: string, name: RuntimePackage): string =>
  join(folder, 'node_modules', name);

async function versionOf(packageFolder: string): Promise<string | null> {
  try {
    const manifest: unknown = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8'));
    if (typeof manifest !== 'object' || manifest === null) return null;
    const { name, version } = manifest as { name?: unknown; version?: unknown };
    return name === 'onnxruntime-node' && typeof version === 'string' ? version : null;
  } catch {
    return null;
  }
}

/** The folder of onnxruntime-common as the package itself would find it. */
function commonFolderOf(packageFolder: string): string | null {
  try {
    const entry = createRequire(join(packageFolder, 'dist', 'index.js')).resolve('onnxruntime-common');
    return resolve(dirname(entry), '../..');
  } catch {
    return null;
  }
}

/** The folders of both packages of a runtime that was found. @throws QuickServeError RUNTIME_NOT_FOUND. */
export function packageFoldersOf({
  packageFolder,
}: RuntimeLocation): Readonly<Record<RuntimePackage, string>> {
  const common = commonFolderOf(packageFolder);
  if (common === null) {
    throw new QuickServeError({
      code: 'RUNTIME_NOT_FOUND',
      message: `onnxruntime-common is not beside ${packageFolder}.`,
      hint: 'Install onnxruntime-node anew.',
    });
  }
  return { 'onnxruntime-node': packageFolder, 'onnxruntime-common': common };
}

/** Whether every file of a package folder is the pinned one. */
async function isGenuine(packageFolder: string, options: RuntimeOptions): Promise<boolean> {
  const pins = pinnedRuntimeFor(options.platform, options.arch);
  const common = commonFolderOf(packageFolder);
  if (common === null) return false;
  return (
    (await firstMismatch(packageFolder, pins['onnxruntime-node'])) === null &&
    (await firstMismatch(common, pins['onnxruntime-common'])) === null
  );
}

async function explicit(path: string, options: RuntimeOptions): Promise<RuntimeLocation> {
  const folder = resolve(options.cwd, path);
  for (const packageFolder of [folder, packageFolderIn(folder, 'onnxruntime-node')]) {
    const version = await versionOf(packageFolder);
    if (version === null) continue;
    const pinned = isPinnedVersion(version) && (await isGenuine(packageFolder, options));
    return { packageFolder, version, pinned, origin: 'explicit' };
  }
  throw new QuickServeError({
    code: 'RUNTIME_NOT_FOUND',
    message: `There is no onnxruntime-node in ${path}.`,
    hint: 'Give the folder of the package (with its package.json), or one that has it in node_modules.',
  });
}

/** The package as Node would resolve it from one of the folders, if it is the wanted version. */
async function installed(options: RuntimeOptions): Promise<RuntimeLocation | null> {
  for (const folder of options.searchFolders) {
    let packageFolder: string;
    try {
      packageFolder = dirname(
        createRequire(join(folder, 'package.json')).resolve('onnxruntime-node/package.json'),
      );
    } catch {
      continue;
    }
    if ((await versionOf(packageFolder)) !== options.version) continue;
    const usable = isPinnedVersion(options.version)
      ? await isGenuine(packageFolder, options)
      : hasBinding(packageFolder, options);
    const pinned = isPinnedVersion(options.version);
    if (usable) return { packageFolder, version: options.version, pinned, origin: 'package' };
  }
  return null;
}

function hasBinding(packageFolder: string, { platform, arch }: RuntimeOptions): boolean {
  return ['napi-v6', 'napi-v3'].some(napi =>
    existsSync(join(packageFolder, 'bin', napi, platform, arch, 'onnxruntime_binding.node')),
  );
}

async function cached(options: RuntimeOptions): Promise<RuntimeLocation | null> {
  const packageFolder = packageFolderIn(cacheTargetOf(options), 'onnxruntime-node');
  if ((await versionOf(packageFolder)) !== options.version) return null;
  const pinned = isPinnedVersion(options.version);
  const usable = pinned ? await isGenuine(packageFolder, options) : hasBinding(packageFolder, options);
  return usable ? { packageFolder, version: options.version, pinned, origin: 'cache' } : null;
}

/**
 * Looks for a runtime without downloading: the explicit path, an installed package, the cache. Files of the pinned
 * version are only used when their hashes are the pinned ones.
 * @throws QuickServeError RUNTIME_NOT_FOUND for an explicit path without a runtime.
 */
export async function findRuntime(options: RuntimeOptions): Promise<RuntimeLocation | null> {
  if (options.runtimePath !== null) return explicit(options.runtimePath, options);
  return (await installed(options)) ?? (await cached(options));
}

/** Moves a finished folder into its place in the cache; a concurrent install that was faster is as good. */
export async function moveIntoPlace(finished: string, options: RuntimeOptions): Promise<void> {
  const target = cacheTargetOf(options);
  for (let attempt = 0; ; attempt++) {
    try {
      await rename(finished, target);
      return;
    } catch (error) {
      const taken = ['ENOTEMPTY', 'EEXIST', 'EPERM', 'EACCES'].includes(systemCodeOf(error) ?? '');
      if (!taken || attempt === 3) throw error;
      if ((await cached(options)) !== null) return;
      // What is there is damaged: aside with it, by a rename too, since another process may be doing the same.
      await rename(target, `${finished}.replaced`).catch(() => undefined);
    }
  }
}

export const cacheUnwritable = (folder: string, cause: unknown): QuickServeError =>
  new QuickServeError({
    code: 'OUTPUT_UNWRITABLE',
    message: `onnxruntime cannot be written to ${folder}: ${fileReason(cause)}`,
    hint: 'Make the cache folder writable, or point XDG_CACHE_HOME (Linux) or RUNNER_TOOL_CACHE elsewhere.',
    cause,
  });

/**
 * Downloads the platform's files of onnxruntime-node and onnxruntime-common into the cache, checks the hash of each
 * (of the pinned version; of another the tarball's), and moves them into place at once.
 * @throws QuickServeError RUNTIME_UNSUPPORTED_PLATFORM, RUNTIME_NOT_FOUND (no registry is known),
 *   RUNTIME_DOWNLOAD_FAILED, RUNTIME_HASH_MISMATCH, OUTPUT_UNWRITABLE.
 */
export async function installRuntime(
  options: RuntimeOptions,
  onProgress: (progress: DownloadProgress) => void = () => undefined,
): Promise<RuntimeLocation> {
  const { platform, arch, version } = options;
  if (!PLATFORMS.includes(`${platform}/${arch}`)) {
    throw new QuickServeError({
      code: 'RUNTIME_UNSUPPORTED_PLATFORM',
      message: `onnxruntime-node has no build for ${platform}/${arch}; it has ${PLATFORMS.join(', ')}.`,
      hint: 'Run on one of those, or give a build of your own with --runtime-path.',
    });
  }
  const config = await readNpmConfig(options);
  const { registry } = config;
  if (registry === null) {
    throw new QuickServeError({
      code: 'RUNTIME_NOT_FOUND',
      message: `onnxruntime-node ${version} is not installed, and no npm registry is configured to get it from.`,
      hint: 'Set npm_config_registry or .npmrc; without internet: `quickserveml runtime load`, or --runtime-path.',
    });
  }
  const target = cacheTargetOf(options);
  const unfinished = `${target}.${process.pid}-${randomBytes(4).toString('hex')}`;
  const pins = isPinnedVersion(version) ? pinnedRuntimeFor(platform, arch) : null;
  try {
    for (const name of ['onnxruntime-common', 'onnxruntime-node'] as const) {
      const folder = packageFolderIn(unfinished, name);
      await mkdir(folder, { recursive: true });
      await downloadPackage(
        {
          name,
          version,
          config: { ...config, registry },
          folder,
          pins: pins?.[name] ?? null,
          isWanted: path => isNeeded(path, platform, arch),
          onProgress,
        },
        durationMs => sleep(durationMs),
      );
    }
    await moveIntoPlace(unfinished, options);
  } catch (error) {
    if (error instanceof QuickServeError) throw error;
    throw cacheUnwritable(target, error);
  } finally {
    for (const folder of [unfinished, `${unfinished}.replaced`]) {
      await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    }
  }
  const packageFolder = packageFolderIn(target, 'onnxruntime-node');
  return { packageFolder, version, pinned: isPinnedVersion(version), origin: 'downloaded' };
}

/**
 * The runtime for every front door: the explicit path, an installed package of the wanted version, the cache, else
 * the platform's files from the npm registry.
 * @throws QuickServeError as findRuntime and installRuntime.
 */
export async function resolveRuntime(
  options: RuntimeOptions,
  onProgress: (progress: DownloadProgress) => void = () => undefined,
): Promise<RuntimeLocation> {
  return (await findRuntime(options)) ?? installRuntime(options, onProgress);
}
