import { posix } from 'node:path';
import type { BlobSource } from '../registry/blob-upload.ts';
import { blobOfBytes, type EncodedManifest, encodeManifest } from '../registry/image-repository.ts';
import { type Descriptor, MEDIA_TYPES, type Platform } from '../registry/manifest.ts';
import { formatReference } from '../registry/reference.ts';
import type { BaseImage } from './base-image.ts';
import type { ImageLayer } from './layer.ts';
import { type AnnotatedModel, modelAnnotations } from './model-annotations.ts';

/** A model in the image. */
export interface ImageModel extends AnnotatedModel {
  /** Where its model file is in the image, absolute. */
  readonly path: string;
}

/** What is declared of an image: it becomes labels and annotations, and with them part of its digest. */
export interface ImageFacts {
  readonly models: readonly ImageModel[];
  /** Of the image as a whole; null: none. */
  readonly version: string | null;
  /** ISO 8601, UTC, whole seconds. */
  readonly created: string;
  /** Address of the repository that the models are from. */
  readonly source: string | null;
  readonly revision: string | null;
  readonly port: number;
  /** What Node is given to run: the server and its arguments. */
  readonly command: readonly string[];
  readonly environment: readonly string[];
}

/** An image for one platform, ready to be pushed. */
export interface PlatformImage {
  readonly platform: Platform;
  readonly manifest: EncodedManifest;
  readonly config: BlobSource;
  /** Layers of the base image, which its registry has. */
  readonly baseLayers: readonly Descriptor[];
  readonly ownLayers: readonly ImageLayer[];
}

export interface ComposedImage {
  readonly index: EncodedManifest;
  readonly platforms: readonly PlatformImage[];
  readonly base: BaseImage['reference'];
  /** The time that it declares. */
  readonly created: string;
}

/** Nobody: the user that distroless images call `nonroot`. */
const USER = '65532:65532';

/** Annotations of the OCI image specification and those of our own, sorted by key. */
export function annotationsOf(
  facts: ImageFacts,
  base: BaseImage['reference'],
): Readonly<Record<string, string>> {
  const optional = (key: string, value: string | null): readonly (readonly [string, string])[] =>
    value === null ? [] : [[`org.opencontainers.image.${key}`, value]];
  const models = facts.models.flatMap(model => Object.entries(modelAnnotations(model)));
  const entries = [
    ...optional('title', facts.models.map(({ name }) => name).join(', ')),
    ...optional('version', facts.version),
    ...optional('created', facts.created),
    ...optional('source', facts.source),
    ...optional('revision', facts.revision),
    ...optional('base.name', formatReference({ ...base, digest: null })),
    ...optional('base.digest', base.digest),
    ...models,
  ];
  return Object.fromEntries([...entries].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** How Node is started in the base image: its own entry point where that is Node, else by PATH. */
function nodeOf(base: BaseImage): string {
  const [first] = base.config.entrypoint;
  return first !== undefined && posix.basename(first) === 'node' ? first : 'node';
}

/** As container runtimes set it where an image does not. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The base's environment with Node's folder in PATH: distroless images leave it out, and health checks run it by name. */
function environmentWith(node: string, environment: readonly string[]): readonly string[] {
  const path = environment.find(entry => entry.startsWith('PATH='))?.slice('PATH='.length) ?? DEFAULT_PATH;
  const folder = posix.dirname(node);
  if (!posix.isAbsolute(node) || path.split(':').includes(folder)) return environment;
  return [...environment.filter(entry => !entry.startsWith('PATH=')), `PATH=${path}:${folder}`];
}

function composePlatform(
  facts: ImageFacts,
  base: BaseImage,
  ownLayers: readonly ImageLayer[],
  annotations: Readonly<Record<string, string>>,
): PlatformImage {
  const { platform } = base;
  const node = nodeOf(base);
  const settings = {
    User: USER,
    ExposedPorts: { [`${facts.port}/tcp`]: {} },
    Env: [...environmentWith(node, base.config.environment), ...facts.environment],
    Entrypoint: [node, ...facts.command],
    WorkingDir: '/app',
    Labels: { ...base.config.labels, ...annotations },
    StopSignal: 'SIGTERM',
  };
  const history = ownLayers.map(({ createdBy }) => ({
    created: facts.created,
    created_by: createdBy,
    comment: 'quickserveml publish',
  }));
  // Some clients refuse an image without one entry for each layer.
  const inherited = base.config.history.length > 0 ? base.config.history : base.layers.map(() => ({}));
  const config = blobOfBytes(
    Buffer.from(
      JSON.stringify({
        created: facts.created,
        architecture: platform.architecture,
        ...(platform.variant === undefined ? {} : { variant: platform.variant }),
        os: platform.os,
        config: settings,
        rootfs: {
          type: 'layers',
          diff_ids: [...base.config.diffIds, ...ownLayers.map(({ diffId }) => diffId)],
        },
        history: [...inherited, ...history],
      }),
    ),
    MEDIA_TYPES.config,
  );
  const manifest = encodeManifest({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: config.descriptor,
    layers: [...base.layers, ...ownLayers.map(({ descriptor }) => descriptor)],
    annotations,
  });
  return { platform, manifest, config, baseLayers: base.layers, ownLayers };
}

/**
 * The image as a value: a pure function of the base image's digest, the layers and the declared facts. Nothing of the
 * machine, the clock or the run gets in.
 * @param parts one for each platform.
 */
export function composeImage(
  facts: ImageFacts,
  parts: readonly { readonly base: BaseImage; readonly layers: readonly ImageLayer[] }[],
): ComposedImage {
  const [first] = parts;
  if (first === undefined) throw new RangeError('an image has at least one platform');
  const base = first.base.reference;
  const annotations = annotationsOf(facts, base);
  const platforms = parts.map(part => composePlatform(facts, part.base, part.layers, annotations));
  const index = encodeManifest({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.index,
    manifests: platforms.map(({ platform, manifest }) => ({ ...manifest.descriptor, platform })),
    annotations,
  });
  return { index, platforms, base, created: facts.created };
}
