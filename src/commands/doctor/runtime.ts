import type { RuntimeConfig } from '../../config/config.ts';
import { findRuntime, type RuntimeOptions } from '../../runtime/installer.ts';
import { probeRuntime } from '../../runtime/launcher.ts';
import { readNpmConfig } from '../../runtime/npm-config.ts';
import { messageOf, QuickServeError } from '../../shared/errors.ts';
import type { Surroundings } from '../surroundings.ts';
import { type DoctorLine, ok, problem, warning } from './line.ts';

const ORIGINS = {
  explicit: 'named by --runtime-path',
  package: 'an installed package',
  cache: 'in the cache',
  downloaded: 'downloaded',
} as const;

async function missingLine(options: RuntimeOptions): Promise<DoctorLine> {
  const { registry } = await readNpmConfig(options);
  const isNamed = `onnxruntime ${options.version} is not here`;
  return registry === null
    ? problem(
        'runtime',
        'RUNTIME_NOT_FOUND',
        `${isNamed}, and no npm registry is configured to get it from.`,
        'Set npm_config_registry or .npmrc; without internet: `quickserveml runtime load` (docs/closed-networks.md).',
      )
    : warning(
        'runtime',
        `${isNamed}; the first measurement fetches it from ${new URL(registry).origin}.`,
        'To try that now: quickserveml runtime install. Without internet: quickserveml runtime load.',
      );
}

/** Whether onnxruntime is here, and loads. Nothing is downloaded. */
export async function runtimeLines(
  options: RuntimeOptions,
  config: RuntimeConfig,
  world: Surroundings,
): Promise<readonly DoctorLine[]> {
  const location = await findRuntime(options);
  if (location === null) return [await missingLine(options)];
  const found = `onnxruntime ${location.version}, ${ORIGINS[location.origin]}`;
  try {
    const { providers } = await probeRuntime({
      runtime: location,
      workerPath: world.workerPath,
      limits: { timeMs: config.loadTimeoutMs, memoryBytes: config.memoryLimitBytes },
      environment: world.env,
    });
    const isThere = providers.includes(config.provider);
    const lines = [ok('runtime', `${found}, loads (${providers.join(', ')})`)];
    if (!location.pinned) {
      lines.push(
        warning(
          'runtime',
          'It is not the version that this release was made with.',
          'Nothing to do if runtime.version or --runtime-path asks for it: results may differ.',
        ),
      );
    }
    if (!isThere) {
      lines.push(
        problem(
          'runtime',
          'RUNTIME_PROVIDER_UNAVAILABLE',
          `The configured execution provider ${config.provider} is not in this build.`,
          'Set runtime.provider to one that is, or name another build with --runtime-path.',
        ),
      );
    }
    return lines;
  } catch (thrown) {
    const error = thrown instanceof QuickServeError ? thrown : null;
    return [
      problem(
        'runtime',
        error?.code ?? 'WORKER_START_FAILED',
        `${found}, does not load: ${messageOf(thrown)}`,
        error?.hint ?? 'onnxruntime needs glibc 2.28 or newer and libstdc++ on Linux.',
      ),
    ];
  }
}
