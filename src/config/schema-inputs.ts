import type { JsonSchema } from './json-schema.ts';

const SIZE = { title: 'a whole number above 0', type: 'integer', minimum: 1, maximum: 1_000_000_000 };

const dimsSchema = (description: string, example: unknown): JsonSchema => ({
  type: 'object',
  description,
  additionalProperties: {
    title: 'a whole number above 0, or a list of them',
    type: ['integer', 'array'],
    minimum: 1,
    maximum: 1_000_000_000,
    minItems: 1,
    maxItems: 64,
    items: SIZE,
  },
  examples: [example],
});

const path = (description: string, example: string): JsonSchema => ({
  description,
  type: 'string',
  minLength: 1,
  maxLength: 1024,
  examples: [example],
});

/** Of one model: what it is fed with when it is measured. */
export const INPUT_KEYS: Readonly<Record<string, JsonSchema>> = {
  dims: dimsSchema(
    'Sizes for the symbolic dimensions of the inputs, by their name in the model: a size, or a list of sizes that are each measured. A symbol that is not named gets 1.',
    { batch: [1, 8], sequence: 128 },
  ),
  ranges: {
    type: 'object',
    description:
      'Smallest and largest of the values that are made for an input, by its name; `max` of a vocabulary is its size minus 1. Without it, whole numbers are 0 to 99 and others normally distributed.',
    additionalProperties: {
      type: 'object',
      additionalProperties: false,
      required: ['max'],
      properties: {
        min: { description: 'Smallest value. Default: 0.', type: 'number', examples: [0] },
        max: { description: 'Largest value.', type: 'number', examples: [30_521] },
      },
    },
    examples: [{ input_ids: { max: 30_521 } }],
  },
  profiles: {
    type: 'object',
    description:
      'Sets of inputs, by a name that the report shows; the model is measured with each of them, and with each size of their `dims`. The registry records them all.',
    minProperties: 1,
    propertyNames: { pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$' },
    additionalProperties: {
      type: 'object',
      additionalProperties: false,
      properties: {
        dims: dimsSchema("Sizes on top of the model's own `dims`.", { sequence: 512 }),
        cases: path(
          'Folder with a `test_data_set_*` case, or with its input_0.pb, ...: its inputs are fed.',
          'models/digits/cases/large',
        ),
        dataset: path(
          'File with rows, .csv, .npz, .jsonl or .ndjson (docs/guides/testing.md); as many of its first rows as the first dimension has are fed.',
          'data/typical.csv',
        ),
      },
    },
    examples: [{ short: { dims: { sequence: 32 } }, long: { dims: { sequence: 512, batch: [1, 8] } } }],
  },
};
