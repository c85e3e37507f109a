/** JSON Schema of the part of a report that cases, drift and accuracy make up (cases/cases-report.ts). */

type JsonSchema = Readonly<Record<string, unknown>>;

const NAME: JsonSchema = { type: 'string', maxLength: 65_536 };
const SENTENCE: JsonSchema = { type: 'string', maxLength: 200_000 };
const NUMBER: JsonSchema = { type: 'number' };
const COUNT: JsonSchema = { type: 'integer', minimum: 0 };
const SHARE: JsonSchema = { type: 'number', minimum: 0, maximum: 1 };

const nullable = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, { type: 'null' }] });
const list = (items: JsonSchema, maxItems: number): JsonSchema => ({ type: 'array', items, maxItems });
const record = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
});
const kind = (names: readonly string[], properties: Readonly<Record<string, JsonSchema>> = {}): JsonSchema =>
  record({ kind: { enum: names }, ...properties });
const union = (...members: readonly JsonSchema[]): JsonSchema => ({
  type: 'object',
  properties: { kind: { type: 'string' } },
  required: ['kind'],
  discriminator: { propertyName: 'kind' },
  oneOf: members,
});

const PAIR = { index: list(COUNT, 64), expected: SENTENCE, actual: SENTENCE };
const LARGEST = nullable(record({ value: NUMBER, ...PAIR }));

const STATISTICS = record({
  elements: COUNT,
  differing: COUNT,
  share: SHARE,
  first: nullable(record(PAIR)),
  largestAbsolute: LARGEST,
  largestRelative: LARGEST,
  meanAbsolute: NUMBER,
  specials: COUNT,
  scale: NUMBER,
  differingNearZero: COUNT,
});

const OUTPUTS = list(
  union(
    kind(['close', 'different'], {
      output: NAME,
      tolerance: record({ absolute: NUMBER, relative: NUMBER }),
      statistics: STATISTICS,
    }),
    kind(['mismatch'], { output: NAME, reason: SENTENCE }),
  ),
  100_000,
);

const CASE = union(
  kind(['passed', 'failed'], { name: NAME, outputs: OUTPUTS }),
  kind(['no-reference'], { name: NAME }),
  kind(['updated'], { name: NAME, changed: OUTPUTS }),
  kind(['error'], { name: NAME, error: record({ code: NAME, message: SENTENCE, hint: SENTENCE }) }),
  kind(['not-runnable'], { name: NAME, reason: SENTENCE }),
);

const DRIFT = record({
  cause: { enum: ['model', 'runtime', 'model-and-runtime', 'nothing'] },
  inputs: { enum: ['case', 'synthetic'] },
  runs: COUNT,
  outputs: list(
    record({
      output: NAME,
      statistics: nullable(STATISTICS),
      reason: nullable(SENTENCE),
      cosine: nullable(NUMBER),
      topOneAgreement: nullable(SHARE),
      rows: COUNT,
    }),
    100_000,
  ),
});

const PAIRED_TEST = record({
  method: { enum: ['mcnemar-mid-p', 'paired-bootstrap'] },
  pValue: SHARE,
  interval: nullable(record({ low: NUMBER, high: NUMBER, confidence: SHARE })),
});

const ACCURACY = record({
  dataset: NAME,
  rows: COUNT,
  output: NAME,
  metrics: list(
    record({
      metric: { type: 'string', maxLength: 40 },
      candidate: nullable(NUMBER),
      base: nullable(NUMBER),
      drop: nullable(NUMBER),
      test: nullable(PAIRED_TEST),
      policy: record({ min: nullable(NUMBER), maxDrop: nullable(NUMBER) }),
      outcome: union(
        kind(['passed']),
        kind(['below-minimum'], { minimum: NUMBER }),
        kind(['dropped', 'inconclusive'], { maxDrop: NUMBER }),
        kind(['undefined'], { reason: SENTENCE }),
      ),
    }),
    1000,
  ),
  notANumber: COUNT,
});

export const CASES_SCHEMA: JsonSchema = {
  description: 'Test cases, the distance to the base on the same inputs, and accuracy on labelled rows.',
  ...record({ cases: list(CASE, 100_000), drift: nullable(DRIFT), accuracy: nullable(ACCURACY) }),
};
