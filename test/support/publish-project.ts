import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { CommandResult } from '../../src/commands/command-result.ts';
import { type PublishOptions, publish } from '../../src/commands/publish.ts';
import type { Surroundings } from '../../src/commands/surroundings.ts';
import { identifyModel } from '../../src/model/model-identity.ts';
import type { RecordEntry } from '../../src/registry/record-entry.ts';
import type { Registry, RegistryOptions } from '../../src/registry/registry.ts';
import { entryFor, registryAt } from './git-registries.ts';
import { commitFiles, createBare, createClone, git } from './git-repositories.ts';
import { projectRoot } from './requirements.ts';
import { testSurroundings } from './surroundings.ts';

/** A repository with one model, its registry branch, and a server to put into images. */
export interface PublishProject {
  readonly folder: string;
  readonly clone: string;
  readonly bare: string;
  readonly registry: Registry;
  readonly world: Surroundings;
  /** Records a model of the fixtures as the next version; the verdict of its check passed unless it says otherwise. */
  record(fixture: string, more?: Partial<RecordEntry>): Promise<string>;
  publish(
    options: Partial<PublishOptions>,
    world?: Surroundings,
  ): Promise<CommandResult & { readonly document: PublishDocument }>;
}

/** The parts of the document that tests look at. */
export interface PublishDocument {
  readonly complete: boolean;
  readonly image: {
    readonly digest: string;
    readonly platforms: readonly {
      readonly platform: string;
      readonly digest: string;
      readonly layers: readonly {
        readonly digest: string;
        readonly from: string;
        readonly sizeBytes: number;
      }[];
    }[];
  };
  readonly models: readonly {
    readonly conditions: readonly { readonly name: string; readonly met: boolean; readonly detail: string }[];
  }[];
  readonly targets: readonly {
    readonly image: string;
    readonly tags: readonly { readonly name: string; readonly action: string }[];
  }[];
  readonly pushes: readonly {
    readonly state: string;
    readonly tags: readonly string[];
    readonly uploadedBytes: number;
    readonly blobs: Readonly<Record<string, number>>;
    readonly error: { readonly code: string; readonly message: string } | null;
  }[];
  readonly recorded: readonly string[];
  readonly promoted: string | null;
  readonly failure: { readonly code: string } | null;
  readonly attached: readonly string[];
}

export const fixtureModel = (name: string): string =>
  join(projectRoot, 'fixtures/models', name, 'model.onnx');

/** A stand-in for dist/ with a server of a few files. */
export function writeApplication(folder: string): string {
  const dist = join(folder, 'dist');
  mkdirSync(join(dist, 'chunks'), { recursive: true });
  writeFileSync(
    join(dist, 'serve.js'),
    'import "./chunks/one.js";\nnew URL("./worker.js", import.meta.url);\n',
  );
  writeFileSync(join(dist, 'chunks/one.js'), `export const text = ${JSON.stringify('x'.repeat(5000))};\n`);
  writeFileSync(join(dist, 'worker.js'), 'console.log("worker");\n');
  writeFileSync(join(dist, 'cli.js'), 'console.log("not for the image");\n');
  const packages = [
    { name: '@acme/one', version: '1.2.3', license: 'MIT', files: ['chunks/one.js', 'cli.js'] },
    { name: 'only-cli', version: '4.5.6', license: 'ISC', files: ['cli.js'] },
  ];
  writeFileSync(join(dist, 'third-party.json'), JSON.stringify(packages));
  return dist;
}

export async function createPublishProject(
  folder: string,
  options: {
    readonly registry?: Partial<RegistryOptions>;
    readonly configuration?: string;
    /** Shared by several projects: compressing the runtime takes seconds. */
    readonly cacheFolder?: string;
  } = {},
): Promise<PublishProject> {
  const bare = createBare(folder);
  const clone = createClone(folder, 'work', `file://${bare}`);
  const commit = commitFiles(clone, {
    'README.md': 'models',
    ...(options.configuration === undefined ? {} : { 'quickserveml.yml': options.configuration }),
  });
  git(clone, 'push', '--quiet', 'origin', 'main');
  const registry = registryAt(folder, `file://${bare}`, options.registry);
  const world: Surroundings = {
    ...testSurroundings(),
    env: {
      ...process.env,
      HOME: folder,
      DOCKER_CONFIG: join(folder, 'no-docker'),
      GIT_CONFIG_GLOBAL: '/dev/null',
    },
    workerPath: join(writeApplication(folder), 'worker.js'),
    packageFolders: [join(projectRoot, 'src')],
    homeFolder: folder,
    cacheFolder: options.cacheFolder ?? join(folder, 'cache'),
    patience: { sleep: async () => undefined },
  };
  return {
    folder,
    clone,
    bare,
    registry,
    world,
    async record(fixture, more = {}) {
      const source = fixtureModel(fixture);
      const model = join(clone, 'models', fixture, basename(source));
      cpSync(join(source, '..'), join(model, '..'), { recursive: true });
      const identity = await identifyModel(model);
      const entry = entryFor(folder, 'digits', Buffer.from(fixture));
      const files = new Map(identity.parts.map(part => [part.sha256, join(model, '..', part.path)]));
      const [outcome] = await registry.record([
        {
          ...entry,
          identity,
          bytes: { ...entry.bytes, files },
          source: { commit, path: `models/${fixture}/model.onnx` },
          ...more,
        },
      ]);
      return outcome?.version ?? '';
    },
    async publish(given, other = world) {
      const result = await publish(
        { models: ['digits'], image: [], platform: [], tag: [], insecure: [], cwd: clone, ...given },
        other,
      );
      return { ...result, document: result.document as PublishDocument };
    },
  };
}
