import { type JsonSchema, withDefault } from './json-schema.ts';
import { PROOF_MODES } from './proof-modes.ts';

const REFERENCE = { type: 'string', minLength: 1, maxLength: 512 };

/** @param whole the one of `defaults.publish`, with every default; else the one of a model, with its image. */
export function publishSchema(whole: boolean): JsonSchema {
  const origin = whole ? '' : ' What is left out comes from `defaults.publish`.';
  const image: JsonSchema = {
    title: 'the name of an image without a tag, or a list of them',
    description:
      'Where the image goes, without a tag; several names are several registries. Credentials come from `docker login`, REGISTRY_AUTH_FILE or the environment, never from here.',
    type: ['string', 'array'],
    minLength: 1,
    maxLength: 512,
    minItems: 1,
    maxItems: 16,
    items: REFERENCE,
    examples: ['ghcr.io/acme/digits'],
  };
  return {
    type: 'object',
    description: `How \`publish\` makes an image of a version.${origin}`,
    additionalProperties: false,
    properties: {
      ...(whole ? {} : { image }),
      platforms: withDefault(
        {
          description: 'Platforms that the image is for.',
          type: 'array',
          minItems: 1,
          items: { enum: ['linux/amd64', 'linux/arm64'] },
          examples: [['linux/amd64', 'linux/arm64']],
        },
        ['linux/amd64', 'linux/arm64'],
        whole,
      ),
      'base-image': withDefault(
        {
          description:
            'The image underneath, with Node.js 22.12 or newer, glibc and libstdc++. Its digest at the time becomes part of the record; name one (`@sha256:...`) to keep it.',
          ...REFERENCE,
          examples: ['gcr.io/distroless/nodejs24-debian12:nonroot'],
        },
        'gcr.io/distroless/nodejs24-debian12:nonroot',
        whole,
      ),
      gates: withDefault(
        {
          description:
            'Outcomes of the latest verdict on exactly these bytes with which a version is published. An inconclusive measurement and a missing base count as `policy` says.',
          type: 'array',
          minItems: 1,
          items: { enum: ['passed', 'warned', 'no-verdict'] },
          examples: [['passed']],
        },
        ['passed', 'warned'],
        whole,
      ),
      signature: withDefault(
        {
          description: 'Whether that verdict must be signed by one of `registry.signers`.',
          type: 'boolean',
          examples: [true],
        },
        false,
        whole,
      ),
      proofs: withDefault(
        {
          description:
            'Whether verdict, provenance and bill of materials are signed and attached to the image: `key` with QUICKSERVEML_IMAGE_KEY, `keyless` by the identity of the CI job through sigstore, whose log is public; `auto` whichever there is (keyless on GitHub only for public repositories), and nothing where there is neither; `off` never.',
          enum: [...PROOF_MODES],
          examples: ['key'],
        },
        'auto',
        whole,
      ),
      port: withDefault(
        {
          description: 'Port that the server in the image listens on.',
          type: 'integer',
          minimum: 1024,
          maximum: 65_535,
          examples: [8080],
        },
        8000,
        whole,
      ),
    },
  };
}
