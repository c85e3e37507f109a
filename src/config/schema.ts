import { type JsonSchema, withDefault } from './json-schema.ts';
import { ALERTS_SCHEMA } from './schema-alerts.ts';
import { DEPLOY_SCHEMA } from './schema-deploy.ts';
import { INPUT_KEYS } from './schema-inputs.ts';
import { DURATION, policySchema, SIZE } from './schema-policy.ts';
import { publishSchema } from './schema-publish.ts';
import { TEST_KEYS } from './schema-tests.ts';

function benchmarkSchema(defaults: boolean): JsonSchema {
  const origin = defaults ? '' : ' What is left out comes from `defaults.benchmark`.';
  return {
    type: 'object',
    description: `How a model is measured.${origin}`,
    additionalProperties: false,
    properties: {
      budget: withDefault(
        {
          ...DURATION,
          description:
            'Time for the measurement of one model, shared by its sizes and profiles. Less time means more inconclusive verdicts, never more false alarms.',
          examples: ['30s'],
        },
        '30s',
        defaults,
      ),
      threads: withDefault(
        {
          description: 'Threads of the runtime. With one, times are the least noisy.',
          type: 'integer',
          minimum: 1,
          maximum: 1024,
          examples: [1],
        },
        1,
        defaults,
      ),
      seed: withDefault(
        {
          description: 'Seed of the synthetic inputs and of the order of the measurements.',
          type: 'integer',
          minimum: 0,
          maximum: 4_294_967_295,
          examples: [7],
        },
        7,
        defaults,
      ),
    },
  };
}

const repositoryPath = (description: string, example: string): JsonSchema => ({
  description,
  type: 'string',
  minLength: 1,
  maxLength: 1024,
  examples: [example],
});

const MODEL: JsonSchema = {
  type: 'object',
  description: 'One model: where it is and what is special about it.',
  additionalProperties: false,
  required: ['path'],
  properties: {
    path: repositoryPath('The model file, relative to the root of the repository.', 'models/digits.onnx'),
    ...INPUT_KEYS,
    cases: repositoryPath(
      "Folder with test cases: `test_data_set_*` folders in ONNX's own layout, .npz, .json or .csv (docs/guides/testing.md). The model must give their outputs; the inputs of the first `test_data_set_*` are what is measured, otherwise they are made from `seed`.",
      'models/digits/cases',
    ),
    ...TEST_KEYS,
    benchmark: benchmarkSchema(false),
    policy: policySchema(false),
    publish: publishSchema(false),
  },
};

/** The single source of the vocabulary of quickserveml.yml: its validation, its defaults and its documentation. */
const STATUS = ['draft', 'validated', 'staging', 'production', 'archived', 'failed'];

const PROMOTION: JsonSchema = {
  description: 'What `registry promote` demands before a version gets a status, by status.',
  type: 'object',
  propertyNames: { enum: STATUS },
  additionalProperties: {
    type: 'object',
    additionalProperties: false,
    properties: {
      verdict: { description: 'The latest verdict for exactly these bytes passed.', type: 'boolean' },
      cases: { description: 'In that verdict the test cases passed.', type: 'boolean' },
      signature: { description: 'That verdict is signed by one of the signers.', type: 'boolean' },
      from: {
        description: 'Statuses of which the version must have one.',
        type: 'array',
        items: { enum: STATUS },
      },
      approvers: {
        description: 'Names or addresses (as in their commits) of those whose approval counts.',
        type: 'array',
        items: { type: 'string', minLength: 1 },
      },
      approvals: {
        description: 'How many of them must have approved. Default: 1 where any is named.',
        type: 'integer',
        minimum: 0,
      },
    },
  },
};

export const CONFIG_SCHEMA: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'QuickServeML configuration',
  description: 'quickserveml.yml, at the root of a repository with ONNX models. Every key may be left out.',
  type: 'object',
  additionalProperties: false,
  properties: {
    version: { description: 'Version of this format.', const: 1, default: 1 },
    budget: {
      ...DURATION,
      description:
        'Time for the measurements of a whole check, shared out over the changed models by their own budgets; what one does not need goes to those after it. Without it only those count.',
      examples: ['5min'],
    },
    registry: {
      type: 'object',
      description: 'The git branch that keeps versions and measurements.',
      additionalProperties: false,
      properties: {
        branch: {
          title: 'a branch name',
          description: 'Name of the branch. It has no history in common with the code.',
          type: 'string',
          minLength: 1,
          maxLength: 200,
          default: 'quickserveml',
        },
        remote: {
          description:
            'Address of another repository that holds the registry. Without it, the remote of this repository. Credentials come from the environment, never from here.',
          type: 'string',
          minLength: 1,
          maxLength: 2000,
          examples: ['https://github.com/acme/model-registry.git'],
        },
        record: {
          description:
            'When a check writes a version and its measurements. `auto`: on the default branch, after a check that passed. `always`: after every check that passed. `never`: not at all.',
          enum: ['auto', 'always', 'never'],
          default: 'auto',
        },
        'blob-limit': {
          ...SIZE,
          description:
            'Models up to this size are stored on the branch itself; of larger ones only where they are.',
          default: '10MB',
        },
        compact: {
          description:
            'How closed months become one file each. `auto`: a write packs one that it finds beside its own. `manual`: only `registry compact` does.',
          enum: ['auto', 'manual'],
          default: 'auto',
        },
        namespace: {
          title: 'a name such as acme/vision',
          description:
            'Goes before the names of the models, where several repositories share one registry (registry.remote).',
          type: 'string',
          pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*$',
          maxLength: 80,
          examples: ['acme/vision'],
        },
        signers: {
          description:
            'Allowed-signers file (ssh-keygen, ALLOWED SIGNERS), relative to the root of the repository: whose signatures on verdicts and registry commits count.',
          type: 'string',
          minLength: 1,
          examples: ['.github/allowed_signers'],
        },
        'signed-commits': {
          description:
            '`registry audit` fails where a commit of the registry branch is not signed by one of the signers.',
          type: 'boolean',
          default: false,
        },
        promotion: PROMOTION,
      },
    },
    runtime: {
      type: 'object',
      description: 'The onnxruntime that loads and runs the models, always in a process of its own.',
      additionalProperties: false,
      properties: {
        version: {
          title: 'a version such as 1.30.0',
          description: 'Version of onnxruntime-node.',
          type: 'string',
          pattern: '^\\d+\\.\\d+\\.\\d+(?:-[0-9A-Za-z.-]+)?$',
          default: '1.30.0',
        },
        provider: {
          title: 'the name of an execution provider such as cpu',
          description: 'Execution provider, by its name in onnxruntime-node.',
          type: 'string',
          pattern: '^[a-z][a-z0-9-]*$',
          default: 'cpu',
        },
        'load-timeout': {
          ...DURATION,
          description: 'A model that is not loaded by then is stopped and fails.',
          default: '2min',
        },
        'memory-limit': {
          ...SIZE,
          description: 'A model whose process wants more is stopped and fails.',
          default: '8GiB',
        },
      },
    },
    defaults: {
      type: 'object',
      description: 'What holds for every model that does not say otherwise.',
      additionalProperties: false,
      properties: {
        benchmark: benchmarkSchema(true),
        policy: policySchema(true),
        publish: publishSchema(true),
      },
    },
    models: {
      type: 'object',
      description:
        'The models to check, by name. Without this key, every `.onnx` and `.ort` file of the repository outside of `node_modules`, hidden folders and `test_data_set_*`.',
      minProperties: 1,
      additionalProperties: MODEL,
    },
    deploy: DEPLOY_SCHEMA,
    alerts: ALERTS_SCHEMA,
    comment: {
      type: 'object',
      description: 'The comment on the pull request.',
      additionalProperties: false,
      properties: {
        enabled: { description: 'Whether there is one.', type: 'boolean', default: true },
        key: {
          title: 'letters, digits, dots, dashes and underscores',
          description: 'Tells the comments of several checks of one pull request apart.',
          type: 'string',
          pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
          default: 'default',
        },
      },
    },
  },
};
