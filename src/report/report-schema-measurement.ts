/** JSON Schema of the part of a report that was measured: the metrics, and how their numbers came about. */

import {
  boolean,
  choice,
  count,
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
  size,
  text,
  union,
} from './report-schema-parts.ts';

/** What only some measurements have. */
const MEASUREMENT_EXTRAS: Readonly<Record<string, JsonSchema>> = {
  baseFeedDigest: text(SHORT),
  inputs: list(
    record(
      {
        name: text(NAME),
        launches: count,
        durationMs: size,
        feedDigest: text(SHORT),
        baseFeedDigest: text(SHORT),
        feedOrigin: choice('case', 'dataset', 'synthetic'),
      },
      ['baseFeedDigest'],
    ),
    100,
  ),
  noise: record({ stealShare: nullable(number), loadPerCpu: nullable(number), trust: text(SENTENCE) }),
};

export const MEASUREMENT_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  outcome: union(
    kind('regressed', { confirmed: boolean }),
    kind('improved'),
    kind('unchanged'),
    kind('within-limits'),
    kind('inconclusive', { reason: text(SENTENCE) }),
    kind('over-limit', { limit: number }),
    kind('under-limit', { limit: number }),
    kind('disappeared', { reason: text(SENTENCE) }),
    kind('failed', { reason: text(SENTENCE) }),
    kind('no-baseline', { history: record({ points: count, wanted: count }) }, ['history']),
    kind('not-measured', { reason: text(SENTENCE) }),
  ),
  metric: record(
    {
      metric: choice('latency', 'load-time', 'memory', 'throughput', 'file-size', 'parameters', 'nodes'),
      workload: text(NAME),
      unit: choice('ms', 'bytes', 'count', 'per-second'),
      base: nullable(number),
      candidate: nullable(number),
      difference: nullable(ref('difference')),
      policy: record(
        {
          gate: choice('hard', 'warn', 'off'),
          maxRegression: nullable(number),
          max: nullable(number),
          min: number,
        },
        ['min'],
      ),
      outcome: ref('outcome'),
      samples: record({ base: list(number, 10_000), candidate: list(number, 10_000) }),
    },
    ['samples', 'workload'],
  ),
  measurement: union(
    kind(
      'interleaved',
      {
        launches: count,
        runs: count,
        durationMs: size,
        confirmed: boolean,
        feedDigest: text(SHORT),
        feedOrigin: choice('case', 'dataset', 'synthetic'),
        waitShare: nullable(number),
        ...MEASUREMENT_EXTRAS,
      },
      Object.keys(MEASUREMENT_EXTRAS),
    ),
    kind(
      'alone',
      {
        launches: count,
        durationMs: size,
        feedDigest: text(SHORT),
        feedOrigin: choice('case', 'dataset', 'synthetic'),
        ...MEASUREMENT_EXTRAS,
      },
      ['feedDigest', 'feedOrigin', ...Object.keys(MEASUREMENT_EXTRAS)],
    ),
    kind('not-measured', { reason: text(SENTENCE) }),
  ),
};
