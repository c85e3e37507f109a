import { statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import type { ModelConfig, PublishConfig } from '../../config/config.ts';
import { isNamedLikeModel, resolveModels } from '../../config/discovery.ts';
import type { FactsCache } from '../../container/image/facts-cache.ts';
import { fileContent, foldersTo, type TarEntry } from '../../container/image/tar.ts';
import { identifyModel, listExternalPaths, type ModelIdentity } from '../../model/model-identity.ts';
import type { ModelState, VersionState } from '../../registry/lifecycle.ts';
import type { DeployedImage } from '../../registry/records.ts';
import type { RegistryState } from '../../registry/registry-state.ts';
import { parseSelector, selectModel, selectVersion } from '../../registry/selector.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { ContainerRegistryOptions } from '../container-registries.ts';
import { fetchVersion } from '../registry/get.ts';
import type { RegistrySession } from '../registry/session.ts';
import type { Surroundings } from '../surroundings.ts';

/** A model that goes into the image. */
export interface PublishedModel {
  readonly name: string;
  readonly sha256: string;
  /** What the registry has of exactly these bytes; null: nothing. */
  readonly version: VersionState | null;
  /** Images of this version that were published before. */
  readonly deployed: readonly DeployedImage[];
  readonly config: ModelConfig | null;
  /** The model file first. */
  readonly entries: readonly TarEntry[];
  /** Absolute, in the image. */
  readonly path: string;
}

/** The model file and its external files, below `models/<name>/`. Their names are those that the model knows them by. */
async function modelEntries(name: string, file: string): Promise<readonly TarEntry[]> {
  const folder = `models/${name}`;
  const paths = [basename(file), ...listExternalPaths(file).map(path => path.split(sep).join('/'))];
  const files = await Promise.all(
    paths.map(async path => ({
      kind: 'file' as const,
      path: `${folder}/${path}`,
      mode: 0o644,
      content: await fileContent(join(dirname(file), path)),
    })),
  );
  return [...foldersTo(files.map(({ path }) => path)), ...files];
}

function configured(session: RegistrySession, file: string): ModelConfig {
  const { config, repository } = session;
  const path = relative(repository.root, file).split(sep).join('/');
  const named = config.models?.find(model => model.path === path);
  const [model] = named === undefined ? resolveModels({ ...config, models: null }, [path]) : [named];
  if (model !== undefined) return model;
  if (path.startsWith('../')) {
    throw new QuickServeError({
      code: 'USAGE',
      message: `${file} is not in this repository, which its name and its version are looked up in.`,
      hint: 'Name the file in the repository (--cwd), or a version of the registry: name[@version].',
    });
  }
  throw new QuickServeError({
    code: 'MODEL_NOT_ONNX',
    message: `${file} has no name that a model can have.`,
    hint: 'Name a file that ends in .onnx or .ort, or one of the registry: name[@version].',
  });
}

const deploymentsOf = (model: ModelState | null, version: VersionState | null): readonly DeployedImage[] =>
  (model?.events ?? []).flatMap(event =>
    event.kind === 'deployment' && event.version === version?.version.version ? event.images : [],
  );

async function fromFile(session: RegistrySession, registry: RegistryState, file: string, cache: FactsCache) {
  const model = configured(session, file);
  const entries = await modelEntries(model.name, file);
  const identity = await cache.remember<ModelIdentity>('identity-1', entries, () => identifyModel(file));
  const known = registry.models.has(model.name) ? selectModel(registry, model.name) : null;
  const version = known?.state.versions.find(each => each.version.sha256 === identity.sha256) ?? null;
  const deployed = deploymentsOf(known?.state ?? null, version);
  return { name: model.name, sha256: identity.sha256, version, deployed, config: model, entries };
}

async function fromRegistry(
  session: RegistrySession,
  registry: RegistryState,
  selector: string,
  world: Surroundings,
  options: ContainerRegistryOptions,
) {
  const { model: name, version: wanted } = parseSelector(selector);
  const selected = selectModel(registry, name);
  const version = selectVersion(selected, wanted);
  const { sha256 } = version.version;
  world.progress.step(`getting ${name} ${version.version.version}`);
  // Kept by its identity: a second run finds it there, and checks it.
  const file = await fetchVersion(session, version, join(world.cacheFolder, 'models', sha256), options);
  const config = session.config.models?.find(model => model.name === name) ?? null;
  const deployed = deploymentsOf(selected.state, version);
  return { name, sha256, version, deployed, config, entries: await modelEntries(name, file) };
}

/**
 * What an argument names: a file, or a version of the registry, whose bytes are fetched and checked.
 * @throws QuickServeError MODEL_*, VERSION_*, EXTERNAL_DATA_*, FILE_UNREADABLE.
 */
export async function findModel(
  session: RegistrySession,
  registry: RegistryState,
  argument: string,
  cache: FactsCache,
  world: Surroundings,
  options: ContainerRegistryOptions,
): Promise<PublishedModel> {
  const file = resolve(options.cwd, argument);
  // A folder is none: `init` names a model by the folder that it has to itself.
  const isFile =
    isNamedLikeModel(argument) ||
    (!argument.includes('@') && statSync(file, { throwIfNoEntry: false })?.isFile() === true);
  const found = await (isFile
    ? fromFile(session, registry, file, cache)
    : fromRegistry(session, registry, argument, world, options));
  const main = found.entries.find(entry => entry.kind === 'file');
  return { ...found, path: `/${main?.path ?? ''}` };
}

/** Names of models that have to be looked up in the registry for the arguments. */
export function namesOf(session: RegistrySession, models: readonly string[], cwd: string): readonly string[] {
  return models.map(argument =>
    isNamedLikeModel(argument)
      ? configured(session, resolve(cwd, argument)).name
      : parseSelector(argument).model,
  );
}

export const publishConfigOf = (session: RegistrySession, model: PublishedModel): PublishConfig =>
  model.config?.publish ?? session.config.defaults.publish;
