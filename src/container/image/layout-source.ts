import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { messageOf, QuickServeError } from '../../shared/errors.ts';
import type { ProofSource } from '../proof/attachment.ts';
import { digestMismatch } from '../registry/failure.ts';
import type { EncodedManifest } from '../registry/image-repository.ts';
import { type Descriptor, type ImageIndex, MEDIA_TYPES } from '../registry/manifest.ts';
import { isDigest } from '../registry/reference.ts';
import { parseIndex } from '../registry/referrers.ts';
import { REFERRERS_ANNOTATION } from './layout-output.ts';

/** Manifests, configurations and proofs are JSON below this; nothing larger is read. */
const LARGEST_DOCUMENT_BYTES = 16 * 2 ** 20;
const MOST_DOCUMENT_BYTES = 128 * 2 ** 20;
const REF_NAME = 'org.opencontainers.image.ref.name';

/** A document of a layout by its path in it; null: it is not there, or no document. */
type ReadDocument = (path: string) => Promise<Buffer | null>;

/** An OCI image layout that is read: what a registry tells of an image, from a folder or an archive. */
export interface LayoutSource extends ProofSource {
  /** Digest of the image of that tag or name; of the only one where `tag` is null. null: there is none such. */
  find(tag: string | null): string | null;
  /** The tags that its images have, each once. */
  tags(): readonly string[];
}

function unreadable(path: string, why: string, cause?: unknown): QuickServeError {
  return new QuickServeError({
    code: 'IMAGE_UNUSABLE',
    message: `${path} cannot be read as an OCI image layout: ${why}.`,
    hint: 'Name the folder or the .tar that `publish --output` wrote.',
    cause,
  });
}

const documentsOfFolder =
  (folder: string): ReadDocument =>
  async path => {
    const file = join(folder, path);
    const found = await stat(file).catch(() => null);
    return found?.isFile() && found.size <= LARGEST_DOCUMENT_BYTES ? readFile(file) : null;
  };

/** One pass over the archive: layers go by, JSON is kept. */
async function documentsOfArchive(file: string): Promise<ReadDocument> {
  const documents = new Map<string, Buffer>();
  let keptBytes = 0;
  const tar = extract();
  tar.on('entry', (header, stream, next) => {
    const chunks: Buffer[] = [];
    let isDocument = header.type === 'file' && (header.size ?? 0) <= LARGEST_DOCUMENT_BYTES;
    stream.on('data', chunk => {
      const bytes = chunk as Buffer;
      if (chunks.length === 0 && bytes[0] !== '{'.charCodeAt(0)) isDocument = false;
      if (isDocument) chunks.push(bytes);
    });
    stream.on('error', next);
    stream.on('end', () => {
      const bytes = Buffer.concat(chunks);
      keptBytes += bytes.length;
      if (isDocument) documents.set(header.name.replace(/^\.\//, ''), bytes);
      next(
        keptBytes > MOST_DOCUMENT_BYTES ? new RangeError('it has more JSON than an image can') : undefined,
      );
    });
  });
  await pipeline(createReadStream(file, { highWaterMark: 2 ** 20 }), tar);
  return async path => documents.get(path) ?? null;
}

function tagged(index: ImageIndex, tag: string | null): Descriptor | null {
  const images = index.manifests.filter(({ artifactType }) => artifactType === undefined);
  const digests = new Set(images.map(({ digest }) => digest));
  if (tag === null) return digests.size === 1 ? (images[0] ?? null) : null;
  return (
    images.find(({ annotations }) => {
      const name = annotations?.[REF_NAME];
      return name === tag || name?.endsWith(`:${tag}`);
    }) ?? null
  );
}

/**
 * Opens a layout: a folder, or an archive of one.
 * @param path absolute.
 * @throws QuickServeError IMAGE_UNUSABLE; what it reads later may throw IMAGE_DIGEST_MISMATCH.
 */
export async function openLayout(path: string): Promise<LayoutSource> {
  const found = await stat(path).catch((cause: unknown) => {
    throw unreadable(path, messageOf(cause), cause);
  });
  const read = found.isDirectory()
    ? documentsOfFolder(path)
    : await documentsOfArchive(path).catch((cause: unknown) => {
        throw unreadable(path, messageOf(cause), cause);
      });
  const bytes = await read('index.json');
  if (bytes === null) throw unreadable(path, 'it has no index.json');
  const index = parseIndex(bytes, `index.json of ${path}`);

  const document = async (digest: string): Promise<Buffer | null> => {
    if (!isDigest(digest)) return null;
    const content = await read(`blobs/${digest.replace(':', '/')}`);
    if (content === null) return null;
    const got = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    if (got !== digest) throw digestMismatch(`A blob of ${path}`, digest, got);
    return content;
  };
  const readManifest = async (digest: string): Promise<EncodedManifest | null> => {
    const content = await document(digest);
    if (content === null) return null;
    const mediaType: unknown = Object(JSON.parse(content.toString('utf8')))['mediaType'];
    return {
      bytes: content,
      descriptor: {
        mediaType: typeof mediaType === 'string' ? mediaType : MEDIA_TYPES.manifest,
        digest,
        size: content.length,
      },
    };
  };
  return {
    find: tag => tagged(index, tag)?.digest ?? null,
    tags() {
      const names = index.manifests.flatMap(({ annotations }) => annotations?.[REF_NAME] ?? []);
      return [...new Set(names.map(name => name.slice(name.lastIndexOf(':') + 1)))];
    },
    readManifest,
    async *readBlob({ digest }) {
      const content = await document(digest);
      if (content === null) throw new RangeError(`the layout does not have ${digest.slice(0, 19)}`);
      yield content;
    },
    async listReferrers() {
      const listed = index.manifests.filter(({ artifactType }) => artifactType !== undefined);
      const pointer = index.annotations?.[REFERRERS_ANNOTATION];
      const beside = pointer === undefined ? null : await document(pointer);
      return beside === null
        ? listed
        : [...listed, ...parseIndex(beside, `The list of referrers in ${path}`).manifests];
    },
  };
}
