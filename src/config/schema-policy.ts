import { DURATION_PATTERN } from './durations.ts';
import { type JsonSchema, withDefault } from './json-schema.ts';
import { PERCENT_PATTERN, SIZE_PATTERN } from './quantities.ts';

export const DURATION: JsonSchema = {
  title: 'a duration such as 30s, 3ms or 2min',
  type: 'string',
  pattern: DURATION_PATTERN,
};
const PERCENT: JsonSchema = {
  title: 'a percentage such as 5%',
  type: 'string',
  pattern: PERCENT_PATTERN,
};
export const SIZE: JsonSchema = {
  title: 'a size such as 500MB or 2GiB',
  type: 'string',
  pattern: SIZE_PATTERN,
};
const RATE: JsonSchema = { title: 'a number of rows a second', type: 'number', minimum: 0 };
const COUNT: JsonSchema = { title: 'a whole number', type: 'integer', minimum: 0 };

interface MetricText {
  readonly about: string;
  /** `max-regression` for what is measured, `max-increase` for what is counted. */
  /** Left out where only absolute limits make sense. */
  readonly limitKey?: 'max-regression' | 'max-increase';
  readonly max: JsonSchema;
  readonly maxExample: unknown;
  readonly minExample: unknown;
  readonly defaults: { readonly gate: string; readonly limit: string | null };
}

const METRICS: Readonly<Record<string, MetricText>> = {
  latency: {
    about: 'Median time of one run, base and candidate interleaved on the same machine.',
    limitKey: 'max-regression',
    max: DURATION,
    maxExample: '3ms',
    minExample: '0.1ms',
    defaults: { gate: 'hard', limit: '5%' },
  },
  'load-time': {
    about: 'Time from the file to a session that can run.',
    limitKey: 'max-regression',
    max: DURATION,
    maxExample: '2s',
    minExample: '1ms',
    defaults: { gate: 'warn', limit: '25%' },
  },
  memory: {
    about: 'Peak resident size of a fresh process that loads and runs the model.',
    limitKey: 'max-regression',
    max: SIZE,
    maxExample: '512MB',
    minExample: '10MB',
    defaults: { gate: 'hard', limit: '10%' },
  },
  throughput: {
    about:
      'Rows a second of one stream: the size of the first dimension by the latency. Compared only where it has a limit; the latency says the rest.',
    max: RATE,
    maxExample: 100_000,
    minExample: 500,
    defaults: { gate: 'hard', limit: null },
  },
  'file-size': {
    about: 'Size of the model, its external data included. Compared exactly.',
    limitKey: 'max-increase',
    max: SIZE,
    maxExample: '100MB',
    minExample: '1KB',
    defaults: { gate: 'warn', limit: '20%' },
  },
  parameters: {
    about: 'Number of parameters (elements of the initializers). Compared exactly; shown without a gate.',
    limitKey: 'max-increase',
    max: COUNT,
    maxExample: 25_000_000,
    minExample: 1000,
    defaults: { gate: 'off', limit: null },
  },
  nodes: {
    about: 'Number of nodes of the graph. Compared exactly; shown without a gate.',
    limitKey: 'max-increase',
    max: COUNT,
    maxExample: 500,
    minExample: 1,
    defaults: { gate: 'off', limit: null },
  },
};

function metricSchema(metric: MetricText, defaults: boolean): JsonSchema {
  return {
    type: 'object',
    description: metric.about,
    additionalProperties: false,
    properties: {
      gate: withDefault(
        {
          description:
            '`hard`: going over a limit fails the check. `warn`: it is reported and passes. `off`: the numbers are only shown.',
          enum: ['hard', 'warn', 'off'],
        },
        metric.defaults.gate,
        defaults,
      ),
      ...(metric.limitKey === undefined
        ? {}
        : {
            [metric.limitKey]: withDefault(
              {
                ...PERCENT,
                description: 'Largest increase over the base that is tolerated.',
                examples: ['5%'],
              },
              metric.defaults.limit,
              defaults,
            ),
          }),
      max: {
        ...metric.max,
        description: 'Largest value that is tolerated whatever the base has.',
        examples: [metric.maxExample],
      },
      min: {
        ...metric.max,
        description: 'Smallest value that is tolerated whatever the base has.',
        examples: [metric.minExample],
      },
    },
  };
}

const ACCEPT_ENTRY: JsonSchema = {
  description:
    'The name of a finding as the report shows it (`input-renamed:pixels` for one break, `slower` for a metric), or a mapping that also ties it to one file and says why.',
  type: ['string', 'object'],
  minLength: 1,
  maxLength: 300,
  additionalProperties: false,
  required: ['finding'],
  properties: {
    finding: {
      description: 'Name of the finding that is accepted, as the report shows it.',
      type: 'string',
      minLength: 1,
      maxLength: 300,
      examples: ['input-renamed:pixels'],
    },
    sha256: {
      title: 'a sha256 in 64 lower-case hexadecimal digits',
      description:
        'Digest of the one model file for which it is accepted. Without it, it is accepted of every later file too.',
      type: 'string',
      pattern: '^[0-9a-f]{64}$',
      examples: ['9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
    },
    reason: {
      description: 'Why, for the people who read it later.',
      type: 'string',
      maxLength: 1000,
      examples: ['all callers moved in the pull request before'],
    },
  },
  examples: ['input-renamed:pixels'],
};

/** The schema of a `policy:` mapping; with defaults under `defaults:`, without them under a model. */
export function policySchema(defaults: boolean): JsonSchema {
  const metrics = Object.entries(METRICS).map(
    ([name, metric]) => [name, metricSchema(metric, defaults)] as const,
  );
  const origin = defaults ? '' : ' What is left out comes from `defaults.policy`.';
  return {
    type: 'object',
    description: `What fails a check, what only warns.${origin} In a pull request the policy of the base commit counts.`,
    additionalProperties: false,
    properties: {
      ...Object.fromEntries(metrics),
      contract: {
        type: 'object',
        description:
          'What a change of the interface (inputs, outputs, types, shapes) that breaks callers means.',
        additionalProperties: false,
        properties: {
          gate: withDefault(
            {
              description:
                '`hard`: a break fails the check. `warn`: it is reported and passes. `off`: it is only shown.',
              enum: ['hard', 'warn', 'off'],
            },
            'hard',
            defaults,
          ),
          accept: withDefault(
            {
              description: 'Findings that are accepted on purpose.',
              type: 'array',
              maxItems: 200,
              items: ACCEPT_ENTRY,
            },
            [],
            defaults,
          ),
        },
      },
      inconclusive: withDefault(
        {
          description: 'What a measurement that could not decide within its budget means.',
          enum: ['pass', 'fail'],
        },
        'pass',
        defaults,
      ),
      'no-baseline': withDefault(
        {
          description: 'What it means when there is nothing to compare a model with, as with a new one.',
          enum: ['pass', 'fail'],
        },
        'pass',
        defaults,
      ),
      history: withDefault(
        {
          description:
            'What it means that a model is above the recorded measurements of the same kind of machine (docs/measuring.md). Only asked where the base could not be measured; weaker evidence, since machines of one kind differ.',
          enum: ['hard', 'warn', 'off'],
        },
        'warn',
        defaults,
      ),
      runtime: withDefault(
        {
          description:
            'What it means that another version of the runtime alone makes the model slower (docs/measuring.md).',
          enum: ['hard', 'warn', 'off'],
        },
        'warn',
        defaults,
      ),
    },
  };
}
