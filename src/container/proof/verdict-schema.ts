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
      name: { type: 'string', minLength: 1, description: 'In the registry, else as it was given.' },
      version: { ...orNull({ type: 'string' }), description: 'In the registry; null: it has none.' },
      sha256: { ...SHA256, description: 'Identity of the model; of one file, that of the file.' },
      parts: {
        description: 'The model file and its external data; each is a subject of the statement.',
        type: 'array',
        items: whole('One file.', {
          path: { type: 'string', description: "Relative to the model's folder." },
          sha256: { ...SHA256, description: 'Of the bytes of the file.' },
        }),
      },
    }),
    source: whole('Where the model is from.', {
      commit: { ...orNull(COMMIT), description: 'null: not committed, or not in the registry.' },
      path: {
        ...orNull({ type: 'string' }),
        description: "Relative to the repository's root; null: not in the registry.",
      },
    }),
    verdict: {
      ...orNull(
        whole('The latest verdict on exactly these bytes.', {
          id: { type: 'string', description: 'Of the record on the registry branch.' },
          gate: {
            enum: ['passed', 'warned', 'failed', 'no-verdict'],
            description: 'failed: a hard gate; warned: only soft ones; no-verdict: it could not be decided.',
          },
          cases: { enum: ['passed', 'failed', 'none'], description: 'How the test cases ended.' },
          decidedAt: TIME,
          policyDigest: { type: 'string', description: 'Of the rules that were applied.' },
          accepted: {
            description: 'What would have failed and was let through on purpose.',
            type: 'array',
            items: whole('One break or regression.', {
              finding: { type: 'string', description: 'As it was named: `slower:digits`.' },
              by: { type: 'string', description: '`label`, `configuration` or `flag`.' },
            }),
          },
          signedBy: {
            ...orNull({ type: 'string' }),
            description: 'Whose signature the record carries; null: none that holds.',
          },
        }),
      ),
      description: 'null: published by force, without one.',
    },
    against: {
      ...orNull(
        whole('The base.', { commit: { ...COMMIT, description: 'That the model was compared with.' } }),
      ),
      description: 'null: there was no base.',
    },
    measurements: {
      description: 'The newest of each kind of machine.',
      type: 'array',
      items: whole('One measurement.', {
        id: { type: 'string', description: 'Of the record on the registry branch.' },
        measuredAt: TIME,
        machine: { type: 'object', description: 'The fingerprint: CPU, cores, runtime, threads.' },
        metrics: {
          description: 'Milliseconds, bytes or counts, by name.',
          type: 'object',
          additionalProperties: { type: 'number' },
        },
        run: { ...orNull({ type: 'string' }), description: 'Address of the run; null: not known.' },
      }),
    },
    run: {
      ...orNull(
        whole('What decided.', {
          url: { ...orNull({ type: 'string' }), description: 'null: not known.' },
          tool: whole('The program.', {
            name: { type: 'string', description: '`quickserveml`.' },
            version: { type: 'string', description: 'Semantic version.' },
          }),
        }),
      ),
      description: 'What decided; null: there is no verdict.',
    },
    publication: whole('What let it out.', {
      forced: { type: 'boolean', description: 'Published although the conditions were not all met.' },
      conditions: {
        description: 'Every condition that was asked for, met or not.',
        type: 'array',
        items: whole('A condition of publishing.', {
          name: { type: 'string', description: '`recorded`, `verdict` or `signature`.' },
          met: { type: 'boolean', description: 'When the image was published.' },
          detail: { type: 'string', description: 'What was found, for people.' },
        }),
      },
    }),
  }),
};
