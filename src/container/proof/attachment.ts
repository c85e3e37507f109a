import { messageOf, QuickServeError } from '../../shared/errors.ts';
import type { BlobSource } from '../registry/blob-upload.ts';
import { blobOfBytes, type ImageRepository } from '../registry/image-repository.ts';
import { type Descriptor, EMPTY_CONFIG, type ImageManifest, MEDIA_TYPES } from '../registry/manifest.ts';
import { parseDescriptor } from '../registry/referrers.ts';
import { BUNDLE_MEDIA_TYPE } from './envelope.ts';

/** Where an image and what is attached to it can be read: a repository of a registry, or a layout. */
export type ProofSource = Pick<ImageRepository, 'readManifest' | 'readBlob' | 'listReferrers'>;

/** A signed statement: the bytes of its bundle, and what it says it is about. */
export interface SignedStatement {
  readonly predicateType: string;
  readonly bundle: Uint8Array;
}

/** Bundles of any version, as cosign looks for them. */
const BUNDLE_TYPE_PREFIX = 'application/vnd.dev.sigstore.bundle';
/** A bill of materials of a large image has a few MB. */
const LARGEST_BUNDLE_BYTES = 16 * 2 ** 20;
const MOST_BUNDLES = 100;

/** The config of every artifact, as bytes. */
export const emptyConfigBlob = (): BlobSource => blobOfBytes(Buffer.from('{}'), EMPTY_CONFIG.mediaType);

/**
 * A bundle in the form in which cosign 3 writes and reads it: an artifact with the bundle as its only layer.
 * @param subject the image.
 */
export function proofArtifact(
  { mediaType, digest, size }: Descriptor,
  { bundle, predicateType }: SignedStatement,
): { readonly manifest: ImageManifest; readonly layer: BlobSource } {
  const layer = blobOfBytes(bundle, BUNDLE_MEDIA_TYPE);
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    artifactType: BUNDLE_MEDIA_TYPE,
    config: EMPTY_CONFIG,
    layers: [layer.descriptor],
    subject: { mediaType, digest, size },
    annotations: {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': predicateType,
    },
  };
  return { manifest, layer };
}

/** Attaches bundles to an image that is in the repository. @throws QuickServeError CONTAINER_REGISTRY_*. */
export async function attachStatements(
  repository: ImageRepository,
  subject: Descriptor,
  statements: readonly SignedStatement[],
): Promise<readonly Descriptor[]> {
  const attached: Descriptor[] = [];
  if (statements.length > 0) await repository.pushBlob(emptyConfigBlob());
  for (const statement of statements) {
    const { manifest, layer } = proofArtifact(subject, statement);
    await repository.pushBlob(layer);
    attached.push(await repository.attach(manifest));
  }
  return attached;
}

/** A bundle as it was found; `bundle` is null where it could not be read, and `problem` says why. */
export interface FoundBundle {
  readonly digest: string;
  readonly bundle: unknown;
  readonly problem: string | null;
}

async function readJson(source: ProofSource, descriptor: Descriptor): Promise<unknown> {
  if (descriptor.size > LARGEST_BUNDLE_BYTES) throw new RangeError('it is larger than a bundle can be');
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.readBlob(descriptor)) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

function bundleLayer(bytes: Uint8Array): Descriptor {
  const manifest: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
  const layers = Object(manifest)['layers'];
  const layer = Array.isArray(layers) && layers.length === 1 ? parseDescriptor(layers[0]) : null;
  if (layer === null) throw new RangeError('its manifest has not exactly one layer');
  return layer;
}

/**
 * Every bundle that refers to the image. What is attached is anybody's who may push: it is read with limits, and what
 * cannot be read is said. @throws QuickServeError CONTAINER_REGISTRY_*, not for what is wrong with one of them.
 */
export async function readBundles(source: ProofSource, digest: string): Promise<readonly FoundBundle[]> {
  const referrers = await source.listReferrers(digest);
  const bundles = referrers.filter(({ artifactType }) => artifactType?.startsWith(BUNDLE_TYPE_PREFIX));
  const found: FoundBundle[] = [];
  for (const entry of bundles.slice(-MOST_BUNDLES)) {
    try {
      const manifest = await source.readManifest(entry.digest);
      if (manifest === null) throw new RangeError('it is listed and not there');
      const bundle = await readJson(source, bundleLayer(manifest.bytes));
      found.push({ digest: entry.digest, bundle, problem: null });
    } catch (thrown) {
      if (thrown instanceof QuickServeError && thrown.code.startsWith('CONTAINER_REGISTRY')) throw thrown;
      found.push({ digest: entry.digest, bundle: null, problem: messageOf(thrown) });
    }
  }
  return found;
}
