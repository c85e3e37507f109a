import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { BlobSource } from '../registry/blob-upload.ts';
import { digestMismatch } from '../registry/failure.ts';
import { type Descriptor, MEDIA_TYPES } from '../registry/manifest.ts';
import { compressTar } from './code-gzip.ts';
import type { FactsCache } from './facts-cache.ts';
import {
  measureStoredGzip,
  readStoredGzip,
  type StoredGzipFacts,
  storedGzipSize,
  THREAD_FROM_BYTES,
} from './stored-gzip.ts';
import { layOutTar, readFileRange, readTar, type TarArchive, type TarEntry } from './tar.ts';

/** A layer of an image: its identity, and its bytes when somebody needs them. */
export interface ImageLayer extends BlobSource {
  /** `sha256:...` of the archive without compression. */
  readonly diffId: string;
  /** What `history` says of it. */
  readonly createdBy: string;
}

const PIECE_BYTES = 512 * 1024;

const layerDescriptor = (digest: string, size: number): Descriptor => ({
  mediaType: MEDIA_TYPES.layerGzip,
  digest,
  size,
});

/** Takes the bytes of a layer while they are hashed, then their digest. */
export interface LayerReceiver {
  write(bytes: Uint8Array): Promise<void>;
  digested(digest: string): void;
}

/**
 * A layer of files that do not compress (weights): stored, and made from the files again whenever it is read.
 * @param receive who wants the bytes of a layer of this size where they have to be hashed, and that takes a while; null: nobody.
 * @throws QuickServeError FILE_UNREADABLE.
 */
export async function storedLayer(
  entries: readonly TarEntry[],
  createdBy: string,
  cache: FactsCache,
  onProgress: (readBytes: number) => void,
  receive: (sizeBytes: number) => LayerReceiver | null = () => null,
): Promise<ImageLayer> {
  const archive = layOutTar(entries);
  const facts = await cache.remember<StoredGzipFacts>('stored-gzip-1', entries, async () => {
    const isLarge = archive.sizeBytes >= THREAD_FROM_BYTES;
    const receiver = isLarge ? receive(storedGzipSize(archive.sizeBytes)) : null;
    const measured = await measureStoredGzip(archive, onProgress, receiver?.write);
    receiver?.digested(measured.digest);
    return measured;
  });
  return {
    descriptor: layerDescriptor(facts.digest, facts.sizeBytes),
    diffId: facts.diffId,
    createdBy,
    open: (start, end) => readStoredGzip(archive, facts.crc, start, end),
  };
}

async function sha256OfTar(archive: TarArchive): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of readTar(archive, 0, archive.sizeBytes, PIECE_BYTES)) hash.update(piece);
  return `sha256:${hash.digest('hex')}`;
}

/** Digests of a gzip file and of what is in it; null where there is none, or it is damaged. */
async function inspectGzip(
  file: string,
): Promise<{ readonly digest: string; readonly diffId: string } | null> {
  const [outer, inner] = [createHash('sha256'), createHash('sha256')];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      inner.update(chunk);
      done();
    },
  });
  const source = createReadStream(file, { highWaterMark: PIECE_BYTES });
  source.on('data', chunk => outer.update(chunk));
  try {
    await pipeline(source, createGunzip(), sink);
  } catch {
    return null;
  }
  return { digest: `sha256:${outer.digest('hex')}`, diffId: `sha256:${inner.digest('hex')}` };
}

async function compressInto(archive: TarArchive, file: string): Promise<string> {
  const temporary = `${file}.${randomUUID()}`;
  const hash = createHash('sha256');
  try {
    await pipeline(
      async function* () {
        for await (const piece of compressTar(archive)) {
          hash.update(piece);
          yield piece;
        }
      },
      createWriteStream(temporary, { flags: 'wx' }),
    );
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
  return `sha256:${hash.digest('hex')}`;
}

const blobFile = (folder: string, digest: string): string =>
  join(folder, `${digest.slice('sha256:'.length)}.tar.gz`);

/**
 * A layer of code, compressed. The compressed file is kept in `folder` under the digest of its content, and used again
 * only where unpacking it gives exactly these bytes: a cache is no place to trust.
 * @throws QuickServeError FILE_UNREADABLE.
 */
export async function compressedLayer(
  entries: readonly TarEntry[],
  createdBy: string,
  folder: string,
): Promise<ImageLayer> {
  const archive = layOutTar(entries);
  const diffId = await sha256OfTar(archive);
  const file = blobFile(folder, diffId);
  const kept = await inspectGzip(file);
  let digest = kept?.diffId === diffId ? kept.digest : null;
  if (digest === null) {
    await mkdir(folder, { recursive: true });
    digest = await compressInto(archive, file);
  }
  return {
    descriptor: layerDescriptor(digest, (await stat(file)).size),
    diffId,
    createdBy,
    open: (start, end) => readFileRange(file, start, end, PIECE_BYTES),
  };
}

/** What a release knows of a layer before anybody has made it. */
export interface PinnedLayer {
  readonly digest: string;
  readonly size: number;
  readonly diffId: string;
}

async function hasDigest(file: string, { digest, size }: PinnedLayer): Promise<boolean> {
  const found = await stat(file).catch(() => null);
  if (found?.size !== size) return false;
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: PIECE_BYTES }), hash);
  return `sha256:${hash.digest('hex')}` === digest;
}

/**
 * A layer of code whose digest is known beforehand. Its files are asked for only where somebody lacks the layer and `folder`
 * does not have it from an earlier run.
 * @throws QuickServeError from `open`: those of `entries`, IMAGE_DIGEST_MISMATCH.
 */
export function pinnedLayer(
  pin: PinnedLayer,
  createdBy: string,
  folder: string,
  entries: () => Promise<readonly TarEntry[]>,
): ImageLayer {
  const file = blobFile(folder, pin.diffId);
  const make = async (): Promise<void> => {
    if (await hasDigest(file, pin)) return;
    await mkdir(folder, { recursive: true });
    const digest = await compressInto(layOutTar(await entries()), file);
    if (digest !== pin.digest) throw digestMismatch(`The layer of ${createdBy}`, pin.digest, digest);
  };
  let made: Promise<void> | null = null;
  return {
    descriptor: layerDescriptor(pin.digest, pin.size),
    diffId: pin.diffId,
    createdBy,
    async *open(start, end) {
      made ??= make();
      await made;
      yield* readFileRange(file, start, end, PIECE_BYTES);
    },
  };
}
