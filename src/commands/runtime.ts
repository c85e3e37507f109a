import { resolve } from 'node:path';
import { findRuntime, type RuntimeOptions, resolveRuntime } from '../runtime/installer.ts';
import { PLATFORMS } from '../runtime/pinned-files.ts';
import { loadRuntime, saveRuntime } from '../runtime/runtime-archive.ts';
import { PINNED_RUNTIME_VERSION, type RuntimeLocation } from '../runtime/runtime-location.ts';
import { QuickServeError } from '../shared/errors.ts';
import type { CommandResult } from './command-result.ts';
import { runtimeOptions } from './runtime-source.ts';
import type { Surroundings } from './surroundings.ts';

const ORIGINS: Readonly<Record<RuntimeLocation['origin'], string>> = {
  explicit: 'given with --runtime-path',
  package: 'an installed package',
  cache: 'the cache',
  downloaded: 'downloaded now',
};

function describe(location: RuntimeLocation): string {
  const pinned = location.pinned
    ? 'files checked against the pinned hashes'
    : 'not the pinned version: results may differ';
  return `onnxruntime ${location.version}\n  from    ${ORIGINS[location.origin]}\n  folder  ${location.packageFolder}\n  ${pinned}`;
}

interface RuntimeCommandOptions {
  readonly runtimePath?: string;
  readonly cwd: string;
}

const requestOf = (options: RuntimeCommandOptions, world: Surroundings): RuntimeOptions =>
  runtimeOptions(
    {
      runtimePath: options.runtimePath,
      version: PINNED_RUNTIME_VERSION,
      cwd: options.cwd,
    },
    world,
  );

/** `runtime status` and `runtime install`. */
export async function runtimeCommand(
  options: RuntimeCommandOptions & { readonly action: 'status' | 'install' },
  world: Surroundings,
): Promise<CommandResult> {
  const request = requestOf(options, world);
  if (options.action === 'install') {
    const location = await resolveRuntime(request, progress =>
      world.progress.update(`fetching onnxruntime: ${Math.round(progress.receivedBytes / 1e6)} MB`),
    );
    return { document: { runtime: location }, text: describe(location), exitCode: 0 };
  }
  const location = await findRuntime(request);
  if (location !== null) return { document: { runtime: location }, text: describe(location), exitCode: 0 };
  return {
    document: { runtime: null },
    text: `onnxruntime ${PINNED_RUNTIME_VERSION} is not here yet. The first measurement fetches it, or: quickserveml runtime install`,
    exitCode: 0,
  };
}

function checkedPlatforms(asked: readonly string[]): readonly string[] {
  const unknown = asked.find(platform => !PLATFORMS.includes(platform));
  if (unknown === undefined) return [...new Set(asked)].sort();
  throw new QuickServeError({
    code: 'RUNTIME_UNSUPPORTED_PLATFORM',
    message: `onnxruntime-node has no build for ${unknown}; it has ${PLATFORMS.join(', ')}.`,
    hint: 'Name one of those with --platform.',
  });
}

const megabytes = (sizeBytes: number): string => `${(sizeBytes / 1e6).toFixed(1)} MB`;

/** `runtime save`. @throws QuickServeError as saveRuntime. */
export async function saveRuntimeCommand(
  options: RuntimeCommandOptions & { readonly file: string; readonly platform: readonly string[] },
  world: Surroundings,
): Promise<CommandResult> {
  const own = `${process.platform}/${process.arch}`;
  const platforms = checkedPlatforms(options.platform.length === 0 ? [own] : options.platform);
  const path = resolve(options.cwd, options.file);
  world.progress.update(`saving onnxruntime for ${platforms.join(', ')}`);
  const { sha256, sizeBytes } = await saveRuntime(requestOf(options, world), platforms, path);
  return {
    document: { path, version: PINNED_RUNTIME_VERSION, platforms, sizeBytes, sha256 },
    text:
      `onnxruntime ${PINNED_RUNTIME_VERSION} for ${platforms.join(', ')}\n` +
      `  file    ${path} (${megabytes(sizeBytes)})\n  sha256  ${sha256}\n` +
      'There: quickserveml runtime load FILE',
    exitCode: 0,
  };
}

/** `runtime load`. @throws QuickServeError as loadRuntime. */
export async function loadRuntimeCommand(
  options: { readonly file: string; readonly cwd: string },
  world: Surroundings,
): Promise<CommandResult> {
  const path = resolve(options.cwd, options.file);
  world.progress.update('loading onnxruntime');
  const loaded = await loadRuntime(requestOf(options, world), PLATFORMS, path);
  const own = `${process.platform}/${process.arch}`;
  const missing = loaded.some(({ platform }) => platform === own)
    ? []
    : [`It has nothing for this machine (${own}).`];
  return {
    document: { loaded },
    text: [
      `onnxruntime ${PINNED_RUNTIME_VERSION}, files checked against the pinned hashes`,
      ...loaded.map(({ platform, packageFolder }) => `  ${platform.padEnd(12)} ${packageFolder}`),
      ...missing,
    ].join('\n'),
    exitCode: 0,
  };
}
