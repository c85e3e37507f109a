import { QuickServeError } from '../../shared/errors.ts';
import type { BlobOutcome } from '../registry/blob-upload.ts';
import type { ImageRepository } from '../registry/image-repository.ts';
import type { Descriptor } from '../registry/manifest.ts';
import { blobsOf, type ImageBlob, manifestsOf } from './blob-list.ts';
import type { ComposedImage } from './composition.ts';
import { type EarlyPush, inParallel, mountSource, PARALLEL_UPLOADS } from './early-push.ts';

export interface PushTarget {
  readonly repository: ImageRepository;
  /** Tags to set, in this order. */
  readonly tags: readonly string[];
  /** What was sent there before the image was whole; null: nothing. */
  readonly early?: EarlyPush | null;
  /** What has to be attached to the image before a tag stands for it. */
  readonly beforeTags?: (image: Descriptor) => Promise<void>;
}

/** How far a push got. What is not in the list of tags still stands for what it stood for before. */
export interface PushOutcome {
  readonly registry: string;
  readonly repository: string;
  readonly digest: string;
  /** `complete`: all tags are set; `untagged`: the image is there, some tags are not; `incomplete`: blobs or manifests lack. */
  readonly state: 'complete' | 'untagged' | 'incomplete';
  readonly tags: readonly string[];
  readonly blobs: Readonly<Record<BlobOutcome, number>>;
  readonly uploadedBytes: number;
  readonly error: QuickServeError | null;
}

export interface PushProgress {
  readonly registry: string;
  readonly sentBytes: number;
  /** Of all blobs; those that turn out to be there count as sent. */
  readonly totalBytes: number;
}

/**
 * Pushes an image: blobs, then the manifests of the platforms, then the index by its digest, then
 * what is attached to it, then the tags, so that no
 * tag ever stands for something incomplete. A QuickServeError ends it and is part of the outcome.
 * @param base the repository of the base image: mounted from where it is in the same registry.
 */
export async function pushImage(
  image: ComposedImage,
  base: ImageRepository,
  target: PushTarget,
  onProgress: (progress: PushProgress) => void,
): Promise<PushOutcome> {
  const { repository } = target;
  const { registry } = repository;
  const blobs = blobsOf(image, base);
  const totalBytes = blobs.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  const sent = new Map<string, number>();
  const counts: Record<BlobOutcome, number> = { exists: 0, mounted: 0, uploaded: 0 };
  let uploadedBytes = 0;
  const tags: string[] = [];
  const digest = image.index.descriptor.digest;
  let state: PushOutcome['state'] = 'incomplete';
  const report = (blob: ImageBlob, sentBytes: number): void => {
    sent.set(blob.descriptor.digest, sentBytes);
    onProgress({
      registry,
      totalBytes,
      sentBytes: [...sent.values()].reduce((sum, bytes) => sum + bytes, 0),
    });
  };
  let error: QuickServeError | null = null;
  try {
    await inParallel(blobs, PARALLEL_UPLOADS, async blob => {
      const outcome =
        (await target.early?.outcome(blob.descriptor.digest)) ??
        (await repository.pushBlob(blob, {
          mountFrom: mountSource(blob, base, repository),
          onProgress: sentBytes => report(blob, sentBytes),
        }));
      counts[outcome] += 1;
      if (outcome === 'uploaded') uploadedBytes += blob.descriptor.size;
      report(blob, blob.descriptor.size);
    });
    for (const manifest of manifestsOf(image)) await repository.writeManifest(manifest);
    state = 'untagged';
    await target.beforeTags?.(image.index.descriptor);
    for (const tag of target.tags) {
      await repository.writeManifest(image.index, tag);
      tags.push(tag);
    }
    state = 'complete';
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError)) throw thrown;
    error = thrown;
  }
  return { registry, repository: repository.name, digest, state, tags, blobs: counts, uploadedBytes, error };
}
