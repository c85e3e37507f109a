import { appendFileSync, cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readBaseImages } from '../../src/container/image/base-image.ts';
import { blobsOf } from '../../src/container/image/blob-list.ts';
import { composeImage } from '../../src/container/image/composition.ts';
import { openEarlyPush } from '../../src/container/image/early-push.ts';
import { storedLayer } from '../../src/container/image/layer.ts';
import { pushImage } from '../../src/container/image/push.ts';
import { fileContent } from '../../src/container/image/tar.ts';
import { openRegistries } from '../../src/container/registry/registries.ts';
import { plainRegistries, pushSmallBase } from '../support/base-images.ts';
import {
  type RegistryFlavour,
  registryUser,
  startContainerRegistry,
} from '../support/container-registries.ts';
import { type Fault, type SeenRequest, startFaultProxy } from '../support/fault-proxy.ts';
import { bytesOf, sha256, temporaryFolder } from '../support/git-repositories.ts';
import { createPublishProject, fixtureModel } from '../support/publish-project.ts';
import { lacks } from '../support/requirements.ts';
import { imageFacts } from '../support/small-image.ts';

/** Enough to be sent while it is hashed. */
const LARGE_BYTES = 34 * 2 ** 20;
const noCache = { remember: <T>(_kind: string, _entries: unknown, compute: () => Promise<T>) => compute() };
const LONG = { timeout: 120_000 };

/** Pushes an image with a large model for the first time, through a proxy that may hurt requests. */
async function pushLarge(
  faultOf: (seen: SeenRequest) => Fault | null = () => null,
  flavour: RegistryFlavour = 'plain',
) {
  await using folder = temporaryFolder();
  await using registry = await startContainerRegistry(folder.path, flavour);
  await using proxy = await startFaultProxy(registry.host, faultOf);
  const open = (host: string) =>
    openRegistries({
      explicit: [{ registry: host, credentials: { kind: 'password', ...registryUser } }],
      environment: {},
      homeFolder: '/nonexistent',
      insecure: [host],
      certificates: [],
      toolVersion: '0.0.0',
      sleep: async () => undefined,
      now: Date.now,
      random: () => 0.5,
    });
  await using behind = open(registry.host);
  await pushSmallBase(behind.repository({ registry: registry.host, repository: 'base/node' }), '24');
  await using registries = open(flavour === 'tls' ? registry.host : proxy.host);
  const host = flavour === 'tls' ? registry.host : proxy.host;
  const reference = { registry: host, repository: 'base/node', tag: '24', digest: null };
  const base = registries.repository(reference);
  const repository = registries.repository({ registry: host, repository: 'acme/large' });
  const file = join(folder.path, 'model.onnx');
  writeFileSync(file, bytesOf('large', LARGE_BYTES));
  await using early = openEarlyPush(repository, base);
  const layer = await storedLayer(
    [{ kind: 'file', path: 'models/large/model.onnx', mode: 0o644, content: await fileContent(file) }],
    'model',
    noCache,
    () => undefined,
    early.receive,
  );
  const images = await readBaseImages(base, reference, [{ os: 'linux', architecture: 'amd64' }]);
  const image = composeImage(
    imageFacts('large'),
    images.map(each => ({ base: each, layers: [layer] })),
  );
  early.send(blobsOf(image, base).filter(({ fromBase }) => fromBase));
  const outcome = await pushImage(image, base, { repository, tags: ['1.0.0'], early }, () => undefined);
  const pushed = behind.repository({ registry: registry.host, repository: 'acme/large' });
  const hash = [];
  if (outcome.error === null) for await (const piece of pushed.readBlob(layer.descriptor)) hash.push(piece);
  return {
    outcome,
    layer: layer.descriptor.digest,
    stored: `sha256:${sha256(Buffer.concat(hash))}`,
    tagged: (await pushed.resolve('1.0.0'))?.digest ?? null,
    requests: proxy.requests,
  };
}

const isLarge = ({ sizeBytes }: SeenRequest): boolean => sizeBytes > LARGE_BYTES;

describe.skipIf(lacks('docker-registry') || lacks('htpasswd'))(
  'a layer that is sent while it is hashed',
  () => {
    test.each<RegistryFlavour>(['plain', 'basic', 'tls', 'token', 'relative'])(
      'arrives once and whole in a %s registry',
      LONG,
      async flavour => {
        const { outcome, stored, layer, tagged, requests } = await pushLarge(() => null, flavour);
        expect(outcome).toMatchObject({ state: 'complete', error: null, blobs: { exists: 0 } });
        expect(stored).toBe(layer);
        expect(tagged).toBe(outcome.digest);
        if (flavour !== 'tls')
          expect(requests.filter(isLarge).map(({ method }) => method)).toEqual(['PATCH']);
      },
    );

    test.each<readonly [string, Fault]>([
      ['refused', { kind: 'answer', status: 405 }],
      ['too large', { kind: 'answer', status: 413 }],
      ['refused for now', { kind: 'answer', status: 503 }],
      ['cut', { kind: 'cut-request', afterBytes: 5_000_000 }],
      ['cut at its first byte', { kind: 'cut-request', afterBytes: 0 }],
      ['damaged', { kind: 'change', body: bytes => Buffer.alloc(bytes.length) }],
      ['kept in part', { kind: 'change', answerHeaders: { range: '0-1000' } }],
      ['taken, and the answer lost', { kind: 'lose-answer' }],
    ])('is sent again in the usual way where it is %s', LONG, async (_name, fault) => {
      const { outcome, stored, layer, tagged, requests } = await pushLarge(seen =>
        seen.method === 'PATCH' && isLarge(seen) ? fault : null,
      );
      expect(outcome).toMatchObject({ state: 'complete', error: null });
      expect(stored).toBe(layer);
      expect(tagged).toBe(outcome.digest);
      expect(requests.filter(isLarge).map(({ method }) => method)).toEqual(['PATCH', 'PUT']);
      // What was begun is given up.
      expect(requests.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
    });

    test('is given up where nothing comes of the image', LONG, async () => {
      await using folder = temporaryFolder();
      await using registry = await startContainerRegistry(folder.path);
      await using proxy = await startFaultProxy(registry.host, () => null);
      await using registries = plainRegistries(proxy.host);
      const repository = registries.repository({ registry: proxy.host, repository: 'acme/given-up' });
      const receiver = await (async () => {
        await using early = openEarlyPush(repository, repository);
        const started = early.receive(LARGE_BYTES);
        await started?.write(bytesOf('part', 1_000_000));
        return started;
      })();
      // Whoever is still hashing is not held up.
      await receiver?.write(bytesOf('part', 1_000_000));
      expect(proxy.requests.map(({ method }) => method)).not.toContain('PUT');
      expect(await repository.hasBlob(`sha256:${sha256(bytesOf('part', 1_000_000))}`)).toBe(false);
    });

    test('is one of a first publish only', { timeout: 240_000 }, async () => {
      await using folder = temporaryFolder();
      await using registry = await startContainerRegistry(folder.path);
      await using registries = plainRegistries(registry.host);
      await pushSmallBase(registries.repository({ registry: registry.host, repository: 'base/node' }), '24');
      const project = await createPublishProject(folder.path);
      const file = join(project.clone, 'large.onnx');
      cpSync(fixtureModel('digits'), file);
      // A field that nobody knows, as later versions of the format may add: number 1000, so many bytes.
      const length = LARGE_BYTES;
      const varint = [];
      for (let rest = length; rest > 0; rest = Math.floor(rest / 128))
        varint.push((rest % 128) | (rest >= 128 ? 128 : 0));
      appendFileSync(file, Buffer.from([0xc2, 0x3e, ...varint]));
      appendFileSync(file, bytesOf('field', length));
      const publish = (tag: string, cache: string, dryRun = false) =>
        project.publish(
          {
            models: ['large.onnx'],
            image: [`${registry.host}/acme/first`],
            baseImage: `${registry.host}/base/node:24`,
            platform: ['linux/amd64'],
            insecure: [registry.host],
            tag: [tag],
            allowMove: true,
            force: true,
            dryRun,
          },
          { ...project.world, cacheFolder: join(folder.path, cache) },
        );
      const patches = (): number => registry.log().match(/"PATCH /g)?.length ?? 0;
      expect((await publish('one', 'cold', true)).exitCode).toBe(0);
      expect(patches()).toBe(0);
      const first = await publish('one', 'other');
      expect(first).toMatchObject({ exitCode: 0, document: { complete: true } });
      expect(patches()).toBe(1);
      // The tag is there: what is hashed first is found to be there too.
      const again = await publish('one', 'third');
      expect(again.document.image.digest).toBe(first.document.image.digest);
      expect(patches()).toBe(1);
    });
  },
);
