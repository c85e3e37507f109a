import { readArtifact } from '../../container/registry/artifact-files.ts';
import type { Descriptor } from '../../container/registry/manifest.ts';
import { type ImageReference, parseReference } from '../../container/registry/reference.ts';
import type { ModelPart } from '../../registry/records.ts';
import type { ArtifactSource } from '../../registry/version-bytes.ts';
import { QuickServeError } from '../../shared/errors.ts';
import { type ContainerRegistryOptions, openContainerRegistries } from '../container-registries.ts';
import type { Surroundings } from '../surroundings.ts';

export interface Artifacts extends ArtifactSource, AsyncDisposable {
  /**
   * Proves that an artifact has these files.
   * @returns its reference with the digest, which no later push under the same tag changes.
   * @throws QuickServeError IMAGE_*, CONTAINER_REGISTRY_*.
   */
  pin(reference: string, files: readonly ModelPart[]): Promise<string>;
}

function without(reference: string, file: ModelPart): QuickServeError {
  return new QuickServeError({
    code: 'IMAGE_UNUSABLE',
    message: `${reference} has no layer that is ${file.path} (sha256:${file.sha256}).`,
    hint: 'Push the very file, uncompressed, as a layer of its own (`oras push` does), or name another artifact.',
  });
}

/** The OCI artifacts that hold bytes of versions, read through container registries. */
export async function openArtifacts(
  options: ContainerRegistryOptions,
  world: Surroundings,
): Promise<Artifacts> {
  const registries = await openContainerRegistries(options, [], world);
  const layers = new Map<
    string,
    Promise<{ readonly pinned: string; readonly layers: readonly Descriptor[] }>
  >();
  const read = (text: string, reference: ImageReference) => {
    const known = layers.get(text) ?? readArtifact(registries.repository(reference), reference);
    layers.set(text, known);
    return known;
  };
  const layerOf = async (text: string, file: ModelPart): Promise<Descriptor> => {
    const artifact = await read(text, parseReference(text));
    const layer = artifact.layers.find(({ digest }) => digest === `sha256:${file.sha256}`);
    if (layer === undefined || layer.size !== file.sizeBytes) throw without(text, file);
    return layer;
  };
  return {
    async pin(text, files) {
      for (const file of files) await layerOf(text, file);
      return (await read(text, parseReference(text))).pinned;
    },
    async open(text, file, offset) {
      const layer = await layerOf(text, file);
      const repository = registries.repository(parseReference(text));
      return { offset, bytes: repository.readBlobRange(layer, { start: offset, end: layer.size }) };
    },
    [Symbol.asyncDispose]: () => registries[Symbol.asyncDispose](),
  };
}
