/** JSON Schema 2020-12 of `Report`; schemas/report.schema.json is written from it by scripts/generate-docs.ts. */

import { describeSchema } from '../shared/schema-words.ts';
import { CASES_SCHEMAS } from './report-schema-cases.ts';
import { MEASUREMENT_SCHEMAS } from './report-schema-measurement.ts';
import { OUTLINE_SCHEMA } from './report-schema-outline.ts';
import {
  boolean,
  choice,
  count,
  dictionary,
  type JsonSchema,
  kind,
  list,
  NAME,
  nullable,
  number,
  record,
  ref,
  SENTENCE,
  SHORT,
  share,
  size,
  text,
  union,
} from './report-schema-parts.ts';
import { REPORT_WORDS } from './report-schema-words.ts';

/** Models that one report may hold; a test of the privileged follow-up job counts on it. */
export const REPORT_MAX_MODELS = 5_000;
/** Parts that a check may be split into. */
/** As many as GitHub's matrix can have. */
export const REPORT_MAX_SHARDS = 256;

const DEFINITIONS: Readonly<Record<string, JsonSchema>> = {
  gate: {
    description:
      'passed: nothing against it; warned: only soft gates; failed: a hard gate; no-verdict: it could not be decided.',
    ...choice('passed', 'warned', 'failed', 'no-verdict'),
  },
  finding: record({
    code: text(SHORT, 'Permanent name, as docs/errors.md lists it.'),
    severity: choice('error', 'warning', 'info'),
    message: text(SENTENCE),
    hint: text(SENTENCE),
  }),
  value: record(
    {
      name: text(NAME),
      kind: choice('tensor', 'sparse_tensor', 'sequence', 'map', 'optional'),
      dtype: text(40),
      shape: nullable(list({ anyOf: [number, text(NAME), { type: 'null' }] }, 10_000)),
      type: text(NAME),
    },
    ['type'],
  ),
  inspection: record({
    path: text(NAME),
    sizeBytes: size,
    sha256: nullable({ type: 'string', pattern: '^[0-9a-f]{64}$' }),
    format: choice('onnx', 'ort'),
    irVersion: nullable(number),
    opsets: dictionary(number, 10_000),
    producer: record({ name: text(NAME), version: text(NAME) }),
    metadata: dictionary(text(4 * 1024 * 1024), 10_000),
    inputs: list(ref('value'), 100_000),
    outputs: list(ref('value'), 100_000),
    nodeCount: count,
    subgraphNodeCount: count,
    functionCount: count,
    operators: dictionary(number, 100_000),
    initializerCount: count,
    parameterCount: size,
    initializerBytes: dictionary(number, 1_000),
    externalData: list(record({ path: text(NAME), sizeBytes: nullable(size), exists: boolean }), 100_000),
    findings: list(ref('finding'), 10_000),
  }),
  contract: record({
    kind: choice('unchanged', 'compatible', 'breaking'),
    bump: choice('patch', 'minor', 'major'),
    changes: list(
      record({
        rule: text(SHORT),
        effect: choice('breaking', 'compatible'),
        side: choice('input', 'output', 'model'),
        name: text(NAME),
        base: nullable(ref('value')),
        candidate: nullable(ref('value')),
        message: text(SENTENCE),
      }),
      100_000,
    ),
  }),
  difference: {
    description: 'candidate / base - 1 with its interval; low = high where it is exact.',
    ...record({
      estimate: number,
      low: number,
      high: number,
      confidence: share,
    }),
  },
  ...MEASUREMENT_SCHEMAS,
  state: union(
    kind('changed'),
    kind('identical'),
    kind('added'),
    kind('deleted'),
    kind('moved', { from: text(NAME), identical: boolean }),
    kind('no-base', { reason: text(SENTENCE) }),
    kind('production', { version: text(NAME), since: nullable(text(NAME)) }),
  ),
  model: record(
    {
      name: text(NAME),
      path: text(NAME, "Relative to the repository's root, with `/`."),
      state: ref('state'),
      gate: ref('gate'),
      base: nullable(ref('inspection')),
      candidate: nullable(ref('inspection')),
      contract: nullable(ref('contract')),
      metrics: list(ref('metric'), 200),
      measurement: ref('measurement'),
      version: nullable(record({ previous: nullable(text(SHORT)), next: text(SHORT) })),
      findings: list(ref('finding'), 10_000),
      accepted: {
        description: 'What would have failed and was accepted on purpose.',
        ...list(record({ finding: text(NAME), by: choice('label', 'configuration', 'flag') }), 10_000),
      },
      contractGate: choice('hard', 'warn', 'off'),
      configured: boolean,
      cases: ref('cases'),
      history: ref('history'),
      layers: ref('layers'),
      otherLayers: list(ref('layers'), 100),
      outline: ref('outline'),
    },
    ['contractGate', 'configured', 'cases', 'history', 'layers', 'otherLayers', 'outline'],
  ),
  ...CASES_SCHEMAS,
  outline: OUTLINE_SCHEMA,
  history: {
    description: 'Earlier measurements on the same fingerprint, oldest first.',
    ...record({
      fingerprint: text(SHORT),
      points: list(
        record({
          createdAt: text(40),
          commit: nullable(text(64)),
          version: nullable(text(SHORT)),
          metrics: record({ latency: number, 'load-time': number, memory: number }, [
            'latency',
            'load-time',
            'memory',
          ]),
        }),
        1_000,
      ),
    }),
  },
  layers: {
    description: 'Where the time goes, by profiled layer.',
    ...record(
      {
        workload: text(NAME),
        launches: count,
        rows: list(
          record(
            {
              name: text(NAME),
              operator: text(NAME),
              baseMs: nullable(number),
              candidateMs: nullable(number),
              noiseMs: size,
              baseMacs: nullable(number),
              candidateMacs: nullable(number),
            },
            ['noiseMs'],
          ),
          10_000,
        ),
        others: record({ count, baseMs: nullable(number), candidateMs: nullable(number) }),
        operators: list(
          record({
            operator: text(NAME),
            baseCount: count,
            candidateCount: count,
            baseMs: number,
            candidateMs: number,
          }),
          10_000,
        ),
      },
      ['operators', 'workload', 'launches'],
    ),
  },
  commit: record({
    sha: { type: 'string', pattern: '^[0-9a-f]{7,64}$' },
    role: text(SHORT, 'How it was found, for people.'),
  }),
  shard: {
    description: 'Which part of a split check this is; absent in a whole one.',
    ...record({
      index: { type: 'integer', minimum: 1 },
      assignment: { minItems: 1, ...list(list(text(NAME), REPORT_MAX_MODELS), REPORT_MAX_SHARDS) },
      comparisons: count,
      acceptances: list(text(NAME), REPORT_MAX_MODELS),
    }),
  },
  environment: record(
    {
      key: text(SHORT),
      cpuModel: text(SHORT),
      isa: text(SHORT),
      cores: size,
      cpuQuota: nullable(number),
      memoryGiB: size,
      os: text(SHORT),
      kernel: text(SHORT),
      arch: text(SHORT),
      nodeVersion: text(SHORT),
      runtimeVersion: text(SHORT),
      provider: text(SHORT),
      threads: count,
      calibrationMs: number,
      governor: text(SHORT),
      virtualised: boolean,
    },
    ['calibrationMs', 'governor', 'virtualised'],
  ),
};

const REPORT_FIELDS: JsonSchema = record(
  {
    schemaVersion: { const: 1 },
    tool: record({ name: { const: 'quickserveml' }, version: text(SHORT) }),
    createdAt: { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?Z$' },
    gate: ref('gate'),
    base: nullable(ref('commit')),
    head: nullable(ref('commit')),
    change: record({
      platform: choice('github', 'gitlab', 'jenkins', 'local'),
      repository: nullable(text(SHORT)),
      pullRequest: nullable({ type: 'integer', minimum: 1 }),
      runUrl: nullable(text(4 * SHORT)),
      filesUrl: nullable(text(4 * SHORT)),
    }),
    models: list(ref('model'), REPORT_MAX_MODELS),
    findings: list(ref('finding'), 10_000),
    environment: nullable(ref('environment')),
    seed: number,
    durationMs: size,
    registry: record({
      branch: text(SHORT),
      recording: choice('planned', 'recorded', 'skipped', 'failed'),
      reason: text(SENTENCE),
      entries: list(record({ model: text(NAME), version: text(SHORT), new: boolean }), 100_000),
    }),
    shard: ref('shard'),
  },
  ['shard'],
);

export const REPORT_SCHEMA: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'QuickServeML report',
  description:
    'The whole outcome of one `quickserveml check`. Fields may be added within a schemaVersion, never renamed.',
  ...describeSchema(REPORT_FIELDS, REPORT_WORDS['report'] ?? {}),
  $defs: Object.fromEntries(
    Object.entries(DEFINITIONS).map(([name, schema]) => [
      name,
      describeSchema(schema, REPORT_WORDS[name] ?? {}),
    ]),
  ),
};
