import { QuickServeError } from '../../shared/errors.ts';
import type { ImageRepository } from './image-repository.ts';
import { type Descriptor, isIndexType } from './manifest.ts';
import { formatReference, type ImageReference } from './reference.ts';
import { parseDescriptor, parseIndex } from './referrers.ts';

/** Manifests of an index that are looked into. */
const MOST_MANIFESTS = 32;

/** An artifact's layers, one file each as `oras push` makes them, under the digest that its name stands for. */
export interface Artifact {
  /** The reference with its digest: it names these bytes for good. */
  readonly pinned: string;
  readonly layers: readonly Descriptor[];
}

function notAnArtifact(shown: string): QuickServeError {
  return new QuickServeError({
    code: 'IMAGE_UNUSABLE',
    message: `${shown} is not a manifest with layers.`,
    hint: 'Something else was pushed there; look at it with `skopeo inspect --raw`.',
  });
}

function layersOf(bytes: Uint8Array, shown: string): readonly Descriptor[] {
  let parsed: unknown = null;
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    // Said below.
  }
  const listed: unknown =
    typeof parsed === 'object' && parsed !== null && 'layers' in parsed ? parsed.layers : null;
  if (!Array.isArray(listed)) throw notAnArtifact(shown);
  const layers = listed.map(parseDescriptor).filter(layer => layer !== null);
  if (layers.length !== listed.length) throw notAnArtifact(shown);
  return layers;
}

/**
 * Reads what an artifact is made of; of an index all its manifests.
 * @throws QuickServeError IMAGE_NOT_FOUND, IMAGE_UNUSABLE, IMAGE_DIGEST_MISMATCH, CONTAINER_REGISTRY_*.
 */
export async function readArtifact(
  repository: ImageRepository,
  reference: ImageReference,
): Promise<Artifact> {
  const shown = formatReference(reference);
  const manifest = await repository.readManifest(reference.digest ?? reference.tag ?? 'latest');
  if (manifest === null) {
    throw new QuickServeError({
      code: 'IMAGE_NOT_FOUND',
      message: `There is no ${shown}.`,
      hint: 'Check the name and the tag; what was deleted there is gone.',
    });
  }
  const { bytes, descriptor } = manifest;
  const pinned = formatReference({ ...reference, digest: descriptor.digest });
  if (!isIndexType(descriptor.mediaType)) return { pinned, layers: layersOf(bytes, shown) };
  const layers: Descriptor[] = [];
  for (const { digest } of parseIndex(bytes, shown).manifests.slice(0, MOST_MANIFESTS)) {
    const child = await repository.readManifest(digest);
    if (child !== null) layers.push(...layersOf(child.bytes, shown));
  }
  return { pinned, layers };
}
