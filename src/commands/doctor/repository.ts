import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config, ModelConfig } from '../../config/config.ts';
import { resolveModels } from '../../config/discovery.ts';
import { type LfsPointer, openLfs, parsePointer } from '../../git/lfs.ts';
import { probeLfs } from '../../git/lfs-probe.ts';
import type { Repository } from '../../git/repository.ts';
import { CONFIG_NAME } from '../../shared/config-name.ts';
import { QuickServeError } from '../../shared/errors.ts';
import { missingModelHint } from '../check/missing-model.ts';
import type { Surroundings } from '../surroundings.ts';
import { type DoctorLine, ok, problem, problemOf, warning } from './line.ts';

export function repositoryLines(repository: Repository): readonly DoctorLine[] {
  const { branch, headSha, isShallow, isPartial, remote } = repository;
  const head =
    headSha === null
      ? problem('repository', 'BASE_NOT_FOUND', 'There is no commit yet.', 'Commit the models first.')
      : ok(
          'repository',
          branch === null
            ? `Detached at ${headSha.slice(0, 10)}`
            : `Branch ${branch} at ${headSha.slice(0, 10)}`,
        );
  const kinds = [isShallow ? 'shallow' : '', isPartial ? 'partial' : ''].filter(kind => kind !== '');
  const clone =
    kinds.length === 0
      ? []
      : [ok('repository', `The clone is ${kinds.join(' and ')}: what a check needs of the base is fetched`)];
  return [
    head,
    ...clone,
    remote === null
      ? warning(
          'repository',
          'The clone has no remote: no base can be fetched, nothing recorded.',
          'Add one: git remote add origin ADDRESS.',
        )
      : ok('repository', `Remote ${remote.name}: ${remote.url}`),
  ];
}

/** The models that a check would look at. */
export interface FoundModels {
  readonly models: readonly ModelConfig[];
  readonly pointers: ReadonlyMap<string, LfsPointer>;
  readonly lines: readonly DoctorLine[];
}

function readFile(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}

/** @param files paths of the work tree. @throws QuickServeError as resolveModels. */
export function findModels(config: Config, repository: Repository, files: ReadonlySet<string>): FoundModels {
  const models = resolveModels(config, [...files]);
  const pointers = new Map<string, LfsPointer>();
  const missing = models.filter(({ path }) => !files.has(path));
  for (const { path } of models) {
    if (!files.has(path)) continue;
    const pointer = parsePointer(readFile(join(repository.root, path)) ?? Buffer.alloc(2048));
    if (pointer !== null) pointers.set(path, pointer);
  }
  const headFiles = new Map([...files].map(path => [path, null]));
  const hintFor = (model: ModelConfig): string =>
    missingModelHint(model, config.source ?? CONFIG_NAME, { headFiles, baseFiles: new Map() });
  const there = models.length - missing.length;
  const names = models.slice(0, 5).map(({ name }) => name);
  const lines =
    models.length === 0
      ? [
          problem(
            'models',
            'NO_MODELS',
            'There is no model: none is configured and no .onnx file was found.',
            'Add a model, or name it in quickserveml.yml.',
          ),
        ]
      : [
          ...(there === 0
            ? []
            : [ok('models', `${there} found: ${names.join(', ')}${there > 5 ? ', …' : ''}`)]),
          ...missing.map(model =>
            problem(
              'models',
              'MODEL_NOT_FOUND',
              `${model.name} is configured as ${model.path}, which is not in the work tree.`,
              hintFor(model),
            ),
          ),
        ];
  return { models, pointers, lines };
}

/** Whether the Git LFS objects of the models could be had. */
export async function lfsLines(
  repository: Repository,
  { models, pointers }: FoundModels,
  world: Surroundings,
): Promise<readonly DoctorLine[]> {
  const attributes = readFile(join(repository.root, '.gitattributes'))?.toString('utf8') ?? '';
  const isUsed = /filter=lfs/.test(attributes) || pointers.size > 0;
  if (!isUsed) return [ok('lfs', 'Git LFS is not used')];
  const [first] = pointers;
  if (first === undefined) {
    return [
      ok(
        'lfs',
        `Git LFS is used, and ${models.length === 1 ? 'the model is' : 'all models are'} here as a whole`,
      ),
    ];
  }
  const [path, pointer] = first;
  const lfs = await openLfs(repository, {
    cacheFolder: join(world.cacheFolder, 'lfs'),
    sleep: ms => sleep(ms),
  });
  const count = `${pointers.size} of ${models.length} models are pointers`;
  try {
    const from = await probeLfs(lfs, pointer);
    return [ok('lfs', `${count}; a check fetches those that changed (${from})`)];
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError)) throw thrown;
    return [problemOf('lfs', thrown, `${count}, and ${path} cannot be had: `)];
  }
}
