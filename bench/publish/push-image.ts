/**
 * The image part of `publish`, as a process: `push-image BASE TARGET APPLICATION MODEL CACHE LABEL PIN`. No gate and no record on
 * a git branch, which the tools it is compared with do not have either.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readBaseImages } from '../../src/container/image/base-image.ts';
import { blobsOfPlatforms } from '../../src/container/image/blob-list.ts';
import { composeImage } from '../../src/container/image/composition.ts';
import { openEarlyPush } from '../../src/container/image/early-push.ts';
import { openFactsCache } from '../../src/container/image/facts-cache.ts';
import { type PinnedLayer, pinnedLayer, storedLayer } from '../../src/container/image/layer.ts';
import { pushImage } from '../../src/container/image/push.ts';
import { readTags } from '../../src/container/image/tags.ts';
import { fileContent, foldersTo, type TarEntry } from '../../src/container/image/tar.ts';
import { parseReference } from '../../src/container/registry/reference.ts';
import { openRegistries } from '../../src/container/registry/registries.ts';

const [base = '', target = '', application = '', model = '', cache = '', label = '', pinned = ''] =
  process.argv.slice(2);
const [from, to] = [parseReference(base), parseReference(target)];

async function entriesOf(
  folder: string,
  files: readonly string[],
  prefix: string,
): Promise<readonly TarEntry[]> {
  const entries = files.map(async name => ({
    kind: 'file' as const,
    path: `${prefix}/${name}`,
    mode: 0o644,
    content: await fileContent(join(folder, name)),
  }));
  return [...foldersTo(files.map(name => `${prefix}/${name}`)), ...(await Promise.all(entries))];
}

await using registries = openRegistries({
  explicit: [],
  environment: {},
  homeFolder: cache,
  insecure: [from.registry, to.registry],
  certificates: [],
  toolVersion: 'bench',
  sleep: durationMs => new Promise(resolve => setTimeout(resolve, durationMs)),
  now: Date.now,
  random: Math.random,
});
const baseRepository = registries.repository(from);
const facts = openFactsCache(join(cache, 'facts'), Date.now);
const pin: PinnedLayer = JSON.parse(pinned);
const code = pinnedLayer(pin, 'application', join(cache, 'layers'), () =>
  entriesOf(application, readdirSync(application).sort(), 'app'),
);
const repository = registries.repository(to);
const isFirst = (await readTags(repository, [to.tag ?? 'latest'])).size === 0;
await using early = isFirst ? openEarlyPush(repository, baseRepository) : null;
const [[image], weights] = await Promise.all([
  readBaseImages(baseRepository, from, [
    { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' },
  ]).then(images => {
    early?.send(
      blobsOfPlatforms(
        images.map(({ layers }) => ({ baseLayers: layers, own: [code] })),
        baseRepository,
      ),
    );
    return images;
  }),
  entriesOf(join(model, '..'), [model.slice(model.lastIndexOf('/') + 1)], 'models/m').then(entries =>
    storedLayer(
      entries,
      'model',
      facts,
      () => undefined,
      sizeBytes => early?.receive(sizeBytes) ?? null,
    ),
  ),
]);
if (image === undefined) throw new Error('no base image');
const composed = composeImage(
  {
    models: [{ name: 'm', version: '1.0.0', sha256: '0'.repeat(64), path: '/models/m/model.onnx' }],
    version: '1.0.0',
    created: '2026-01-01T00:00:00Z',
    source: null,
    revision: label,
    port: 8000,
    command: ['/app/serve.js'],
    environment: [],
  },
  [{ base: image, layers: [code, weights] }],
);
const outcome = await pushImage(
  composed,
  baseRepository,
  { repository, tags: [to.tag ?? 'latest'], early },
  () => undefined,
);
if (outcome.error !== null) throw outcome.error;
process.stdout.write(JSON.stringify({ digest: outcome.digest, uploadedBytes: outcome.uploadedBytes }));
