import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config, ModelConfig } from '../../config/config.ts';
import { resolveModels } from '../../config/discovery.ts';
import { applyOverrides, type Overrides } from '../../config/overrides.ts';
import { defaultConfig, parseConfig } from '../../config/parse.ts';
import { type BaseResolution, resolveBase } from '../../git/base-commit.ts';
import { gitEnvironment } from '../../git/git-environment.ts';
import { type LfsSource, openLfs } from '../../git/lfs.ts';
import { type ModelChange, type ModelLocation, modelChanges } from '../../git/model-changes.ts';
import { type ObjectStore, openObjectStore } from '../../git/object-store.ts';
import { openRepository, type Repository } from '../../git/repository.ts';
import { listFilesAtCommit, type TreeFile, writeFileAtCommit } from '../../git/tree-files.ts';
import { workTreeFiles, workTreeStatus } from '../../git/work-tree.ts';
import { listExternalPaths } from '../../model/model-identity.ts';
import type { BaseHint } from '../../platforms/context.ts';
import { PREPARE_TIME_LIMIT_MS, runPrepare } from '../../runtime/prepare-command.ts';
import { CONFIG_NAME } from '../../shared/config-name.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { Finding } from '../../shared/finding.ts';
import { loadConfig } from '../config-file.ts';
import type { Surroundings } from '../surroundings.ts';
import type { CheckOptions } from './check-options.ts';
import { requireKnownAcceptances, selectModels, uselessLabels } from './named-models.ts';

/** One model of the head, or one that the head no longer has (`config` null). */
export interface ChangedModel {
  readonly change: ModelChange;
  readonly config: ModelConfig | null;
}

/** The bytes differ from those of the base, as far as git knows. */
export const isChanged = ({ change }: ChangedModel): boolean =>
  change.kind === 'changed' || (change.kind === 'moved' && !change.identical);

/** Everything that follows from git and the configuration, before a model is opened. Disposed with `await using`. */
export interface ChangeSet extends AsyncDisposable {
  readonly repository: Repository;
  readonly store: ObjectStore;
  readonly lfs: LfsSource;
  readonly base: BaseResolution;
  readonly baseFiles: ReadonlyMap<string, TreeFile>;
  /** Blob ids by path; null where the work tree differs from HEAD. */
  readonly headFiles: ReadonlyMap<string, string | null>;
  /** Configuration of the head, with flags on top. */
  readonly config: Config;
  /** Configuration of the base commit, defaults where it had no file, the same flags on top; null where there is no base. */
  readonly baseConfig: Config | null;
  readonly models: readonly ChangedModel[];
  readonly findings: readonly Finding[];
}

function baseHint(options: CheckOptions): BaseHint {
  if (options.base === null) return options.context.base;
  return { kind: 'commit', sha: options.base, role: `--base ${options.base}` };
}

/** The base commit's own configuration: its rules hold, also against a change that relaxes them. */
async function readBaseConfig(
  store: ObjectStore,
  files: ReadonlyMap<string, TreeFile>,
  path: string,
): Promise<{ readonly config: Config; readonly findings: readonly Finding[] }> {
  const destination = join(store.gitDir, 'quickserveml-base.yml');
  const written = await writeFileAtCommit(store, { files, path, destination, lfs: null });
  if (written.kind === 'absent') return { config: defaultConfig(), findings: [] };
  try {
    return { config: parseConfig({ text: await readFile(destination, 'utf8'), path }), findings: [] };
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError)) throw thrown;
    return {
      config: defaultConfig(),
      findings: [
        {
          code: 'BASE_CONFIG_INVALID',
          severity: 'warning',
          message: `The configuration of the base commit cannot be used, so its rules are the defaults: ${thrown.message}`,
          hint: 'Nothing to do if this change mends it.',
        },
      ],
    };
  }
}

/** A file that cannot be read as a model names no external files; that it is unreadable is said when it is inspected. */
function externalPathsOf(root: string, path: string): readonly string[] {
  try {
    const folder = posix.dirname(path);
    return listExternalPaths(join(root, path)).map(external => posix.normalize(posix.join(folder, external)));
  } catch (thrown) {
    if (thrown instanceof QuickServeError) return [];
    throw thrown;
  }
}

/** Runs the export commands of the models that are checked, so that what they make is in the work tree. */
async function prepareModels(
  models: readonly ModelConfig[],
  root: string,
  world: Surroundings,
): Promise<void> {
  for (const { name, tests } of models) {
    const command = tests?.prepare ?? null;
    if (command === null) continue;
    world.progress.step(`${name}: preparing`);
    await runPrepare({
      model: name,
      command,
      folder: root,
      environment: world.env,
      timeLimitMs: PREPARE_TIME_LIMIT_MS,
    });
  }
}

/**
 * Finds the base commit, reads both configurations and says for every model how it stands to the base.
 * @throws QuickServeError NOT_A_REPOSITORY, GIT_*, BASE_NOT_FOUND, CONFIG_*, NO_MODELS, USAGE.
 */
export async function openChangeSet(options: CheckOptions, world: Surroundings): Promise<ChangeSet> {
  const repository = await openRepository(options.cwd, {
    environment: gitEnvironment(world.env),
    ...(options.token === null ? {} : { token: options.token }),
  });
  const store = await openObjectStore({
    environment: repository.environment,
    remote: repository.remote,
    repository,
  });
  try {
    return await readChanges(options, world, repository, store);
  } catch (thrown) {
    await store[Symbol.asyncDispose]();
    throw thrown;
  }
}

async function readChanges(
  options: CheckOptions,
  world: Surroundings,
  repository: Repository,
  store: ObjectStore,
): Promise<ChangeSet> {
  const { root } = repository;
  const overrides: Overrides = {
    budgetMs: options.budgetMs ?? undefined,
    record: options.record ?? undefined,
    registryBranch: options.registryBranch ?? undefined,
  };
  const config = applyOverrides(await loadConfig(root, options.cwd, options.configPath), {
    ...overrides,
    // Of the change alone: what the base was measured with is its own.
    runtimeVersion: options.runtimeVersion ?? undefined,
  });
  const folders = { root, cwd: options.cwd };
  if (!options.dryRun && config.models !== null) {
    await prepareModels(selectModels(config.models, options.models, folders), root, world);
  }
  const status = await workTreeStatus(repository);
  const headFiles = await workTreeFiles(repository, status);
  const all = resolveModels(config, [...headFiles.keys()]);
  const selected = selectModels(all, options.models, folders);

  const base = await resolveBase(repository, store, baseHint(options), {
    demanded: options.base !== null,
    modelPaths: selected.map(model => model.path),
  });
  const baseFiles =
    base.kind === 'commit' ? await listFilesAtCommit(store, base.sha) : new Map<string, TreeFile>();
  const baseIds = new Map([...baseFiles].map(([path, file]) => [path, file.blobId] as const));
  const fromBase =
    base.kind === 'commit' ? await readBaseConfig(store, baseFiles, config.source ?? CONFIG_NAME) : null;

  const headModels: ModelLocation[] = [];
  for (const { name, path } of selected) {
    // Only equal files can be identical, so only these are asked what else belongs to them.
    const id = headFiles.get(path);
    const mayBeIdentical = typeof id === 'string' && id === baseIds.get(path);
    headModels.push({ name, path, externalPaths: mayBeIdentical ? externalPathsOf(root, path) : [] });
  }
  const baseModels = fromBase === null ? [] : resolveModels(fromBase.config, [...baseFiles.keys()]);
  const names = [...new Set([...all, ...baseModels].map(({ name }) => name))];
  requireKnownAcceptances(options.accept, names);
  const changes = modelChanges({
    headModels,
    headFiles,
    baseModels,
    baseFiles: baseIds,
  }).filter(change => options.models.length === 0 || change.kind !== 'deleted');
  if (changes.length === 0) {
    throw new QuickServeError({
      code: 'NO_MODELS',
      message: 'There is no model to check: none is configured, and no .onnx or .ort file was found.',
      hint: `Add a model to the repository, or list it under "models" in ${CONFIG_NAME}.`,
    });
  }
  return {
    repository,
    store,
    lfs: await openLfs(repository, { cacheFolder: join(world.cacheFolder, 'lfs'), sleep }),
    base,
    baseFiles,
    headFiles,
    config,
    baseConfig: fromBase === null ? null : applyOverrides(fromBase.config, overrides),
    models: changes.map(change => ({
      change,
      config: change.kind === 'deleted' ? null : (selected.find(model => model.name === change.name) ?? null),
    })),
    findings: [...(fromBase?.findings ?? []), ...uselessLabels(options.labels, names)],
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
