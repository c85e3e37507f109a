import { ociPurl } from './purl.ts';
import { hexOf, makeStatement, PREDICATE_TYPES, type Statement, type Subject } from './statement.ts';

/** What the image was made of and by whom; all of it can be found out again. */
export interface ImageMaking {
  /** Names of images without tags, with their registries. */
  readonly images: readonly string[];
  readonly models: readonly {
    readonly name: string;
    readonly version: string | null;
    readonly sha256: string;
  }[];
  /** Of the base image, without tag and digest. */
  readonly baseName: string;
  /** `sha256:...`. */
  readonly baseDigest: string;
  readonly platforms: readonly string[];
  readonly tags: readonly string[];
  /** Layers of our own: what they are, and `sha256:...`. */
  readonly layers: readonly { readonly what: string; readonly digest: string }[];
  /** Address of the repository that the models are from; null: not known. */
  readonly source: string | null;
  readonly commits: readonly string[];
  readonly toolVersion: string;
  readonly runtimeVersion: string;
  /** URI of the machine or service that ran it. */
  readonly builder: string;
  readonly runUrl: string | null;
  /** ISO 8601, UTC. */
  readonly startedOn: string;
}

/** How the image came about (SLSA 1.0, "Provenance"). */
export function provenanceStatement(subject: readonly Subject[], making: ImageMaking): Statement {
  const distinctLayers = new Map(making.layers.map(({ what, digest }) => [digest, what]));
  const resolvedDependencies = [
    {
      uri: ociPurl(making.baseName, making.baseDigest),
      digest: { sha256: hexOf(making.baseDigest) },
      name: 'base image',
    },
    ...making.commits.map(commit => ({
      ...(making.source === null ? {} : { uri: `git+${making.source}@${commit}` }),
      digest: { gitCommit: commit },
      name: 'source',
    })),
    ...making.models.map(({ name, sha256 }) => ({ name: `model ${name}`, digest: { sha256 } })),
    ...[...distinctLayers].map(([digest, what]) => ({ name: what, digest: { sha256: hexOf(digest) } })),
  ];
  return makeStatement(subject, PREDICATE_TYPES.provenance, {
    buildDefinition: {
      buildType: 'https://quickserveml.dev/build/publish/v1',
      externalParameters: {
        models: making.models,
        images: making.images,
        baseImage: making.baseName,
        platforms: making.platforms,
        tags: making.tags,
      },
      internalParameters: { quickserveml: making.toolVersion, onnxruntime: making.runtimeVersion },
      resolvedDependencies,
    },
    runDetails: {
      builder: { id: making.builder, version: { quickserveml: making.toolVersion } },
      metadata: {
        ...(making.runUrl === null ? {} : { invocationId: making.runUrl }),
        startedOn: making.startedOn,
      },
    },
  });
}
