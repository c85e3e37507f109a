import { join } from 'node:path';
import { parseSelector, selectModel, selectVersion } from '../../registry/selector.ts';
import type { ContainerRegistryOptions } from '../container-registries.ts';
import type { Surroundings } from '../surroundings.ts';
import { fetchVersion } from './get.ts';
import { openSession, type RegistryCommandOptions, readExisting } from './session.ts';

/** A recorded version whose files are on this machine. */
export interface FetchedVersion {
  readonly model: string;
  readonly version: string;
  /** Of the model file, in the cache. */
  readonly path: string;
}

/**
 * Gets the files of versions, `digits@1.2.0`, into the cache.
 * @returns by selector
 * @throws QuickServeError MODEL_*, VERSION_*, REGISTRY_*, NOT_A_REPOSITORY.
 */
export async function fetchVersions(
  selectors: readonly string[],
  options: RegistryCommandOptions & ContainerRegistryOptions,
  world: Surroundings,
): Promise<ReadonlyMap<string, FetchedVersion>> {
  const fetched = new Map<string, FetchedVersion>();
  if (selectors.length === 0) return fetched;
  const session = await openSession(options, world);
  const names = selectors.map(text => parseSelector(text).model);
  const registry = await readExisting(session, { models: names, measurementLimit: 0 });
  for (const text of selectors) {
    const { model, version: wanted } = parseSelector(text);
    const state = selectVersion(selectModel(registry, model), wanted);
    const { version, sha256 } = state.version;
    world.progress.step(`getting ${model} ${version}`);
    const path = await fetchVersion(session, state, join(world.cacheFolder, 'models', sha256), options);
    fetched.set(text, { model, version, path });
  }
  return fetched;
}
