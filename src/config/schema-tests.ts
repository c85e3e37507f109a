import type { JsonSchema } from './json-schema.ts';

const TOLERANCE_VALUE: JsonSchema = { title: 'a number of at least 0', type: 'number', minimum: 0 };

/** Keys of a model that say what it must still give: outputs of cases, labels of a dataset, a contract. */
export const TEST_KEYS: Readonly<Record<string, JsonSchema>> = {
  tolerance: {
    type: 'object',
    description:
      'How far outputs may be from the expected outputs of `cases`, by output; `"*"` is for all others. Without it, what the element type allows: 1e-5 + 1e-3 x |expected| for float32, equality for integers.',
    additionalProperties: {
      type: 'object',
      additionalProperties: false,
      properties: {
        absolute: { ...TOLERANCE_VALUE, description: 'Tolerated however small the expected value is.' },
        relative: { ...TOLERANCE_VALUE, description: 'Tolerated as a share of the expected value.' },
      },
    },
    examples: [{ scores: { absolute: 0.0001, relative: 0.01 } }],
  },
  contract: {
    description:
      'File with the interface that callers rely on (`quickserveml validate MODEL --contract FILE --update` writes it). The model must keep it, whatever the base has; the file of the base commit counts.',
    type: 'string',
    minLength: 1,
    maxLength: 1024,
    examples: ['models/digits.contract.json'],
  },
  dataset: {
    type: 'object',
    description: 'Labelled rows that say how often the model is right.',
    additionalProperties: false,
    required: ['path'],
    properties: {
      path: {
        description:
          'An .npz with an array for each input and one of labels, a .csv, or a .jsonl, relative to the root of the repository.',
        type: 'string',
        minLength: 1,
        maxLength: 1024,
        examples: ['data/digits.npz'],
      },
      label: {
        description: 'Array, column or key with the labels. Without it: label, labels, y, target or targets.',
        type: 'string',
        minLength: 1,
        maxLength: 1024,
        examples: ['label'],
      },
      output: {
        description: 'The output that is judged. Without it, the first of floats.',
        type: 'string',
        minLength: 1,
        maxLength: 65_536,
        examples: ['scores'],
      },
      classes: {
        description: 'Class names in the order of the scores, where the labels are names.',
        type: 'array',
        minItems: 1,
        maxItems: 100_000,
        items: { title: 'a class name', type: 'string', maxLength: 1000 },
        examples: [['cat', 'dog']],
      },
      average: {
        description: 'How precision, recall and f1 are averaged over the classes, as in scikit-learn.',
        enum: ['macro', 'micro', 'weighted', 'binary'],
      },
      batch: {
        description:
          'Rows of one run where the model leaves it open; 1 where a row depends on those beside it.',
        type: 'integer',
        minimum: 1,
        maximum: 1_000_000,
        examples: [32],
      },
      metrics: {
        type: 'object',
        description:
          'What is measured, and its limits: accuracy, top-1, top-5, precision, recall, f1, auc, or mae, rmse, r2. Without it, accuracy is shown.',
        minProperties: 1,
        additionalProperties: {
          type: 'object',
          additionalProperties: false,
          properties: {
            min: {
              title: 'a number',
              description: 'Fails below this; for mae and rmse, above it.',
              type: 'number',
              examples: [0.95],
            },
            'max-drop': {
              title: 'a number of at least 0',
              description:
                'Fails where the candidate is worse than the base by more than this and a paired test says that it is not chance.',
              type: 'number',
              minimum: 0,
              examples: [0.005],
            },
          },
        },
        examples: [{ 'top-1': { min: 0.95, 'max-drop': 0.005 } }],
      },
    },
  },
  prepare: {
    description:
      'Command that makes the model (and, if it likes, cases) before the check, run by the shell in the root of the repository, without any token in its environment.',
    type: 'string',
    minLength: 1,
    maxLength: 10_000,
    examples: ['python export.py --out models/digits.onnx'],
  },
};
