import { join } from 'node:path';
import { type VerifyImageOptions, verifyImage } from '../../src/commands/verify-image.ts';
import type { ImageRepository } from '../../src/container/registry/image-repository.ts';
import { plainRegistries, pushSmallBase } from './base-images.ts';
import { type ContainerRegistry, startContainerRegistry } from './container-registries.ts';
import { temporaryFolder } from './git-repositories.ts';
import { createPublishProject, type PublishProject } from './publish-project.ts';
import { makeSigningKeys, type SigningKeys } from './signing-keys.ts';

export interface VerificationDocument {
  readonly digest: string;
  readonly verified: boolean;
  readonly checks: readonly { readonly name: string; readonly held: boolean; readonly detail: string }[];
  readonly chain: readonly {
    readonly model: string;
    readonly version: string;
    readonly sha256: string;
    readonly gate: string;
    readonly commit: string;
    readonly signer: string;
  }[];
  readonly refused: readonly { readonly reason: string }[];
}

/** A registry with a small base image, and keys, for tests of what is attached to images. */
export interface ProofRegistry extends AsyncDisposable {
  readonly folder: string;
  readonly registry: ContainerRegistry;
  readonly keys: SigningKeys;
  /** What every publish here needs. */
  readonly base: {
    readonly baseImage: string;
    readonly insecure: readonly string[];
    readonly platform: readonly string[];
  };
  /** `acme/<name>` there. */
  repository(name: string): ImageRepository;
  /** The address of `acme/<name>`, or of a tag of it. */
  image(name: string): string;
  /** A project with digits 1.0.0, whose publishes have this in their environment. */
  project(folder: string, env?: Readonly<Record<string, string>>): Promise<PublishProject>;
  /** `verify-image`, by the key of `keys` unless it is told otherwise. */
  verify(
    made: PublishProject,
    image: string,
    more?: Partial<VerifyImageOptions>,
  ): Promise<{ readonly document: VerificationDocument; readonly text: string; readonly exitCode: number }>;
}

export async function startProofRegistry(): Promise<ProofRegistry> {
  const home = temporaryFolder();
  const registry = await startContainerRegistry(home.path);
  const keys = makeSigningKeys(home.path);
  const registries = plainRegistries(registry.host);
  const repositoryOf = (repository: string): ImageRepository =>
    registries.repository({ registry: registry.host, repository });
  await pushSmallBase(repositoryOf('base/node'), '24');
  return {
    folder: home.path,
    registry,
    keys,
    base: {
      baseImage: `${registry.host}/base/node:24`,
      insecure: [registry.host],
      platform: ['linux/amd64'],
    },
    repository: name => repositoryOf(`acme/${name}`),
    image: name => `${registry.host}/acme/${name}`,
    async project(folder, env = {}) {
      const made = await createPublishProject(folder, { cacheFolder: join(home.path, 'cache') });
      Object.assign(made.world.env, { QUICKSERVEML_IMAGE_KEY: '', ...env });
      await made.record('digits');
      return made;
    },
    async verify(made, image, more = { key: keys.publicKeyFile }) {
      const options = { image, gate: [], insecure: [registry.host], cwd: made.clone, ...more };
      const result = await verifyImage(options, made.world);
      return { ...result, document: result.document as VerificationDocument };
    },
    async [Symbol.asyncDispose]() {
      await registries[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
      await home[Symbol.asyncDispose]();
    },
  };
}
