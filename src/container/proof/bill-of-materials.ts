import { createHash } from 'node:crypto';
import type { ImageMaking } from './provenance.ts';
import { npmPurl, ociPurl } from './purl.ts';
import { hexOf, makeStatement, PREDICATE_TYPES, type Statement, type Subject } from './statement.ts';

/** A package whose code is bundled into the server. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX expression; null: the package says none. */
  readonly license: string | null;
}

export interface BillFacts {
  /** Digest of the index: `sha256:...`. */
  readonly digest: string;
  /** What the image declares; nothing of the run, so that the bill is the same for the same image. */
  readonly created: string;
  readonly making: Pick<
    ImageMaking,
    'images' | 'models' | 'baseName' | 'baseDigest' | 'toolVersion' | 'runtimeVersion'
  >;
  readonly packages: readonly BundledPackage[];
}

/** A UUID that follows from the text, in the form of version 5 (RFC 9562, section 5.5). */
function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

const sha256Hash = (hex: string): object => ({ alg: 'SHA-256', content: hex });
function npmComponent({ name, version, license }: BundledPackage): { readonly 'bom-ref': string } {
  const purl = npmPurl(name, version);
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    ...(license === null ? {} : { licenses: [{ expression: license }] }),
  } as { readonly 'bom-ref': string };
}

/** What the image consists of, in CycloneDX 1.6 (ECMA-424). What is inside the base image is not listed, and that is said. */
export function billOfMaterials({ digest, created, making, packages }: BillFacts): object {
  const name = making.images[0] ?? 'image';
  const image = ociPurl(name, digest);
  const base = ociPurl(making.baseName, making.baseDigest);
  const application = `quickserveml@${making.toolVersion}`;
  const bundled = packages.map(npmComponent);
  const runtime = ['onnxruntime-common', 'onnxruntime-node'].map(part =>
    npmComponent({ name: part, version: making.runtimeVersion, license: 'MIT' }),
  );
  const models = making.models.map(model => ({
    type: 'machine-learning-model',
    'bom-ref': `model:${model.name}@sha256:${model.sha256}`,
    name: model.name,
    ...(model.version === null ? {} : { version: model.version }),
    hashes: [sha256Hash(model.sha256)],
  }));
  const refs = (components: readonly { readonly 'bom-ref': string }[]): string[] =>
    components.map(component => component['bom-ref']);
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(`${digest} ${making.toolVersion}`)}`,
    version: 1,
    metadata: {
      timestamp: created,
      tools: { components: [{ type: 'application', name: 'quickserveml', version: making.toolVersion }] },
      component: {
        type: 'container',
        'bom-ref': image,
        name,
        version: digest,
        purl: image,
        hashes: [sha256Hash(hexOf(digest))],
      },
    },
    components: [
      {
        type: 'container',
        'bom-ref': base,
        name: making.baseName,
        version: making.baseDigest,
        purl: base,
        hashes: [sha256Hash(hexOf(making.baseDigest))],
      },
      {
        type: 'application',
        'bom-ref': application,
        name: 'quickserveml',
        version: making.toolVersion,
        licenses: [{ expression: 'MIT' }],
      },
      ...bundled,
      ...runtime,
      ...models,
    ],
    dependencies: [
      { ref: image, dependsOn: [base, application, ...refs(models)] },
      { ref: application, dependsOn: refs([...bundled, ...runtime]) },
    ],
    compositions: [
      { aggregate: 'incomplete', assemblies: [base] },
      { aggregate: 'complete', assemblies: [application] },
    ],
  };
}

export const billStatement = (subject: readonly Subject[], facts: BillFacts): Statement =>
  makeStatement(subject, PREDICATE_TYPES.sbom, billOfMaterials(facts));
