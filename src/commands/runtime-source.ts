import { calibrate } from '../benchmark/calibration.ts';
import { fingerprintOf } from '../benchmark/fingerprint.ts';
import type { Fingerprint } from '../benchmark/measurement.ts';
import type { RuntimeConfig } from '../config/config.ts';
import { type RuntimeOptions, resolveRuntime } from '../runtime/installer.ts';
import { readMachine } from '../runtime/machine.ts';
import type { RuntimeLocation } from '../runtime/runtime-location.ts';
import type { Surroundings } from './surroundings.ts';

/** onnxruntime, looked for at the first use and then kept: a run that measures nothing needs none. */
export interface RuntimeSource {
  resolve(): Promise<RuntimeLocation>;
  /** null: nothing has needed it. */
  resolved(): RuntimeLocation | null;
}

/** Which onnxruntime is wanted. */
export interface RuntimeRequest {
  /** Folder of a package, absolute or relative to `cwd`; without one it is looked for, or fetched. */
  readonly runtimePath: string | null | undefined;
  readonly version: string;
  readonly cwd: string;
}

export function runtimeOptions(request: RuntimeRequest, world: Surroundings): RuntimeOptions {
  return {
    runtimePath: request.runtimePath ?? null,
    version: request.version,
    searchFolders: [request.cwd, ...world.packageFolders],
    cacheFolder: world.cacheFolder,
    environment: world.env,
    cwd: request.cwd,
    home: world.homeFolder,
    platform: process.platform,
    arch: process.arch,
  };
}

export function createRuntimeSource(request: RuntimeRequest, world: Surroundings): RuntimeSource {
  let pending: Promise<RuntimeLocation> | null = null;
  let location: RuntimeLocation | null = null;
  const find = async (): Promise<RuntimeLocation> => {
    location = await resolveRuntime(runtimeOptions(request, world), progress =>
      world.progress.update(
        `fetching onnxruntime ${request.version}: ${Math.round(progress.receivedBytes / 1e6)} MB`,
      ),
    );
    return location;
  };
  return {
    resolve: () => {
      pending ??= find();
      return pending;
    },
    resolved: () => location,
  };
}

/** The fingerprint of this machine with a runtime and settings. */
export async function readFingerprint(
  location: RuntimeLocation,
  settings: Pick<RuntimeConfig, 'provider'> & { readonly threads: number },
): Promise<Fingerprint> {
  const fingerprint = fingerprintOf(await readMachine(process.version), {
    runtimeVersion: location.version,
    provider: settings.provider,
    threads: settings.threads,
  });
  return { ...fingerprint, calibrationMs: calibrate(() => performance.now()) };
}
