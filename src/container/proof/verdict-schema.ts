const SHA256 = { type: 'string', pattern: '^[0-9a-f]{64}$' };
const COMMIT = { type: 'string', pattern: '^[0-9a-f]{40,64}$' };
const TIME = { type: 'string', description: 'ISO 8601, UTC.' };
const orNull = (schema: object): object => ({ anyOf: [schema, { type: 'null' }] });

const whole = (
  description: string,
  properties: Readonly<Record<string, object>>,
): { readonly type: 'object' } & Readonly<Record<string, unknown>> => ({
  description,
  type: 'object',
  required: Object.keys(properties),
  properties,
});

/** The documentation of our predicate; fields may be added, none is renamed. Published as schemas/verdict.schema.json. */
export const VERDICT_SCHEMA: object = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Verdict on a model (https://quickserveml.dev/attestation/verdict/v1)',
  ...whole('Predicate of an in-toto statement: what was measured of a model, against what, by which run.', {
    model: whole('The model in the image.', {
      name: { type: 'string', minLength: 1 },
      version: { ...orNull({ type: 'string' }), description: 'In the registry; null: it has none.' },
      sha256: { ...SHA256, description: 'Identity of the model; of one file, that of the file.' },
      parts: {
        description: 'The model file and its external data; each is a subject of the statement.',
        type: 'array',
        items: whole('One file.', { path: { type: 'string' }, sha256: SHA256 }),
      },
    }),
    source: whole('Where the model is from.', {
      commit: orNull(COMMIT),
      path: orNull({ type: 'string' }),
    }),
    verdict: {
      ...orNull(
        whole('The latest verdict on exactly these bytes.', {
          id: { type: 'string', description: 'Of the record on the registry branch.' },
          gate: { enum: ['passed', 'warned', 'failed', 'no-verdict'] },
          cases: { enum: ['passed', 'failed', 'none'], description: 'How the test cases ended.' },
          decidedAt: TIME,
          policyDigest: { type: 'string', description: 'Of the rules that were applied.' },
          signedBy: {
            ...orNull({ type: 'string' }),
            description: 'Whose signature the record carries; null: none that holds.',
          },
        }),
      ),
      description: 'null: published by force, without one.',
    },
    against: {
      ...orNull(whole('The base.', { commit: COMMIT })),
      description: 'null: there was no base.',
    },
    measurements: {
      description: 'The newest of each kind of machine.',
      type: 'array',
      items: whole('One measurement.', {
        id: { type: 'string' },
        measuredAt: TIME,
        machine: { type: 'object', description: 'The fingerprint: CPU, cores, runtime, threads.' },
        metrics: {
          description: 'Milliseconds, bytes or counts, by name.',
          type: 'object',
          additionalProperties: { type: 'number' },
        },
        run: orNull({ type: 'string' }),
      }),
    },
    run: orNull(
      whole('What decided.', {
        url: orNull({ type: 'string' }),
        tool: whole('The program.', { name: { type: 'string' }, version: { type: 'string' } }),
      }),
    ),
    publication: whole('What let it out.', {
      forced: { type: 'boolean', description: 'Published although the conditions were not all met.' },
      conditions: {
        type: 'array',
        items: whole('A condition of publishing.', {
          name: { type: 'string' },
          met: { type: 'boolean' },
          detail: { type: 'string' },
        }),
      },
    }),
  }),
};
