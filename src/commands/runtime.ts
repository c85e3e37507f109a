import { resolve } from 'node:path';
import { findRuntime, resolveRuntime } from '../runtime/installer.ts';
import { PINNED_RUNTIME_VERSION, type RuntimeLocation } from '../runtime/runtime-location.ts';
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

/** `runtime status` and `runtime install`. */
export async function runtimeCommand(
  options: { readonly action: 'status' | 'install'; readonly runtimePath?: string; readonly cwd: string },
  world: Surroundings,
): Promise<CommandResult> {
  const request = runtimeOptions(
    {
      runtimePath: options.runtimePath === undefined ? null : resolve(options.cwd, options.runtimePath),
      version: PINNED_RUNTIME_VERSION,
      cwd: options.cwd,
    },
    world,
  );
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
