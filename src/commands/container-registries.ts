import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExplicitCredentials } from '../container/registry/credentials.ts';
import { openRegistries, type Registries } from '../container/registry/registries.ts';
import { fileReason, QuickServeError } from '../shared/errors.ts';
import type { Surroundings } from './surroundings.ts';

/** The options of every command that speaks to container registries. */
export interface ContainerRegistryOptions {
  /** Hosts that may be spoken to over plain HTTP, or with any certificate. */
  readonly insecure: readonly string[];
  /** PEM file of certificates to trust. */
  readonly registryCa?: string;
  readonly cwd: string;
}

/**
 * Credentials that the environment gives by hand: QUICKSERVEML_REGISTRY_USERNAME and _PASSWORD for the registry that
 * QUICKSERVEML_REGISTRY_HOST names, else for the only one that is pushed to; and what a GitLab job has for its own.
 */
function explicitCredentials(
  env: Surroundings['env'],
  hosts: readonly string[],
): readonly ExplicitCredentials[] {
  const credentials = (
    registry: string | undefined,
    username: string | undefined,
    password: string | undefined,
  ): readonly ExplicitCredentials[] =>
    registry && username && password
      ? [{ registry: registry.toLowerCase(), credentials: { kind: 'password', username, password } }]
      : [];
  const distinct = [...new Set(hosts)];
  return [
    ...credentials(
      env['QUICKSERVEML_REGISTRY_HOST'] || (distinct.length === 1 ? distinct[0] : undefined),
      env['QUICKSERVEML_REGISTRY_USERNAME'],
      env['QUICKSERVEML_REGISTRY_PASSWORD'],
    ),
    ...credentials(env['CI_REGISTRY'], env['CI_REGISTRY_USER'], env['CI_REGISTRY_PASSWORD']),
  ];
}

async function certificatesOf(options: ContainerRegistryOptions): Promise<readonly string[]> {
  if (options.registryCa === undefined) return [];
  const file = resolve(options.cwd, options.registryCa);
  try {
    return [await readFile(file, 'utf8')];
  } catch (cause) {
    throw new QuickServeError({
      code: 'FILE_UNREADABLE',
      message: `The certificates in ${file} cannot be read: ${fileReason(cause)}`,
      hint: 'Name a PEM file with --registry-ca.',
      cause,
    });
  }
}

/**
 * Opens the container registries of one command.
 * @param hosts of the registries that are pushed to: for credentials that name none.
 * @throws QuickServeError FILE_UNREADABLE.
 */
export async function openContainerRegistries(
  options: ContainerRegistryOptions,
  hosts: readonly string[],
  world: Surroundings,
): Promise<Registries> {
  return openRegistries({
    explicit: explicitCredentials(world.env, hosts),
    environment: world.env,
    homeFolder: world.homeFolder,
    insecure: options.insecure,
    certificates: await certificatesOf(options),
    toolVersion: world.toolVersion,
    sleep: world.patience?.sleep ?? (durationMs => sleep(durationMs)),
    now: world.now,
    random: world.random,
  });
}
