import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import pins from './pinned-files.json' with { type: 'json' };
import { PINNED_RUNTIME_VERSION } from './runtime-location.ts';

/** Identity of one file of a package. */
export interface PinnedFile {
  readonly sha256: string;
  readonly sizeBytes: number;
}

export type RuntimePackage = 'onnxruntime-node' | 'onnxruntime-common';

/** Paths within the package, with `/`. */
export type PinnedPackage = ReadonlyMap<string, PinnedFile>;

export type PinnedRuntime = Readonly<Record<RuntimePackage, PinnedPackage>>;

/** Platforms for which onnxruntime-node has a build, as `<os>/<arch>`. */
export const PLATFORMS: readonly string[] = [
  ...new Set(
    Object.keys(pins['onnxruntime-node']).flatMap(path => {
      const match = /^bin\/napi-v\d+\/([^/]+\/[^/]+)\//.exec(path);
      return match?.[1] === undefined ? [] : [match[1]];
    }),
  ),
];

/** Whether a file of a package is needed to run: JavaScript, and the libraries of one platform. */
export function isNeeded(path: string, platform: string, arch: string): boolean {
  if (path === 'package.json') return true;
  if (/^dist\/(?:cjs\/)?[^/]+\.js$/.test(path) || path === 'dist/cjs/package.json') return true;
  return /^bin\/napi-v\d+\//.test(path) && path.split('/').slice(2, 4).join('/') === `${platform}/${arch}`;
}

/** The pinned files that a platform needs. */
export function pinnedRuntimeFor(platform: string, arch: string): PinnedRuntime {
  const select = (files: Readonly<Record<string, PinnedFile>>): PinnedPackage =>
    new Map(Object.entries(files).filter(([path]) => isNeeded(path, platform, arch)));
  return {
    'onnxruntime-node': select(pins['onnxruntime-node']),
    'onnxruntime-common': select(pins['onnxruntime-common']),
  };
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/**
 * The first file of a package's folder that is missing or is not the pinned one, or null: all are. Every byte is
 * hashed (some 50 ms): a package that merely lies in a checkout or a cache is no reason to run its code.
 */
export async function firstMismatch(folder: string, files: PinnedPackage): Promise<string | null> {
  for (const [path, pin] of files) {
    const file = join(folder, path);
    const found = await stat(file).catch(() => null);
    if (found?.isFile() !== true || found.size !== pin.sizeBytes) return path;
    if ((await sha256Of(file)) !== pin.sha256) return path;
  }
  return null;
}

/** The version that the list of pinned files belongs to; a test holds both together. */
export const pinsVersion: string = pins.version;

export const isPinnedVersion = (version: string): boolean => version === PINNED_RUNTIME_VERSION;
