import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { Config } from '../../config/config.ts';
import { applyOverrides } from '../../config/overrides.ts';
import { gitEnvironment } from '../../git/git-environment.ts';
import { openRepository, type Remote, type Repository } from '../../git/repository.ts';
import type { CiContext } from '../../platforms/context.ts';
import { readCiContext } from '../../platforms/detect.ts';
import type { Registry } from '../../registry/registry.ts';
import type { ReadOptions, RegistryState } from '../../registry/registry-state.ts';
import { QuickServeError } from '../../shared/errors.ts';
import { openCheckRegistry, registryRemote } from '../check/recording.ts';
import { loadConfig } from '../config-file.ts';
import type { Surroundings } from '../surroundings.ts';

/** What every `registry` command takes. */
export interface RegistryCommandOptions {
  readonly config?: string;
  readonly branch?: string;
  readonly remote?: string;
  readonly dryRun?: boolean;
  readonly cwd: string;
  /** Authenticates at the repository's HTTP remote, in place of what the clone stores. */
  readonly token?: string;
}

export interface RegistrySession {
  readonly registry: Registry;
  readonly config: Config;
  readonly repository: Repository;
  readonly context: CiContext;
  readonly remote: Remote;
  readonly world: Surroundings;
  readonly dryRun: boolean;
}

/** @throws QuickServeError REGISTRY_NOT_INITIALISED where there is nowhere to look, CONFIG_*, NOT_A_REPOSITORY. */
export async function openSession(
  options: RegistryCommandOptions,
  world: Surroundings,
): Promise<RegistrySession> {
  const repository = await openRepository(options.cwd, {
    environment: gitEnvironment(world.env),
    ...(options.token === undefined ? {} : { token: options.token }),
  });
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
  const signers = signersFile(config, repository);
  if (signers !== null && !existsSync(signers)) {
    throw new QuickServeError({
      code: 'FILE_UNREADABLE',
      message: `registry.signers names ${config.registry.signersPath ?? ''}, and there is no such file.`,
      hint: 'Write the allowed signers there (ssh-keygen(1), ALLOWED SIGNERS), or leave the setting out.',
    });
  }
  const context = readCiContext(world.env);
  const registry = await openCheckRegistry(config, context, repository, remote, world);
  return { registry, config, repository, context, remote, world, dryRun: options.dryRun === true };
}

function signersFile(config: Config, repository: Repository): string | null {
  const { signersPath } = config.registry;
  return signersPath === null ? null : join(repository.root, signersPath);
}

/** @throws QuickServeError REGISTRY_NOT_INITIALISED where the branch does not exist. */
export async function readExisting(
  { registry }: RegistrySession,
  options: ReadOptions = {},
): Promise<RegistryState> {
  const state = await registry.read(options);
  if (state.tip !== null) return state;
  throw new QuickServeError({
    code: 'REGISTRY_NOT_INITIALISED',
    message: `The remote has no branch ${registry.branch}.`,
    hint: '`quickserveml registry init` creates it; so does the first recorded check.',
  });
}
