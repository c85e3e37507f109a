import { QuickServeError } from '../../shared/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/json-object.ts';
import type { EncodedManifest, ImageRepository } from '../registry/image-repository.ts';
import { type Descriptor, isIndexType, MEDIA_TYPES, type Platform } from '../registry/manifest.ts';
import { formatReference, type ImageReference } from '../registry/reference.ts';
import { parseDescriptor, parseIndex } from '../registry/referrers.ts';

/** What an image says of itself that an image on top of it takes over. */
export interface BaseConfig {
  readonly environment: readonly string[];
  readonly entrypoint: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly diffIds: readonly string[];
  readonly history: readonly object[];
}

/** The base image for one platform. */
export interface BaseImage {
  /** With the digest of what the name stood for: an index, or a manifest. */
  readonly reference: ImageReference;
  readonly platform: Platform;
  readonly layers: readonly Descriptor[];
  readonly config: BaseConfig;
}

const LARGEST_CONFIG_BYTES = 4 * 2 ** 20;
const LAYER_TYPES: Readonly<Record<string, string>> = {
  [MEDIA_TYPES.layerGzip]: MEDIA_TYPES.layerGzip,
  'application/vnd.oci.image.layer.v1.tar': 'application/vnd.oci.image.layer.v1.tar',
  'application/vnd.oci.image.layer.v1.tar+zstd': 'application/vnd.oci.image.layer.v1.tar+zstd',
  // The same bytes under docker's older name.
  'application/vnd.docker.image.rootfs.diff.tar.gzip': MEDIA_TYPES.layerGzip,
};

const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter(entry => typeof entry === 'string') : [];
const objectsOf = (value: unknown): readonly object[] =>
  Array.isArray(value) ? value.filter(isJsonObject) : [];

export const platformText = ({ os, architecture, variant }: Platform): string =>
  [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');

function unusable(reference: ImageReference, why: string): QuickServeError {
  return new QuickServeError({
    code: 'IMAGE_UNUSABLE',
    message: `The base image ${formatReference(reference)} cannot be used: ${why}.`,
    hint: 'Choose another with --base-image: an OCI or docker image for Linux with Node.js in it.',
  });
}

function notFound(reference: ImageReference, why: string): QuickServeError {
  return new QuickServeError({
    code: 'IMAGE_NOT_FOUND',
    message: `The base image ${formatReference(reference)} ${why}.`,
    hint: 'Check its name (--base-image, publish.base-image) and the platforms (--platform).',
  });
}

function parseObject(bytes: Uint8Array, reference: ImageReference, what: string): JsonObject {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (isJsonObject(parsed)) return parsed;
  } catch {
    // Said below.
  }
  throw unusable(reference, `its ${what} is not a JSON object`);
}

async function readAll(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function layersOf(manifest: JsonObject, reference: ImageReference): readonly Descriptor[] {
  return (Array.isArray(manifest['layers']) ? manifest['layers'] : []).map((entry: unknown) => {
    const layer = parseDescriptor(entry);
    const mediaType = layer === null ? undefined : LAYER_TYPES[layer.mediaType];
    if (layer === null || mediaType === undefined) {
      const found = isJsonObject(entry) ? String(entry['mediaType']) : 'none';
      throw unusable(reference, `a layer has the media type ${found}, which cannot be handed on`);
    }
    return { mediaType, digest: layer.digest, size: layer.size };
  });
}

async function readImage(
  repository: ImageRepository,
  encoded: EncodedManifest,
  reference: ImageReference,
): Promise<BaseImage> {
  const manifest = parseObject(encoded.bytes, reference, 'manifest');
  const descriptor = parseDescriptor(manifest['config']);
  if (descriptor === null || descriptor.size > LARGEST_CONFIG_BYTES) {
    throw unusable(reference, 'its manifest names no configuration');
  }
  const config = parseObject(await readAll(repository.readBlob(descriptor)), reference, 'configuration');
  const settings = isJsonObject(config['config']) ? config['config'] : {};
  const rootfs = isJsonObject(config['rootfs']) ? config['rootfs'] : {};
  const { os, architecture, variant } = config;
  const layers = layersOf(manifest, reference);
  const diffIds = textsOf(rootfs['diff_ids']);
  if (typeof os !== 'string' || typeof architecture !== 'string' || diffIds.length !== layers.length) {
    throw unusable(reference, 'its configuration does not belong to its manifest');
  }
  const labels = Object.entries(isJsonObject(settings['Labels']) ? settings['Labels'] : {});
  return {
    reference,
    platform: { os, architecture, ...(typeof variant === 'string' ? { variant } : {}) },
    layers,
    config: {
      environment: textsOf(settings['Env']),
      entrypoint: textsOf(settings['Entrypoint']),
      labels: Object.fromEntries(
        labels.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
      ),
      diffIds,
      history: objectsOf(config['history']),
    },
  };
}

const isFor = (wanted: Platform, found: Platform | undefined): boolean =>
  found !== undefined &&
  found.os === wanted.os &&
  found.architecture === wanted.architecture &&
  (wanted.variant === undefined || found.variant === wanted.variant);

/**
 * The base image for each platform, by the digest that its name stands for now.
 * @throws QuickServeError IMAGE_NOT_FOUND, IMAGE_UNUSABLE, IMAGE_DIGEST_MISMATCH, CONTAINER_REGISTRY_*.
 */
export async function readBaseImages(
  repository: ImageRepository,
  named: ImageReference,
  platforms: readonly Platform[],
): Promise<readonly BaseImage[]> {
  const found = await repository.readManifest(named.digest ?? named.tag ?? 'latest');
  if (found === null) throw notFound(named, 'does not exist');
  const reference = { ...named, digest: found.descriptor.digest };
  const { mediaType } = found.descriptor;
  if (isIndexType(mediaType)) {
    const { manifests } = parseIndex(found.bytes, `The base image ${formatReference(named)}`);
    return Promise.all(
      platforms.map(async platform => {
        const entry = manifests.find(each => isFor(platform, each.platform));
        const manifest = entry === undefined ? null : await repository.readManifest(entry.digest);
        if (manifest === null) {
          const there = manifests.flatMap(each => (each.platform ? [platformText(each.platform)] : []));
          throw notFound(named, `is not there for ${platformText(platform)}, only for ${there.join(', ')}`);
        }
        return readImage(repository, manifest, reference);
      }),
    );
  }
  if (mediaType !== MEDIA_TYPES.manifest && mediaType !== MEDIA_TYPES.dockerManifest) {
    throw unusable(named, `it has the media type ${mediaType}`);
  }
  const image = await readImage(repository, found, reference);
  const other = platforms.find(platform => !isFor(platform, image.platform));
  if (other !== undefined) {
    throw notFound(named, `is for ${platformText(image.platform)} only, not for ${platformText(other)}`);
  }
  return platforms.map(() => image);
}
