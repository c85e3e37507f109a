import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import {
  isNeeded,
  isPinnedVersion,
  pinnedRuntimeFor,
  type RuntimePackage,
} from '../../runtime/pinned-files.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { Platform } from '../registry/manifest.ts';
import { APPLICATION_FOLDER } from './application.ts';
import { platformText } from './base-image.ts';
import { compressedLayer, type ImageLayer, type PinnedLayer, pinnedLayer } from './layer.ts';
import pins from './runtime-layers.json' with { type: 'json' };
import { fileContent, foldersTo, type TarEntry } from './tar.ts';

/** Platforms that images can be for, and what Node calls them. */
const ARCHITECTURES: Readonly<Record<string, string>> = { amd64: 'x64', arm64: 'arm64' };

/** How the platform is called by Node and onnxruntime-node. @throws QuickServeError RUNTIME_UNSUPPORTED_PLATFORM. */
export function nodePlatform(platform: Platform): { readonly platform: string; readonly arch: string } {
  const arch = ARCHITECTURES[platform.architecture];
  if (platform.os === 'linux' && arch !== undefined) return { platform: 'linux', arch };
  throw new QuickServeError({
    code: 'RUNTIME_UNSUPPORTED_PLATFORM',
    message: `onnxruntime-node has no build for ${platformText(platform)}; images can be for linux/amd64 and linux/arm64.`,
    hint: 'Name one of those with --platform, or publish.platforms.',
  });
}

export interface RuntimeLayerRequest {
  readonly platform: Platform;
  readonly version: string;
  /** Finds or installs onnxruntime-node's files for a platform; returns the folder of the package. */
  readonly locate: (platform: string, arch: string) => Promise<string>;
  /** Where compressed layers are kept. */
  readonly cacheFolder: string;
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter(entry => entry.isFile())
    .map(entry => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'));
}

/** The files of both packages that the platform needs, as Node resolves them from the server's folder. */
export async function runtimeEntries(
  { platform, version }: Pick<RuntimeLayerRequest, 'platform' | 'version'>,
  packageFolder: string,
): Promise<readonly TarEntry[]> {
  const node = nodePlatform(platform);
  const common = createRequire(join(packageFolder, 'dist', 'index.js')).resolve('onnxruntime-common');
  const folders: Readonly<Record<RuntimePackage, string>> = {
    'onnxruntime-node': packageFolder,
    'onnxruntime-common': resolve(dirname(common), '../..'),
  };
  const pinned = pinnedRuntimeFor(node.platform, node.arch);
  const files: { readonly path: string; readonly file: string }[] = [];
  for (const name of ['onnxruntime-common', 'onnxruntime-node'] as const) {
    const paths = isPinnedVersion(version)
      ? [...pinned[name].keys()]
      : (await filesIn(folders[name])).filter(path => isNeeded(path, node.platform, node.arch));
    for (const path of paths) {
      const target = `${APPLICATION_FOLDER}/node_modules/${name}/${path}`;
      files.push({ path: target, file: join(folders[name], path) });
    }
  }
  files.sort((one, other) => (one.path < other.path ? -1 : 1));
  const entries = files.map(async ({ path, file }) => ({
    kind: 'file' as const,
    path,
    mode: 0o644,
    content: await fileContent(file),
  }));
  return [...foldersTo(files.map(({ path }) => path)), ...(await Promise.all(entries))];
}

/**
 * onnxruntime-node's files for one platform. Of the pinned version this release knows the layer's digest: its files are
 * fetched and compressed only where a registry lacks it.
 */
export async function runtimeLayer(request: RuntimeLayerRequest): Promise<ImageLayer> {
  const { platform, version, locate, cacheFolder } = request;
  const node = nodePlatform(platform);
  const createdBy = `onnxruntime-node ${version} for ${platformText(platform)}`;
  const layers: Readonly<Record<string, PinnedLayer>> = pins.version === version ? pins.layers : {};
  const pin = layers[`${platform.os}/${platform.architecture}`];
  const entries = async (): Promise<readonly TarEntry[]> =>
    runtimeEntries(request, await locate(node.platform, node.arch));
  return pin === undefined
    ? compressedLayer(await entries(), createdBy, cacheFolder)
    : pinnedLayer(pin, createdBy, cacheFolder, entries);
}
