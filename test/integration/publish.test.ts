import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderDeployment } from '../../src/commands/deploy.ts';
import type { ImageRepository } from '../../src/container/registry/image-repository.ts';
import type { ImageManifest } from '../../src/container/registry/manifest.ts';
import { collect, plainRegistries, pushSmallBase } from '../support/base-images.ts';
import { type ContainerRegistry, startContainerRegistry } from '../support/container-registries.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/git-repositories.ts';
import { createPublishProject, fixtureModel } from '../support/publish-project.ts';
import { lacks } from '../support/requirements.ts';
import { testSurroundings } from '../support/surroundings.ts';

let home: TemporaryFolder;
let registry: ContainerRegistry;
let baseImage: string;
let baseDigest: string;

const repositoryOf = (name: string): ImageRepository =>
  plainRegistries(registry.host).repository({ registry: registry.host, repository: name });

const json = <T>(bytes: Uint8Array): T => JSON.parse(Buffer.from(bytes).toString('utf8')) as T;

/** Files of a layer by path. */
async function filesOf(
  bytes: Uint8Array,
): Promise<ReadonlyMap<string, { mode: number; uid: number; content: Buffer }>> {
  const files = new Map<string, { mode: number; uid: number; content: Buffer }>();
  const unpacking = extract();
  unpacking.end(gunzipSync(bytes));
  for await (const entry of unpacking) {
    const { name, mode = 0, uid = -1 } = entry.header;
    files.set(name, { mode, uid, content: await collect(entry as AsyncIterable<Uint8Array>) });
  }
  return files;
}

const skipped = lacks('docker-registry') || lacks('htpasswd') || lacks('runtime');

describe.skipIf(skipped)('publish', () => {
  beforeAll(async () => {
    home = temporaryFolder();
    registry = await startContainerRegistry(home.path);
    baseDigest = await pushSmallBase(repositoryOf('base/node'), '24');
    baseImage = `${registry.host}/base/node:24`;
  });
  afterAll(async () => {
    await registry?.[Symbol.asyncDispose]();
    await home?.[Symbol.asyncDispose]();
  });

  const shared = () => ({ cacheFolder: join(home.path, 'cache') });
  const onto = (name: string) => ({
    image: [`${registry.host}/acme/${name}`],
    baseImage,
    insecure: [registry.host],
  });

  // The runtime's layers are compressed here, which the tests after this one then find in the cache.
  test('puts a version that passed into an image for two platforms, under all its tags', {
    timeout: 240_000,
  }, async () => {
    await using folder = temporaryFolder();
    const project = await createPublishProject(folder.path, shared());
    await project.record('digits');
    const { document, exitCode, text } = await project.publish(onto('whole'));
    expect(text).toContain('Published digits 1.0.0');
    expect(exitCode).toBe(0);
    expect(document.pushes[0]).toMatchObject({ state: 'complete', tags: ['1.0.0', '1.0', '1'] });
    const repository = repositoryOf('acme/whole');
    const index = await repository.readManifest('1.0.0');
    expect(index?.descriptor.digest).toBe(document.image.digest);
    const { manifests, annotations } = json<{
      manifests: { digest: string; platform: { architecture: string } }[];
      annotations: Record<string, string>;
    }>(index!.bytes);
    expect(manifests.map(({ platform }) => platform.architecture)).toEqual(['amd64', 'arm64']);
    expect(annotations).toMatchObject({
      'org.opencontainers.image.version': '1.0.0',
      'org.opencontainers.image.title': 'digits',
      'org.opencontainers.image.base.digest': baseDigest,
      'org.opencontainers.image.revision': expect.stringMatching(/^[0-9a-f]{40}$/),
      'org.opencontainers.image.created': expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      'dev.quickserveml.model.digits.version': '1.0.0',
    });
    for (const { digest, platform } of manifests) {
      const manifest = json<ImageManifest>((await repository.readManifest(digest))!.bytes);
      const config = json<{
        architecture: string;
        config: Record<string, unknown> & { Entrypoint: string[]; Labels: Record<string, string> };
        rootfs: { diff_ids: string[] };
        history: object[];
      }>(await collect(repository.readBlob(manifest.config)));
      expect(config.architecture).toBe(platform.architecture);
      expect(config.config).toMatchObject({ User: '65532:65532', ExposedPorts: { '8000/tcp': {} } });
      expect(config.config.Entrypoint.slice(0, 2)).toEqual(['/usr/local/bin/node', '/app/serve.js']);
      expect(config.config.Labels).toMatchObject({
        'org.example.base': 'yes',
        'org.opencontainers.image.version': '1.0.0',
      });
      expect(config.rootfs.diff_ids).toHaveLength(manifest.layers.length);
      expect(config.history).toHaveLength(manifest.layers.length);
      const [, runtime, application, model] = await Promise.all(
        manifest.layers.map(async layer => filesOf(await collect(repository.readBlob(layer)))),
      );
      const library = [...runtime!].find(([path]) => path.endsWith('libonnxruntime.so.1'))?.[1].content;
      // ELF: 64 bits, little endian; e_machine 0x3e is x86-64, 0xb7 is AArch64.
      expect(library?.subarray(0, 6).toString('hex')).toBe('7f454c460201');
      expect(library?.readUInt16LE(18)).toBe(platform.architecture === 'amd64' ? 0x3e : 0xb7);
      expect([...application!.keys()]).toEqual([
        'app/',
        'app/chunks/',
        'app/chunks/one.js',
        'app/package.json',
        'app/serve.js',
        'app/worker.js',
      ]);
      const file = model!.get('models/digits/model.onnx');
      expect(file?.content).toEqual(readFileSync(fixtureModel('digits')));
      expect(file).toMatchObject({ mode: 0o644, uid: 0 });
    }
    const state = await project.registry.read({ models: ['digits'] });
    const deployment = state.models.get('digits')?.events.at(-1);
    expect(deployment).toMatchObject({
      kind: 'deployment',
      version: '1.0.0',
      forced: false,
      images: [
        { name: `${registry.host}/acme/whole`, digest: document.image.digest, tags: ['1.0.0', '1.0', '1'] },
      ],
    });

    const again = await project.publish(onto('whole'));
    expect(again.document.image.digest).toBe(document.image.digest);
    expect(again.document.pushes[0]).toMatchObject({ uploadedBytes: 0, blobs: { uploaded: 0, mounted: 0 } });
    expect(again.document.targets[0]?.tags.map(({ action }) => action)).toEqual([
      'unchanged',
      'unchanged',
      'unchanged',
    ]);
    expect(again.document.pushes[0]?.tags).toEqual(['1.0.0', '1.0', '1']);
    // What is recorded already is not recorded again.
    expect(again.document.recorded).toEqual([]);
    const other = await project.publish(onto('other'));
    expect(other.document.pushes[0]?.blobs['mounted']).toBe(2);
  });

  test('prints the plan with the digests that come out, and does nothing', async () => {
    await using folder = temporaryFolder();
    const project = await createPublishProject(folder.path, shared());
    await project.record('digits');
    const before = (await project.registry.read()).tip;
    const planned = await project.publish({ ...onto('planned'), dryRun: true });
    expect(planned.exitCode).toBe(0);
    expect(planned.text).toContain('Would publish digits 1.0.0');
    expect(planned.document.targets[0]?.tags).toMatchObject([
      { name: '1.0.0', action: 'create' },
      { name: '1.0', action: 'create' },
      { name: '1', action: 'create' },
    ]);
    expect(await repositoryOf('acme/planned').resolve('1.0.0')).toBeNull();
    expect((await project.registry.read()).tip).toBe(before);
    // `init` names a model by the folder that it has to itself: that is no file.
    mkdirSync(join(project.clone, 'digits'));
    const { document } = await project.publish(onto('planned'));
    expect(document.image).toEqual(planned.document.image);
  });

  test('refuses what did not pass, unless it is forced, which is recorded', async () => {
    await using folder = temporaryFolder();
    const project = await createPublishProject(folder.path, shared());
    await project.record('digits', {
      verdict: { gate: 'failed', policyDigest: 'd'.repeat(64), baseCommit: null },
    });
    const refused = await project.publish(onto('failed'));
    expect(refused.exitCode).toBe(1);
    expect(refused.document.models[0]?.conditions).toContainEqual(
      expect.objectContaining({ name: 'verdict', met: false, detail: expect.stringContaining('"failed"') }),
    );
    expect(await repositoryOf('acme/failed').resolve('1.0.0')).toBeNull();
    const forced = await project.publish({ ...onto('failed'), force: true, reason: 'the pager is ringing' });
    expect(forced.exitCode).toBe(0);
    expect(forced.text).toContain('forced');
    const events = (await project.registry.read({ models: ['digits'] })).models.get('digits')?.events;
    expect(events?.at(-1)).toMatchObject({
      kind: 'deployment',
      forced: true,
      port: 8000,
      reason: 'the pager is ringing',
    });
    const rendered = await renderDeployment(
      { target: 'compose', model: 'digits', cwd: project.clone },
      testSurroundings(),
    );
    expect(rendered.document).toMatchObject({
      warnings: [
        expect.stringMatching(
          /^The image of digits 1\.0\.0 was published by force; not met: verdict: .*"failed"/,
        ),
      ],
    });
  });

  test('holds inconclusive and unsigned verdicts against the configuration', async () => {
    await using folder = temporaryFolder();
    const configuration = `version: 1
defaults:
  publish: { gates: [passed, no-verdict], signature: true, platforms: [linux/amd64], base-image: ${baseImage} }
models:
  digits: { path: models/digits/model.onnx, publish: { image: ${registry.host}/acme/strict, port: 9000 } }
`;
    const project = await createPublishProject(folder.path, { ...shared(), configuration });
    const verdict = { policyDigest: 'd'.repeat(64), baseCommit: null };
    await project.record('digits', { verdict: { ...verdict, gate: 'no-verdict' } });
    const { document, exitCode } = await project.publish({ insecure: [registry.host] });
    expect(exitCode).toBe(1);
    expect(document.models[0]?.conditions).toMatchObject([
      { name: 'recorded', met: true },
      { name: 'verdict', met: true },
      { name: 'signature', met: false, detail: 'unsigned' },
    ]);
    const forced = await project.publish({ insecure: [registry.host], force: true });
    expect(forced.document.image.platforms.map(({ platform }) => platform)).toEqual(['linux/amd64']);
    expect(forced.document.targets[0]?.image).toBe(`${registry.host}/acme/strict`);
  });

  test('moves the tags of a line forward only, and a version never', async () => {
    await using folder = temporaryFolder();
    const project = await createPublishProject(folder.path, shared());
    await project.record('digits');
    await project.record('digits-wide');
    const actions = async (model: string, more = {}) => {
      const result = await project.publish({
        ...onto('tags'),
        models: [model],
        platform: ['linux/amd64'],
        ...more,
      });
      return [
        result.exitCode,
        Object.fromEntries(result.document.targets[0]?.tags.map(({ name, action }) => [name, action]) ?? []),
      ];
    };
    expect(await actions('digits@1.1.0')).toEqual([0, { '1.1.0': 'create', '1.1': 'create', '1': 'create' }]);
    expect(await actions('digits@1.0.0')).toEqual([0, { '1.0.0': 'create', '1.0': 'create', '1': 'keep' }]);
    // Another port is another image, of the same version.
    expect(await actions('digits@1.1.0', { port: 9000 })).toEqual([
      1,
      { '1.1.0': 'refuse', '1.1': 'refuse', '1': 'refuse' },
    ]);
    expect(await actions('digits@1.1.0', { port: 9000, allowMove: true })).toEqual([
      0,
      { '1.1.0': 'move', '1.1': 'move', '1': 'move' },
    ]);
    expect(await actions('digits@1.0.0', { tag: ['1.1.0'] })).toMatchObject([1, { '1.1.0': 'refuse' }]);
  });

  test('promotes and publishes in one run, and the channel’s tag follows', async () => {
    await using folder = temporaryFolder();
    const project = await createPublishProject(folder.path, shared());
    await project.record('digits');
    await project.record('digits-wide');
    const first = await project.publish({
      ...onto('channel'),
      models: ['digits@1.0.0'],
      promote: 'production',
    });
    expect(first.document).toMatchObject({ complete: true, promoted: 'written' });
    expect(first.document.pushes[0]?.tags).toContain('production');
    const second = await project.publish({
      ...onto('channel'),
      models: ['digits@1.1.0'],
      promote: 'production',
    });
    expect((await repositoryOf('acme/channel').resolve('production'))?.digest).toBe(
      second.document.image.digest,
    );
    const kinds = async (): Promise<readonly string[]> => {
      const state = await project.registry.read({ models: ['digits'] });
      return state.models.get('digits')?.events.map(({ kind }) => kind) ?? [];
    };
    expect(await kinds()).toEqual(['status', 'deployment', 'status', 'deployment']);
    // Going back: what a tag stands for again is as much a deployment as the first time, and is said once.
    const back = { ...onto('channel'), models: ['digits@1.0.0'], promote: 'production' };
    const { document } = await project.publish(back);
    expect(document.recorded).toEqual(['digits 1.0.0']);
    expect((await project.publish(back)).document.recorded).toEqual([]);
    expect((await kinds()).slice(4)).toEqual(['status', 'deployment']);
  });

  test('says of each registry what is out and what is not, and records what is', async () => {
    await using folder = temporaryFolder();
    await using broken = await startFaultProxy(registry.host, ({ method, path }) =>
      method === 'PUT' && path.includes('/broken/manifests/')
        ? { kind: 'answer', status: 503, body: '{"errors":[{"code":"UNAVAILABLE","message":"read-only"}]}' }
        : null,
    );
    const project = await createPublishProject(folder.path, shared());
    await project.record('digits');
    const result = await project.publish({
      ...onto('two'),
      image: [`${registry.host}/acme/two`, `${broken.host}/acme/broken`],
      insecure: [registry.host, broken.host],
    });
    expect(result.exitCode).toBe(3);
    expect(result.document.pushes).toMatchObject([
      { state: 'complete', tags: ['1.0.0', '1.0', '1'], error: null },
      { state: 'incomplete', tags: [], error: { code: 'CONTAINER_REGISTRY_FAILED' } },
    ]);
    expect(result.text).toContain(`${broken.host}/acme/broken: NOT out`);
    expect(result.text).toContain('UNAVAILABLE: read-only');
    const events = (await project.registry.read({ models: ['digits'] })).models.get('digits')?.events;
    expect(events?.at(-1)).toMatchObject({ images: [{ name: `${registry.host}/acme/two` }] });
  });

  test('says that the image is out where the registry branch cannot be written to', async () => {
    await using folder = temporaryFolder();
    const project = await createPublishProject(folder.path, shared());
    await project.record('digits');
    const hook = join(project.bare, 'hooks/pre-receive');
    writeFileSync(hook, '#!/bin/sh\necho "the branch is protected" >&2\nexit 1\n', { mode: 0o755 });
    const { document, exitCode, text } = await project.publish(onto('unrecorded'));
    expect(exitCode).toBe(3);
    expect(document).toMatchObject({
      complete: true,
      recorded: [],
      failure: { code: 'REGISTRY_WRITE_REFUSED' },
    });
    expect(text).toContain('acme/unrecorded: out, tags 1.0.0, 1.0, 1');
    expect(text).toContain('NOT recorded: ');
  });

  test('puts several models and external data into one image', async () => {
    await using folder = temporaryFolder();
    const project = await createPublishProject(folder.path, shared());
    await project.record('digits-external');
    cpSync(join(fixtureModel('fraud'), '..'), join(project.clone, 'models/fraud'), { recursive: true });
    const both = {
      models: ['digits', join(project.clone, 'models/fraud/model.onnx')],
      force: true,
      platform: ['linux/amd64'],
    };
    await expect(project.publish({ ...onto('several'), ...both })).rejects.toMatchObject({ code: 'USAGE' });
    await project.record('digits', { model: 'models-fraud' });
    const alike = { ...both, models: ['models-fraud', ...both.models.slice(1)], tag: ['2026.11'] };
    await expect(project.publish({ ...onto('several'), ...alike })).rejects.toMatchObject({
      message: '"models-fraud" and "models/fraud" would both be served as "models-fraud".',
    });
    const { document, exitCode } = await project.publish({ ...onto('several'), ...both, tag: ['2026.11'] });
    expect(exitCode).toBe(0);
    const repository = repositoryOf('acme/several');
    expect((await repository.resolve('2026.11'))?.digest).toBe(document.image.digest);
    const layers = document.image.platforms[0]!.layers.filter(({ from }) => from.startsWith('model '));
    const paths = await Promise.all(
      layers.map(async ({ digest, sizeBytes }) => [
        ...(
          await filesOf(await collect(repository.readBlob({ digest, size: sizeBytes, mediaType: '' })))
        ).keys(),
      ]),
    );
    expect(paths[0]).toContain('models/digits/model.onnx');
    expect(paths[0]!.filter(path => !path.endsWith('/')).length).toBeGreaterThan(1);
    expect(paths[1]?.at(-1)).toMatch(/fraud\/model\.onnx$/);
  });

  test('does not take a file that was changed for the one that passed', async () => {
    await using folder = temporaryFolder();
    const configuration = 'version: 1\nmodels:\n  digits: { path: models/digits/model.onnx }\n';
    const project = await createPublishProject(folder.path, { ...shared(), configuration });
    await project.record('digits');
    const file = join(project.clone, 'models/digits/model.onnx');
    const planned = { ...onto('changing'), models: [file], dryRun: true };
    expect((await project.publish(planned)).exitCode).toBe(0);
    const bytes = readFileSync(file);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(file, bytes);
    const { document, exitCode } = await project.publish(planned);
    expect(exitCode).toBe(1);
    expect(document.models[0]?.conditions[0]).toMatchObject({ name: 'recorded', met: false });
  });
});
