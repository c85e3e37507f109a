import { createHash } from 'node:crypto';
import type { BlobSource } from '../registry/blob-upload.ts';
import { digestMismatch } from '../registry/failure.ts';
import type { EncodedManifest, ImageRepository } from '../registry/image-repository.ts';
import type { Descriptor } from '../registry/manifest.ts';
import type { ComposedImage } from './composition.ts';

/** A blob of an image. Those of the base image may be mounted where they are. */
export interface ImageBlob extends BlobSource {
  readonly fromBase: boolean;
}

/** A layer of the base image, streamed out of its registry where it is needed. */
function baseBlob(base: ImageRepository, descriptor: Descriptor): ImageBlob {
  return {
    descriptor,
    fromBase: true,
    open: (start, end) =>
      start === 0 && end === descriptor.size
        ? base.readBlob(descriptor)
        : base.readBlobRange(descriptor, { start, end }),
  };
}

/** What a platform's part of an image is made of. */
export interface PlatformBlobs {
  readonly baseLayers: readonly Descriptor[];
  readonly own: readonly BlobSource[];
}

/** Every blob once, in the order of the platforms and their layers. */
export function blobsOfPlatforms(
  platforms: readonly PlatformBlobs[],
  base: ImageRepository,
): readonly ImageBlob[] {
  const blobs = new Map<string, ImageBlob>();
  const add = (blob: ImageBlob): void => {
    if (!blobs.has(blob.descriptor.digest)) blobs.set(blob.descriptor.digest, blob);
  };
  for (const { baseLayers, own } of platforms) {
    for (const descriptor of baseLayers) add(baseBlob(base, descriptor));
    for (const layer of own) {
      add({
        descriptor: layer.descriptor,
        fromBase: false,
        open: (start, end) => layer.open(start, end),
      });
    }
  }
  return [...blobs.values()];
}

/** Every blob of the image once. */
export const blobsOf = (image: ComposedImage, base: ImageRepository): readonly ImageBlob[] =>
  blobsOfPlatforms(
    image.platforms.map(({ baseLayers, ownLayers, config }) => ({ baseLayers, own: [...ownLayers, config] })),
    base,
  );

/** Manifests in the order in which they must be written: what refers to others comes after them. */
export const manifestsOf = (image: ComposedImage): readonly EncodedManifest[] => [
  ...image.platforms.map(({ manifest }) => manifest),
  image.index,
];

/** The bytes of a blob, which end with an error where they are not those of its digest. */
export async function* verified(blob: BlobSource): AsyncGenerator<Uint8Array, void> {
  const { digest, size } = blob.descriptor;
  const hash = createHash('sha256');
  for await (const piece of blob.open(0, size)) {
    hash.update(piece);
    yield piece;
  }
  const found = `sha256:${hash.digest('hex')}`;
  if (found !== digest) throw digestMismatch('A layer', digest, found);
}
