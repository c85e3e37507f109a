import type { JsonSchema } from './json-schema.ts';
import { SIZE } from './schema-policy.ts';

const COPIES = { title: 'a whole number above 0', type: 'integer', minimum: 1, maximum: 10_000 };

/** What `deploy render` writes manifests from; options of the command come before it. */
export const DEPLOY_SCHEMA: JsonSchema = {
  type: 'object',
  description: 'How a server is delivered: what `deploy render` writes manifests from.',
  additionalProperties: false,
  properties: {
    load: {
      title: 'a number above 0',
      description: 'Predictions a second that are to be answered; the number of copies follows from it.',
      type: 'number',
      minimum: 0.001,
      maximum: 1e9,
      examples: [200],
    },
    replicas: {
      ...COPIES,
      description: 'Copies that always run. Default: what the load needs, at least 2.',
      examples: [2],
    },
    'max-replicas': {
      ...COPIES,
      description: 'Copies at most. Default: twice as many as always run.',
      examples: [10],
    },
    cpus: {
      title: 'a number from 0.25 on',
      description: 'Processors of one copy. Default: the threads of the measurement.',
      type: 'number',
      minimum: 0.25,
      maximum: 128,
      examples: [2],
    },
    memory: {
      ...SIZE,
      description: 'Memory of one copy. Default: 1.5 times what was measured, and 160 MiB for the server.',
      examples: ['1GiB'],
    },
    prices: {
      description: 'Machines and what an hour of each costs, for the cost of a million predictions.',
      type: 'array',
      minItems: 1,
      maxItems: 200,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['machine', 'cpus', 'memory', 'hourly'],
        properties: {
          machine: { description: 'Its name.', type: 'string', minLength: 1, maxLength: 100 },
          cpus: { description: 'Its processors.', type: 'number', minimum: 0.25, maximum: 1024 },
          memory: { ...SIZE, description: 'Its memory.' },
          hourly: {
            description: 'Price of an hour, in the currency that you think in.',
            type: 'number',
            minimum: 0,
            maximum: 1e6,
          },
        },
      },
      examples: [[{ machine: 'c7i.large', cpus: 2, memory: '4GiB', hourly: 0.0893 }]],
    },
  },
};
