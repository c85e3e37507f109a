import { readBaseImages } from '../../src/container/image/base-image.ts';
import { type ComposedImage, composeImage } from '../../src/container/image/composition.ts';
import { storedLayer } from '../../src/container/image/layer.ts';
import type { ImageRepository } from '../../src/container/registry/image-repository.ts';
import type { ImageReference } from '../../src/container/registry/reference.ts';
import { bytesOf } from './git-repositories.ts';

/** What an image of one model says of itself. */
export const imageFacts = (model: string): Parameters<typeof composeImage>[0] => ({
  models: [{ name: model, version: '1.0.0', sha256: 'a'.repeat(64), path: `/models/${model}/model.onnx` }],
  version: '1.0.0',
  created: '2026-01-01T00:00:00Z',
  source: null,
  revision: null,
  port: 8000,
  command: ['/app/serve.js'],
  environment: [],
});

/** An image of four layers for amd64 and arm64 on a base image of the registry; always the same. */
export async function composeSmallImage(
  base: ImageRepository,
  reference: ImageReference,
): Promise<ComposedImage> {
  const noCache = { remember: <T>(_kind: string, _entries: unknown, compute: () => Promise<T>) => compute() };
  const layer = (path: string, sizeBytes: number) =>
    storedLayer(
      [{ kind: 'file', path, mode: 0o644, content: { kind: 'bytes', bytes: bytesOf(path, sizeBytes) } }],
      path,
      noCache,
      () => undefined,
    );
  const platforms = ['amd64', 'arm64'].map(architecture => ({ os: 'linux', architecture }));
  const images = await readBaseImages(base, reference, platforms);
  const layers = [
    await layer('app/node_modules/runtime.so', 50_000),
    await layer('app/serve.js', 20_000),
    await layer('models/digits/model.onnx', 300_000),
    await layer('models/fraud/model.onnx', 30_000),
  ];
  return composeImage(
    imageFacts('digits'),
    images.map(image => ({ base: image, layers })),
  );
}
