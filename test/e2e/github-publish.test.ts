import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openRegistries } from '../../src/container/registry/registries.ts';
import { plainRegistries, pushSmallBase } from '../support/base-images.ts';
import { registryUser, startContainerRegistry } from '../support/container-registries.ts';
import { startGitHttpServer } from '../support/git-http-server.ts';
import { git, temporaryFolder } from '../support/git-repositories.ts';
import { handOver, installCopy, runtimePath, unprivilegedUser } from '../support/installed-copy.ts';
import { createPublishProject } from '../support/publish-project.ts';
import { lacks } from '../support/requirements.ts';
import { runAction } from '../support/runner.ts';

const TOKEN = 'token-of-the-job-1234';

describe.skipIf(lacks('docker-registry') || lacks('htpasswd') || lacks('runtime'))('the Action', () => {
  test('publishes to a registry with a password, promotes, and shows what is out', async () => {
    await using folder = temporaryFolder();
    chmodSync(folder.path, 0o755);
    await using open = await startContainerRegistry(folder.path, 'plain');
    await using closed = await startContainerRegistry(folder.path, 'basic');
    await using registries = plainRegistries(open.host);
    await pushSmallBase(registries.repository({ registry: open.host, repository: 'base/node' }), '24');
    const project = await createPublishProject(folder.path);
    await project.record('digits');
    await using server = await startGitHttpServer(folder.path, {
      basicAuth: `x-access-token:${TOKEN}`,
      publicRead: true,
    });
    git(project.clone, 'remote', 'set-url', 'origin', `${server.url}/remote.git`);
    handOver(project.clone);
    const cache = join(folder.path, 'tool cache');
    mkdirSync(cache);
    handOver(cache);
    using copy = installCopy();
    const run = (inputs: Readonly<Record<string, string>>) =>
      runAction({
        actionPath: copy.folder,
        cwd: project.clone,
        token: TOKEN,
        user: unprivilegedUser,
        eventName: 'push',
        env: {
          GITHUB_REPOSITORY: 'acme/models',
          GITHUB_ACTOR: 'ada',
          RUNNER_TOOL_CACHE: cache,
        },
        inputs: {
          command: 'publish',
          models: 'digits@1.0.0',
          image: `${closed.host}/acme/digits`,
          platforms: 'linux/amd64',
          'base-image': `${open.host}/base/node:24`,
          'insecure-registries': `${open.host}\n${closed.host}`,
          'runtime-path': runtimePath,
          ...inputs,
        },
      });
    const refused = await run({});
    expect(refused.exitCode).toBe(3);
    // The token of the job is for GitHub's registry: no other one gets to see it.
    expect(closed.log()).not.toContain(TOKEN);
    expect(refused.stdout).toContain('CONTAINER_REGISTRY_REFUSED');

    const result = await run({
      'registry-username': registryUser.username,
      'registry-password': registryUser.password,
      promote: 'production',
      reason: 'digits-v1.0.0',
    });
    expect(result.stdout).toContain('Published digits 1.0.0');
    expect(result.exitCode).toBe(0);
    const { 'image-digest': digest = '', images = '', 'image-tags': tags = '' } = result.outputs;
    expect(JSON.parse(images)).toEqual([`${closed.host}/acme/digits@${digest}`]);
    expect(JSON.parse(tags)).toEqual(['1.0.0', '1.0', '1', 'production']);
    expect(result.summary).toContain(digest);
    expect(result.commands).toContainEqual(
      expect.objectContaining({ name: 'add-mask', data: registryUser.password }),
    );
    await using authenticated = openRegistries({
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
    const repository = authenticated.repository({ registry: closed.host, repository: 'acme/digits' });
    expect((await repository.resolve('production'))?.digest).toBe(digest);
    const state = await project.registry.read({ models: ['digits'] });
    expect(state.models.get('digits')?.events.at(-1)).toMatchObject({
      kind: 'deployment',
      reason: 'digits-v1.0.0',
      author: { name: 'ada' },
    });
    for (const text of [result.stdout, result.stderr, result.summary, JSON.stringify(result.outputs)]) {
      expect(text.replace(`::add-mask::${registryUser.password}`, '')).not.toContain(registryUser.password);
      expect(text.replace(`::add-mask::${TOKEN}`, '')).not.toContain(TOKEN);
    }
  });
});
