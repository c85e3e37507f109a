import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { promoteVersion } from '../../src/commands/registry/lifecycle.ts';
import { verifyImage } from '../../src/commands/verify-image.ts';
import { plainRegistries, pushSmallBase } from '../support/base-images.ts';
import {
  type ContainerRegistry,
  registryUser,
  startContainerRegistry,
} from '../support/container-registries.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/git-repositories.ts';
import { createPublishProject, fixtureModel } from '../support/publish-project.ts';
import { lacks } from '../support/requirements.ts';
import { makeSigningKeys } from '../support/signing-keys.ts';

const RULES = `version: 1
registry:
  promotion:
    production: { from: [staging], cases: true, approvers: [grace@example.com], approvals: 1 }
`;

describe.skipIf(lacks('docker-registry') || lacks('htpasswd') || lacks('runtime'))(
  'what publish says to do next',
  () => {
    let home: TemporaryFolder;
    let registry: ContainerRegistry;
    let options: Parameters<Awaited<ReturnType<typeof createPublishProject>>['publish']>[0];
    beforeAll(async () => {
      home = temporaryFolder();
      registry = await startContainerRegistry(home.path);
      await using registries = plainRegistries(registry.host);
      await pushSmallBase(registries.repository({ registry: registry.host, repository: 'base/node' }), '24');
      options = {
        baseImage: `${registry.host}/base/node:24`,
        insecure: [registry.host],
        platform: ['linux/amd64'],
      };
    });
    afterAll(async () => {
      await registry?.[Symbol.asyncDispose]();
      await home?.[Symbol.asyncDispose]();
    });
    const image = (name: string): string => `${registry.host}/acme/${name}`;
    const shared = () => ({ cacheFolder: join(home.path, 'cache') });

    test('where conditions are not met: the commands that meet them', async () => {
      await using folder = temporaryFolder();
      const project = await createPublishProject(folder.path, { ...shared(), configuration: RULES });
      await project.record('digits', {
        verdict: { gate: 'failed', policyDigest: 'd'.repeat(64), baseCommit: null },
      });
      const onto = { ...options, image: [image('conditions')] };
      const refused = await project.publish(onto);
      expect(refused.text).toContain('  quickserveml check --model digits --record always: records what');
      const outside = project.publish({ ...onto, models: [fixtureModel('fraud')] });
      await expect(outside).rejects.toMatchObject({
        message: expect.stringContaining('not in this repository'),
      });
      copyFileSync(fixtureModel('fraud'), join(project.clone, 'fraud.onnx'));
      const unknown = await project.publish({ ...onto, models: [join(project.clone, 'fraud.onnx')] });
      expect(unknown.text.match(/ check --model .*: records these bytes, if they pass\n/g)).toHaveLength(1);
      await project.record('digits-wide');
      const promoted = await project.publish({ ...onto, models: ['digits@1.1.0'], promote: 'production' });
      expect(promoted.exitCode).toBe(1);
      const steps = promoted.text.split('What to do:\n')[1]?.split('\n') ?? [];
      expect(steps).toEqual([
        '  quickserveml registry promote digits@1.1.0 --to staging: comes first',
        expect.stringContaining('  quickserveml check --model digits --record always: the same, once'),
        '  quickserveml registry promote digits@1.1.0 --to production --approve: by one of those who may',
      ]);
      const same = await promoteVersion({ selector: 'digits@1.1.0', cwd: project.clone }, project.world);
      expect(same.text.split('What to do:\n')[1]?.split('\n')).toEqual(steps);
    }, 60_000);

    test('where a tag would move: each tag with the reason', async () => {
      await using folder = temporaryFolder();
      const project = await createPublishProject(folder.path, shared());
      await project.record('digits');
      const onto = { ...options, image: [image('moved')] };
      await project.publish(onto);
      const { text } = await project.publish({ ...onto, created: '2026-01-01' });
      const [, created = ''] =
        /\| 1\.0\.0 +\| REFUSED: this version .* another time \(--created (\S+)\) +\|/.exec(text) ?? [];
      const { document } = await project.publish({ ...onto, created });
      expect(document.targets[0]?.tags.map(({ action }) => action)).toEqual(Array(3).fill('unchanged'));
      expect(text).toMatch(/\| 1 +\| REFUSED: it stands for another image of the same version +\|/);
      expect(text).toContain('--allow-move moves tags. For the same image again');
    }, 60_000);

    test('after a promotion or a rollback: which images are still another version', async () => {
      await using folder = temporaryFolder();
      const project = await createPublishProject(folder.path, shared());
      await project.record('digits');
      await project.record('digits-wide');
      const onto = { ...options, image: [image('behind')], promote: 'production' };
      for (const models of [['digits@1.0.0'], ['digits@1.1.0']]) await project.publish({ ...onto, models });
      const change = (more: object) =>
        promoteVersion({ selector: 'digits', cwd: project.clone, ...more }, project.world);
      const planned = await change({ rollback: true, dryRun: true });
      expect(planned.text).toBe('Would set digits back from 1.1.0 to 1.0.0.');
      const back = await change({ rollback: true });
      expect(back.text.split('\n').slice(1)).toEqual([
        `${image('behind')}:production is still 1.1.0. To move it:`,
        `  quickserveml publish digits@1.0.0 --image ${image('behind')}`,
      ]);
      expect(back.document).toMatchObject({
        imagesLeftBehind: [{ name: image('behind'), version: '1.1.0' }],
      });
      const { recorded } = (await project.publish({ ...onto, models: ['digits@1.0.0'] })).document;
      expect(recorded).toEqual(['digits 1.0.0']);
      const again = await change({ selector: 'digits@1.1.0', to: 'draft' });
      expect(again.text).toBe('Set digits 1.1.0 to draft.');
    }, 60_000);

    test('where a layout was written: how the image is called there', async () => {
      await using folder = temporaryFolder();
      const project = await createPublishProject(folder.path, shared());
      await project.record('digits', { model: 'models/digits' });
      const written = async (output: string): Promise<string> =>
        (await project.publish({ ...options, models: ['models/digits'], output: join(folder.path, output) }))
          .text;
      expect(await written('image.tar')).toContain('image.tar; it loads as localhost/models-digits:1.0.0\n');
      expect(await written('layout')).toContain('layout; tags 1.0.0, 1.0, 1\n');
    }, 60_000);

    test('where a registry wants a password: how it is told whose', async () => {
      await using folder = temporaryFolder();
      await using closed = await startContainerRegistry(folder.path, 'basic');
      const project = await createPublishProject(folder.path, shared());
      await project.record('digits');
      const { username, password } = registryUser;
      const env = {
        ...project.world.env,
        QUICKSERVEML_REGISTRY_USERNAME: username,
        QUICKSERVEML_REGISTRY_PASSWORD: password,
      };
      const world = { ...project.world, env };
      const insecure = [registry.host, closed.host];
      const name = `${closed.host}/acme/digits`;
      const both = { ...options, insecure, image: [name, image('open')] };
      await expect(project.publish(both, world)).rejects.toMatchObject({
        code: 'CONTAINER_REGISTRY_REFUSED',
        hint: expect.stringContaining(`QUICKSERVEML_REGISTRY_HOST=${closed.host} where there are several`),
      });
      expect((await project.publish({ ...both, image: [name] }, world)).exitCode).toBe(0);
      const key = makeSigningKeys(folder.path).publicKeyFile;
      const verification = { image: `${name}:1.0.0`, key, gate: [], insecure, cwd: folder.path };
      expect((await verifyImage(verification, world)).text).toContain('Nothing at all is attached.');
    }, 60_000);

    test('where the base image is out of reach: that it may be another', async () => {
      await using folder = temporaryFolder();
      const project = await createPublishProject(folder.path, shared());
      await project.record('digits');
      const baseImage = '127.0.0.1:1/base/node:24';
      await expect(
        project.publish({ ...options, image: [image('base')], baseImage, dryRun: true }),
      ).rejects.toMatchObject({
        code: 'CONTAINER_REGISTRY_UNREACHABLE',
        hint: expect.stringContaining('--base-image or publish.base-image'),
      });
    }, 60_000);
  },
);
