import { verified } from '../../src/container/image/blob-list.ts';
import type { TarEntry } from '../../src/container/image/tar.ts';
import {
  type EncodedManifest,
  encodeManifest,
  type ImageRepository,
} from '../../src/container/registry/image-repository.ts';
import { type Descriptor, isIndexType, MEDIA_TYPES } from '../../src/container/registry/manifest.ts';
import type { ImageReference } from '../../src/container/registry/reference.ts';
import { parseDescriptor, parseIndex } from '../../src/container/registry/referrers.ts';
import { sha256Of } from './files.ts';

/** A file of an OCI layout with the digest that its bytes have. */
export interface LayoutFile {
  readonly entry: TarEntry & { readonly kind: 'file' };
  readonly sha256: string;
}

async function manifestsFor(
  repository: ImageRepository,
  image: ImageReference,
  architectures: readonly string[],
): Promise<readonly { readonly manifest: EncodedManifest; readonly descriptor: Descriptor }[]> {
  const found = await repository.readManifest(image.digest ?? image.tag ?? 'latest');
  if (found === null) throw new Error('the base image does not exist');
  if (!isIndexType(found.descriptor.mediaType)) return [{ manifest: found, descriptor: found.descriptor }];
  const { manifests } = parseIndex(found.bytes, 'The base image');
  return Promise.all(
    architectures.map(async architecture => {
      const descriptor = manifests.find(
        ({ platform }) => platform?.os === 'linux' && platform.architecture === architecture,
      );
      const manifest = descriptor === undefined ? null : await repository.readManifest(descriptor.digest);
      if (descriptor === undefined || manifest === null) {
        throw new Error(`the base image is not there for linux/${architecture}`);
      }
      return { manifest, descriptor };
    }),
  );
}

function blobsIn(manifest: EncodedManifest): readonly Descriptor[] {
  const { config, layers }: { readonly config: unknown; readonly layers: readonly unknown[] } = JSON.parse(
    Buffer.from(manifest.bytes).toString('utf8'),
  );
  return [config, ...layers].map(entry => {
    const descriptor = parseDescriptor(entry);
    if (descriptor === null) throw new Error('a manifest of the base image names no blob');
    return descriptor;
  });
}

/**
 * An image for some architectures as an OCI layout (image specification, "image-layout"), its manifests as they are in the
 * registry: a registry that it is copied to has them under the same digests. Layers are streamed when the entry is read.
 */
export async function baseLayout(
  repository: ImageRepository,
  image: ImageReference,
  architectures: readonly string[],
): Promise<readonly LayoutFile[]> {
  const files = new Map<string, LayoutFile>();
  const add = (path: string, sha256: string, content: LayoutFile['entry']['content']): void => {
    files.set(path, { sha256, entry: { kind: 'file', path, mode: 0o644, content } });
  };
  const addBlob = (digest: string, content: LayoutFile['entry']['content']): void =>
    add(`blobs/${digest.replace(':', '/')}`, digest.slice('sha256:'.length), content);

  const images = await manifestsFor(repository, image, architectures);
  const index = encodeManifest({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.index,
    manifests: images.map(({ descriptor }) => descriptor),
  });
  const layoutIndex = encodeManifest({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.index,
    manifests: [{ ...index.descriptor, annotations: { 'org.opencontainers.image.ref.name': 'base' } }],
  });
  const marker = Buffer.from('{"imageLayoutVersion":"1.0.0"}');
  add('oci-layout', sha256Of(marker), { kind: 'bytes', bytes: marker });
  add('index.json', layoutIndex.descriptor.digest.slice('sha256:'.length), {
    kind: 'bytes',
    bytes: layoutIndex.bytes,
  });
  addBlob(index.descriptor.digest, { kind: 'bytes', bytes: index.bytes });
  for (const { manifest } of images) {
    addBlob(manifest.descriptor.digest, { kind: 'bytes', bytes: manifest.bytes });
    for (const blob of blobsIn(manifest)) {
      const open = (): AsyncIterable<Uint8Array> =>
        verified({ descriptor: blob, open: () => repository.readBlob(blob) });
      addBlob(blob.digest, { kind: 'stream', sizeBytes: blob.size, open });
    }
  }
  return [...files.values()];
}
