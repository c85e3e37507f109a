import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { isNamedLikeModel } from '../config/discovery.ts';
import { parseSelector } from '../registry/selector.ts';
import { PINNED_RUNTIME_VERSION } from '../runtime/runtime-location.ts';
import { SERVER_PARTS } from '../serving/parts.ts';
import { servedName } from '../serving/served-name.ts';
import { startServer } from '../serving/server.ts';
import type { ModelSource } from '../serving/settings.ts';
import { readSettings } from '../serving/settings-file.ts';
import { fileReason, QuickServeError } from '../shared/errors.ts';
import type { CommandResult } from './command-result.ts';
import type { ContainerRegistryOptions } from './container-registries.ts';
import { fetchVersions } from './registry/fetched-versions.ts';
import type { RegistryCommandOptions } from './registry/session.ts';
import { createRuntimeSource } from './runtime-source.ts';
import { modelTitle } from './schema.ts';
import type { Surroundings } from './surroundings.ts';

export interface ServeOptions extends RegistryCommandOptions, ContainerRegistryOptions {
  /** Model files, `name@version=file`, or versions of the registry. */
  readonly models: readonly string[];
  /** These win over the settings file. */
  readonly host?: string;
  readonly port?: number;
  readonly workers?: number;
  readonly threads?: number;
  readonly provider?: string;
  /** Settings file of the server. */
  readonly settings?: string;
  readonly runtimePath?: string;
}

function sourceOfFile(text: string, cwd: string): ModelSource {
  const equals = text.indexOf('=');
  const path = resolve(cwd, text.slice(equals + 1));
  const label = equals < 0 ? modelTitle(path) : text.slice(0, equals);
  const { model, version } = parseSelector(label);
  return { name: servedName(model), version: servedName(version ?? '0.0.0'), path };
}

async function sourcesOf(options: ServeOptions, world: Surroundings): Promise<readonly ModelSource[]> {
  const recorded = await fetchVersions(
    options.models.filter(text => !isNamedLikeModel(text)),
    options,
    world,
  );
  return options.models.map(text => {
    const version = recorded.get(text);
    return version === undefined
      ? sourceOfFile(text, options.cwd)
      : { name: servedName(version.model), version: servedName(version.version), path: version.path };
  });
}

function readSettingsFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new QuickServeError({
      code: 'SERVING_SETTINGS_INVALID',
      message: `The settings file ${path} cannot be read: ${fileReason(error)}`,
      hint: 'It is JSON; docs/serving.md lists every setting.',
      cause: error,
    });
  }
}

/** dist/serving-worker.js, or its source in development, beside the worker of the runtime. */
function servingWorkerPath({ workerPath }: Pick<Surroundings, 'workerPath'>): string {
  const folder = dirname(workerPath);
  return basename(folder) === 'runtime'
    ? resolve(folder, '../serving/worker/serving-worker.ts')
    : join(folder, 'serving-worker.js');
}

/**
 * `serve MODEL...`: the server of the container, on this machine. Its result says where it listens; the process goes on
 * until SIGINT or SIGTERM, and then answers what is on its way before it ends.
 * @throws QuickServeError SERVING_*, MODEL_*, VERSION_*, RUNTIME_*.
 */
export async function serveCommand(options: ServeOptions, world: Surroundings): Promise<CommandResult> {
  const models = await sourcesOf(options, world);
  const runtime = createRuntimeSource(
    { runtimePath: options.runtimePath, version: PINNED_RUNTIME_VERSION, cwd: options.cwd },
    world,
  );
  const settingsPath = options.settings === undefined ? null : resolve(options.cwd, options.settings);
  const folder = settingsPath === null ? options.cwd : dirname(settingsPath);
  const settings = readSettings(
    settingsPath === null ? undefined : readSettingsFile(settingsPath),
    {
      ...(options.host === undefined ? {} : { host: options.host }),
      ...(options.port === undefined ? {} : { port: options.port }),
      ...(options.workers === undefined ? {} : { workers: options.workers }),
      ...(options.threads === undefined ? {} : { threads: options.threads }),
      ...(options.provider === undefined ? {} : { provider: options.provider }),
      models,
    },
    {
      env: world.env,
      folder,
      processors: availableParallelism(),
      sections: Object.keys(SERVER_PARTS),
    },
  );
  const { packageFolder } = await runtime.resolve();
  world.progress.step('loading models');
  const server = await startServer({
    settings,
    world: {
      env: world.env,
      now: world.now,
      monotonicMs: () => performance.now(),
      random: world.random,
      writeLog: line => void process.stderr.write(line),
      folder,
      toolVersion: world.toolVersion,
    },
    launch: { workerPath: servingWorkerPath(world), packageFolder },
    parts: SERVER_PARTS,
  });
  // A second signal has its ordinary effect.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void server.stop());
  const { address, port } = server.address;
  const url = `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
  const served = settings.models.map(({ name, version }) => ({ name, version }));
  return {
    document: { ready: true, url, port, models: served, workers: settings.workers },
    text: `${served.map(({ name, version }) => `${name} ${version}`).join(', ')} at ${url} (Ctrl-C ends it)`,
    exitCode: 0,
  };
}
