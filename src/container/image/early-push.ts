import type { BlobOutcome } from '../registry/blob-upload.ts';
import type { ImageRepository } from '../registry/image-repository.ts';
import type { StreamedUpload } from '../registry/streamed-upload.ts';
import type { ImageBlob } from './blob-list.ts';
import type { LayerReceiver } from './layer.ts';

/**
 * Blobs that go to a repository while the image is still being made. A repository keeps blobs that no manifest names until it
 * is cleaned up, so this is for images that will be pushed there for certain.
 */
export interface EarlyPush extends AsyncDisposable {
  /** Begins to send blobs whose digests are known. */
  send(blobs: readonly ImageBlob[]): void;
  /** Sends a layer of this size while it is hashed; null: enough are being sent. */
  receive(sizeBytes: number): LayerReceiver | null;
  /** What became of a blob; null: it was not sent, or did not arrive. @throws QuickServeError CONTAINER_REGISTRY_*. */
  outcome(digest: string): Promise<BlobOutcome | null>;
}

/** As many as browsers and other clients have at a time. */
export const PARALLEL_UPLOADS = 4;

/** Runs the work for every item, so many at a time; after a failure no more are begun. */
export async function inParallel<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  let failure: { readonly error: unknown } | null = null;
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined && failure === null; item = waiting.shift()) {
      try {
        await work(item);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  const failed = failure as { readonly error: unknown } | null;
  if (failed !== null) throw failed.error;
}

/** Where in the same registry a blob is already; null: nowhere that is known. */
export const mountSource = (
  blob: ImageBlob,
  base: ImageRepository,
  repository: ImageRepository,
): string | null => (blob.fromBase && base.registry === repository.registry ? base.name : null);

/** Half of the uploads may be layers that are being hashed. */
const STREAMED_AT_A_TIME = PARALLEL_UPLOADS / 2;

/** @param base the repository of the base image. */
export function openEarlyPush(repository: ImageRepository, base: ImageRepository): EarlyPush {
  const sent = new Map<string, Promise<BlobOutcome>>();
  const uploads: StreamedUpload[] = [];
  const streamed = new Map<string, StreamedUpload>();
  let sending: Promise<void> = Promise.resolve();
  return {
    send(blobs) {
      const limit = PARALLEL_UPLOADS - STREAMED_AT_A_TIME;
      const work = inParallel(blobs, limit, async blob => {
        const outcome = repository.pushBlob(blob, { mountFrom: mountSource(blob, base, repository) });
        sent.set(blob.descriptor.digest, outcome);
        await outcome;
      });
      // A failure is told to who asks for the blob.
      sending = Promise.all([sending, work.catch(() => undefined)]).then(() => undefined);
    },
    receive(sizeBytes) {
      if (uploads.length >= STREAMED_AT_A_TIME) return null;
      const upload = repository.streamBlob(sizeBytes);
      uploads.push(upload);
      return {
        write: bytes => upload.write(bytes),
        digested(digest) {
          streamed.set(digest, upload);
        },
      };
    },
    async outcome(digest) {
      const upload = streamed.get(digest);
      if (upload !== undefined) return (await upload.finish(digest)) ? 'uploaded' : null;
      await sending;
      return (await sent.get(digest)) ?? null;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(uploads.map(upload => upload.abandon()));
      await sending;
    },
  };
}
