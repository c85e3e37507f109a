import { chmodSync } from 'node:fs';
import { readTags } from '../../src/container/image/tags.ts';
import { openRegistries } from '../../src/container/registry/registries.ts';
import { plainRegistries, pushSmallBase } from './base-images.ts';
import {
  type ContainerRegistry,
  type RegistryFlavour,
  registryUser,
  startContainerRegistry,
} from './container-registries.ts';
import { type GitHttpServer, startGitHttpServer } from './git-http-server.ts';
import { temporaryFolder } from './git-repositories.ts';
import { createPublishProject, type PublishProject } from './publish-project.ts';

/**
 * What a job of a CI finds that publishes: a registry with a base image that anybody may read, one that wants a password,
 * and a project with a version that passed, whose repository is on HTTP.
 */
export interface PublishJob extends AsyncDisposable {
  readonly folder: string;
  readonly open: ContainerRegistry;
  /** Wants `registryUser`. */
  readonly closed: ContainerRegistry;
  /** In the open registry. */
  readonly baseImage: string;
  readonly project: PublishProject;
  readonly git: GitHttpServer;
  /** What a tag of the registry with a password stands for; null: nothing. */
  digestOf(repository: string, tag: string): Promise<string | null>;
  /** Annotations of the image behind a tag of that registry. */
  declaredBy(repository: string, tag: string): Promise<Readonly<Record<string, string>>>;
}

/**
 * @param gitUser `user:password` that may push; reading wants none.
 * @param base repository and tag of the base image.
 * @param flavour of the registry with a password.
 */
export async function startPublishJob(
  gitUser: string,
  {
    base = 'base/node:24',
    flavour = 'basic',
  }: { readonly base?: string; readonly flavour?: RegistryFlavour } = {},
): Promise<PublishJob> {
  const folder = temporaryFolder();
  chmodSync(folder.path, 0o755);
  const open = await startContainerRegistry(folder.path, 'plain');
  const closed = await startContainerRegistry(folder.path, flavour);
  const [repository = '', tag = ''] = base.split(':');
  await using plain = plainRegistries(open.host);
  await pushSmallBase(plain.repository({ registry: open.host, repository }), tag);
  const project = await createPublishProject(folder.path);
  await project.record('digits');
  const git = await startGitHttpServer(folder.path, { basicAuth: gitUser, publicRead: true });
  const authenticated = () =>
    openRegistries({
      explicit: [{ registry: closed.host, credentials: { kind: 'password', ...registryUser } }],
      environment: {},
      homeFolder: '/nonexistent',
      insecure: [closed.host],
      certificates: [],
      toolVersion: '0.0.0',
      sleep: async () => undefined,
      now: Date.now,
      random: Math.random,
    });
  return {
    folder: folder.path,
    open,
    closed,
    baseImage: `${open.host}/${base}`,
    project,
    git,
    async digestOf(name, wanted) {
      await using registries = authenticated();
      const found = await registries.repository({ registry: closed.host, repository: name }).resolve(wanted);
      return found?.digest ?? null;
    },
    async declaredBy(name, wanted) {
      await using registries = authenticated();
      const target = registries.repository({ registry: closed.host, repository: name });
      const tags = await readTags(target, [wanted]);
      return tags.get(wanted)?.declared ?? {};
    },
    async [Symbol.asyncDispose]() {
      await git[Symbol.asyncDispose]();
      await closed[Symbol.asyncDispose]();
      await open[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
