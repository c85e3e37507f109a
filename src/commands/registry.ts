import { readFileSync } from 'node:fs';
import { markdownTable } from 'markdown-table';
import { applyOverrides } from '../config/overrides.ts';
import { gitEnvironment } from '../git/git-environment.ts';
import { openRepository } from '../git/repository.ts';
import { readCiContext } from '../platforms/detect.ts';
import type { VersionRecord } from '../registry/records.ts';
import type { RegisteredModel, RegistryState } from '../registry/registry-state.ts';
import { formatValue } from '../report/format-values.ts';
import { QuickServeError } from '../shared/errors.ts';
import { terminalSafe } from '../shared/terminal-text.ts';
import { loadConfig } from './check/change-set.ts';
import { openCheckRegistry, registryRemote } from './check/recording.ts';
import type { CommandResult } from './command-result.ts';
import type { Surroundings } from './surroundings.ts';

export interface RegistryOptions {
  readonly action: 'init' | 'list' | 'versions';
  readonly model: string | null;
  readonly config?: string;
  readonly branch?: string;
  readonly remote?: string;
  readonly dryRun?: boolean;
  readonly cwd: string;
}

/** `registry init`, `registry list`, `registry versions MODEL`. */
export async function registryCommand(options: RegistryOptions, world: Surroundings): Promise<CommandResult> {
  const repository = await openRepository(options.cwd, { environment: gitEnvironment(world.env) });
  const config = applyOverrides(await loadConfig(repository.root, options.cwd, options.config ?? null), {
    registryBranch: options.branch,
    registryRemote: options.remote,
  });
  const remote = registryRemote(config, repository);
  if (remote === null) {
    throw new QuickServeError({
      code: 'REGISTRY_NOT_INITIALISED',
      message: 'This repository has no remote that could hold the registry branch.',
      hint: 'Add a remote, name one with --remote, or set registry.remote in quickserveml.yml.',
    });
  }
  const context = readCiContext(world.env, path => readFileSync(path, 'utf8'));
  const registry = await openCheckRegistry(config, context, repository, remote, world);
  const { branch } = config.registry;
  if (options.action === 'init') {
    if (options.dryRun === true)
      return {
        document: { branch, plan: 'create if missing' },
        text: `Would create ${branch} if it is missing.`,
        exitCode: 0,
      };
    const { created } = await registry.init();
    return {
      document: { branch, created },
      text: created ? `Created ${branch}.` : `${branch} is there already.`,
      exitCode: 0,
    };
  }
  const state = await registry.read({
    ...(options.model === null ? {} : { models: [options.model] }),
    measurementLimit: 1,
  });
  if (state.tip === null) {
    throw new QuickServeError({
      code: 'REGISTRY_NOT_INITIALISED',
      message: `The remote has no branch ${branch}.`,
      hint: '`quickserveml registry init` creates it; so does the first recorded check.',
    });
  }
  return options.model === null ? listModels(state) : listVersions(state, options.model);
}

const alignRight = (columns: string): { readonly align: readonly string[] } => ({ align: [...columns] });

/** The newest measurement of the newest version's bytes, on whatever machine it was taken. */
function latencyOf({ measurements }: RegisteredModel, version: VersionRecord): string {
  const newest = [...measurements.values()]
    .flat()
    .filter(measurement => measurement.sha256 === version.sha256)
    .toSorted((one, other) => (one.id < other.id ? 1 : -1))[0];
  const latency = newest?.metrics['latency'];
  return latency === undefined ? '' : formatValue(latency, 'ms');
}

function listModels(state: RegistryState): CommandResult {
  const models = [...state.models.values()].toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const rows = models.flatMap(model => {
    const newest = model.versions.at(-1);
    if (newest === undefined) return [];
    return [
      [
        terminalSafe(model.name),
        newest.version,
        String(model.versions.length),
        formatValue(newest.sizeBytes, 'bytes'),
        latencyOf(model, newest),
        newest.createdAt.slice(0, 10),
        terminalSafe(newest.author.name),
      ],
    ];
  });
  const header = ['model', 'newest', 'versions', 'size', 'latency', 'recorded', 'by'];
  return {
    document: {
      models: models.map(({ name, versions }) => ({
        name,
        newest: versions.at(-1)?.version ?? null,
        versions: versions.length,
      })),
    },
    text:
      rows.length === 0
        ? 'The registry has no versions yet.'
        : markdownTable([header, ...rows], alignRight('llrrrll')),
    exitCode: 0,
  };
}

function listVersions(state: RegistryState, name: string): CommandResult {
  const model = state.models.get(name);
  if (model === undefined || model.versions.length === 0) {
    throw new QuickServeError({
      code: 'VERSION_NOT_FOUND',
      message: `The registry has no versions of "${name}".`,
      hint: '`quickserveml registry list` shows the models that it has.',
    });
  }
  const rows = model.versions.map(version => [
    version.version,
    version.bump,
    formatValue(version.sizeBytes, 'bytes'),
    latencyOf(model, version),
    version.sha256.slice(0, 12),
    version.source.commit?.slice(0, 10) ?? '',
    version.createdAt.slice(0, 10),
    terminalSafe(version.author.name),
  ]);
  const header = ['version', 'bump', 'size', 'latency', 'sha256', 'commit', 'recorded', 'by'];
  return {
    document: { model: name, versions: model.versions },
    text: markdownTable([header, ...rows], alignRight('llrrllll')),
    exitCode: 0,
  };
}
