import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { layOutTar, readTar } from '../../src/container/image/tar.ts';
import {
  blobOfBytes,
  encodeManifest,
  type ImageRepository,
} from '../../src/container/registry/image-repository.ts';
import { type Descriptor, MEDIA_TYPES } from '../../src/container/registry/manifest.ts';
import { openRegistries, type Registries } from '../../src/container/registry/registries.ts';

/** Connections for tests: over plain HTTP, without credentials. */
export function plainRegistries(...hosts: readonly string[]): Registries {
  return openRegistries({
    explicit: [],
    environment: {},
    homeFolder: '/nonexistent',
    insecure: hosts,
    certificates: [],
    toolVersion: '0.0.0',
    sleep: async () => undefined,
    now: Date.now,
    random: Math.random,
  });
}

export async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Pushes an image with one small file for each architecture, as `<repository>:<tag>`: enough to build upon. */
export async function pushSmallBase(
  repository: ImageRepository,
  tag: string,
  architectures: readonly string[] = ['amd64', 'arm64'],
): Promise<string> {
  const manifests: Descriptor[] = [];
  for (const architecture of architectures) {
    const tar = layOutTar([
      { kind: 'folder', path: 'etc', mode: 0o755 },
      {
        kind: 'file',
        path: 'etc/architecture',
        mode: 0o644,
        content: { kind: 'bytes', bytes: Buffer.from(architecture) },
      },
    ]);
    const bytes = await collect(readTar(tar, 0, tar.sizeBytes, 65_536));
    const layer = blobOfBytes(gzipSync(bytes), MEDIA_TYPES.layerGzip);
    const config = blobOfBytes(
      Buffer.from(
        JSON.stringify({
          architecture,
          os: 'linux',
          config: {
            Env: ['PATH=/usr/local/bin:/usr/bin:/bin'],
            Entrypoint: ['/usr/local/bin/node'],
            Labels: { 'org.example.base': 'yes', 'org.opencontainers.image.version': 'of the base' },
          },
          rootfs: {
            type: 'layers',
            diff_ids: [`sha256:${createHash('sha256').update(bytes).digest('hex')}`],
          },
          history: [{ created_by: 'base' }],
        }),
      ),
      MEDIA_TYPES.config,
    );
    for (const blob of [layer, config]) await repository.pushBlob(blob);
    const manifest = encodeManifest({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.manifest,
      config: config.descriptor,
      layers: [layer.descriptor],
    });
    await repository.writeManifest(manifest);
    manifests.push({ ...manifest.descriptor, platform: { os: 'linux', architecture } });
  }
  const index = encodeManifest({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests });
  await repository.writeManifest(index, tag);
  return index.descriptor.digest;
}
