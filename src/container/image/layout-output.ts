import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf, QuickServeError } from '../../shared/errors.ts';
import { emptyConfigBlob, proofArtifact, type SignedStatement } from '../proof/attachment.ts';
import type { BlobSource } from '../registry/blob-upload.ts';
import { blobOfBytes, encodeManifest, type ImageRepository } from '../registry/image-repository.ts';
import { type Descriptor, MEDIA_TYPES } from '../registry/manifest.ts';
import { blobsOf, manifestsOf, verified } from './blob-list.ts';
import type { ComposedImage } from './composition.ts';
import { foldersTo, layOutTar, readTar, type TarEntry } from './tar.ts';

/** An OCI image layout (image specification, "image-layout"): a folder, or one archive of it. */
export interface LayoutOutput {
  readonly kind: 'folder' | 'archive';
  /** Absolute. */
  readonly path: string;
  /** Full names under which clients load it. */
  readonly names: readonly string[];
}

const MARKER = 'oci-layout';
const MARKER_BYTES = Buffer.from('{"imageLayoutVersion":"1.0.0"}');
const PIECE_BYTES = 512 * 1024;
/** Of index.json: the digest of an index of what refers to the image, where that is not listed beside it. */
export const REFERRERS_ANNOTATION = 'dev.quickserveml.referrers';

/** What is attached to the image: its blobs, the list of them, and how index.json leads there. */
interface Attached {
  readonly blobs: readonly BlobSource[];
  readonly entries: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

function unwritable(path: string, why: string, cause?: unknown): QuickServeError {
  return new QuickServeError({
    code: 'OUTPUT_UNWRITABLE',
    message: `The image cannot be written to ${path}: ${why}.`,
    hint: 'Name a new or empty folder, an OCI layout, or a file that ends in .tar.',
    cause,
  });
}

const tagOf = (name: string): string => name.slice(name.lastIndexOf(':') + 1);

/**
 * In a folder whose images have names the proofs are entries of index.json, where clients that copy referrers look for them.
 * An archive is loaded only with one entry: there an annotation leads to the list.
 */
function attachedOf(
  image: ComposedImage,
  proofs: readonly SignedStatement[],
  { kind, names }: LayoutOutput,
): Attached {
  if (proofs.length === 0) return { blobs: [], entries: [], annotations: {} };
  const blobs: BlobSource[] = [emptyConfigBlob()];
  const entries = proofs.map((proof): Descriptor => {
    const { manifest, layer } = proofArtifact(image.index.descriptor, proof);
    const { bytes, descriptor } = encodeManifest(manifest);
    blobs.push(layer, blobOfBytes(bytes, descriptor.mediaType));
    const { artifactType, annotations } = manifest;
    return {
      ...descriptor,
      ...(artifactType ? { artifactType } : {}),
      ...(annotations ? { annotations } : {}),
    };
  });
  if (kind === 'folder' && names.length > 0) return { blobs, entries, annotations: {} };
  const list = encodeManifest({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: entries });
  blobs.push(blobOfBytes(list.bytes, MEDIA_TYPES.index));
  return { blobs, entries: [], annotations: { [REFERRERS_ANNOTATION]: list.descriptor.digest } };
}

/**
 * index.json: the image under each of its names, or without one. In a folder clients choose by the tag; an archive is loaded
 * as a whole, so it has one entry with the whole name, as podman writes and reads it.
 */
function layoutIndex(image: ComposedImage, { kind, names }: LayoutOutput, attached: Attached): Buffer {
  const used = kind === 'archive' ? names.slice(0, 1) : names;
  const named = used.map(name => ({
    ...image.index.descriptor,
    annotations: {
      'io.containerd.image.name': name,
      'org.opencontainers.image.ref.name': kind === 'archive' ? name : tagOf(name),
    },
  }));
  const { entries, annotations } = attached;
  const manifests = [...(named.length > 0 ? named : [image.index.descriptor]), ...entries];
  const index = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.index,
    manifests,
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
  return Buffer.from(JSON.stringify(index));
}

const blobPathOf = (digest: string): string => `blobs/${digest.replace(':', '/')}`;

/** All content of the layout but its index. */
const contentOf = (
  image: ComposedImage,
  base: ImageRepository,
  attached: Attached,
): readonly BlobSource[] => [
  ...blobsOf(image, base),
  ...manifestsOf(image).map(({ bytes, descriptor }) => blobOfBytes(bytes, descriptor.mediaType)),
  ...attached.blobs,
];

async function refuseForeignFolder(path: string): Promise<void> {
  const names = await readdir(path).catch(() => []);
  if (names.length === 0) return;
  const marker = await readFile(join(path, MARKER), 'utf8').catch(() => '');
  if (!marker.includes('imageLayoutVersion')) throw unwritable(path, 'it holds something else');
}

async function writeFolder(
  image: ComposedImage,
  base: ImageRepository,
  output: LayoutOutput,
  attached: Attached,
): Promise<void> {
  const { path } = output;
  await refuseForeignFolder(path);
  await mkdir(join(path, 'blobs/sha256'), { recursive: true });
  for (const blob of contentOf(image, base, attached)) {
    const file = join(path, blobPathOf(blob.descriptor.digest));
    const there = await stat(file).catch(() => null);
    // Blobs get their name only once they are whole.
    if (there?.size === blob.descriptor.size) continue;
    const temporary = join(path, 'blobs', `.${randomUUID()}`);
    try {
      await pipeline(verified(blob), createWriteStream(temporary, { flags: 'wx' }));
      await rename(temporary, file);
    } finally {
      await rm(temporary, { force: true });
    }
  }
  await writeFile(join(path, MARKER), MARKER_BYTES);
  const index = join(path, `.index.json.${randomUUID()}`);
  await writeFile(index, layoutIndex(image, output, attached));
  await rename(index, join(path, 'index.json'));
}

async function writeArchive(
  image: ComposedImage,
  base: ImageRepository,
  output: LayoutOutput,
  attached: Attached,
): Promise<void> {
  const file = (path: string, bytes: Uint8Array): TarEntry => ({
    kind: 'file',
    path,
    mode: 0o644,
    content: { kind: 'bytes', bytes },
  });
  const blobs = contentOf(image, base, attached).map(
    (blob): TarEntry => ({
      kind: 'file',
      path: blobPathOf(blob.descriptor.digest),
      mode: 0o644,
      content: { kind: 'stream', sizeBytes: blob.descriptor.size, open: () => verified(blob) },
    }),
  );
  const index = file('index.json', layoutIndex(image, output, attached));
  const files = [file(MARKER, MARKER_BYTES), index, ...blobs];
  const archive = layOutTar([...foldersTo(files.map(({ path }) => path)), ...files]);
  const temporary = `${output.path}.${randomUUID()}`;
  try {
    await mkdir(dirname(output.path), { recursive: true });
    await pipeline(
      readTar(archive, 0, archive.sizeBytes, PIECE_BYTES),
      createWriteStream(temporary, { flags: 'wx' }),
    );
    await rename(temporary, output.path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/**
 * Writes the image as an OCI layout; every blob is verified on its way. The index comes last, so that an interrupted run
 * leaves no image that lacks anything.
 * @param proofs what is attached to it.
 * @throws QuickServeError OUTPUT_UNWRITABLE, IMAGE_DIGEST_MISMATCH, CONTAINER_REGISTRY_* for layers of the base image.
 */
export async function writeLayout(
  image: ComposedImage,
  base: ImageRepository,
  output: LayoutOutput,
  proofs: readonly SignedStatement[],
): Promise<void> {
  try {
    const attached = attachedOf(image, proofs, output);
    await (output.kind === 'folder' ? writeFolder : writeArchive)(image, base, output, attached);
  } catch (error) {
    if (error instanceof QuickServeError) throw error;
    throw unwritable(output.path, messageOf(error), error);
  }
}
