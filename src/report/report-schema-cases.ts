/** JSON Schema of the part of a report that cases, drift and accuracy make up (cases/cases-report.ts). */

import {
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
  share,
  text,
  union,
} from './report-schema-parts.ts';

const PAIR = { index: list(count, 64), expected: text(SENTENCE), actual: text(SENTENCE) };
const LARGEST = nullable(record({ value: number, ...PAIR }));

const comparedOutput = (name: string): JsonSchema =>
  kind(name, {
    output: text(NAME),
    tolerance: record({ absolute: number, relative: number }),
    statistics: ref('statistics'),
  });
const OUTPUTS = list(ref('comparedOutput'), 100_000);

const PAIRED_TEST = record({
  method: choice('mcnemar-mid-p', 'paired-bootstrap'),
  pValue: share,
  interval: nullable(record({ low: number, high: number, confidence: share })),
});

export const CASES_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  cases: {
    description: 'Test cases, the distance to the base on the same inputs, and accuracy on labelled rows.',
    ...record({
      cases: list(ref('case'), 100_000),
      drift: nullable(ref('drift')),
      accuracy: nullable(ref('accuracy')),
    }),
  },
  case: union(
    kind('passed', { name: text(NAME), outputs: OUTPUTS }),
    kind('failed', { name: text(NAME), outputs: OUTPUTS }),
    kind('no-reference', { name: text(NAME) }),
    kind('updated', { name: text(NAME), changed: OUTPUTS }),
    kind('error', {
      name: text(NAME),
      error: record({ code: text(NAME), message: text(SENTENCE), hint: text(SENTENCE) }),
    }),
    kind('not-runnable', { name: text(NAME), reason: text(SENTENCE) }),
  ),
  comparedOutput: union(
    comparedOutput('close'),
    comparedOutput('different'),
    kind('mismatch', { output: text(NAME), reason: text(SENTENCE) }),
  ),
  statistics: {
    description: 'How the elements of two tensors of the same dtype and shape differ.',
    ...record({
      elements: count,
      differing: count,
      share,
      first: nullable(record(PAIR)),
      largestAbsolute: LARGEST,
      largestRelative: LARGEST,
      meanAbsolute: number,
      specials: count,
      scale: number,
      differingNearZero: count,
    }),
  },
  drift: {
    description:
      'How far base and candidate are apart on the same inputs; says nothing about which is right.',
    ...record({
      cause: choice('model', 'runtime', 'model-and-runtime', 'nothing'),
      inputs: choice('case', 'synthetic'),
      runs: count,
      outputs: list(
        record({
          output: text(NAME),
          statistics: nullable(ref('statistics')),
          reason: nullable(text(SENTENCE)),
          cosine: nullable(number),
          topOneAgreement: nullable(share),
          rows: count,
        }),
        100_000,
      ),
    }),
  },
  accuracy: record({
    dataset: text(NAME),
    rows: count,
    output: text(NAME),
    metrics: list(
      record({
        metric: text(40),
        candidate: nullable(number),
        base: nullable(number),
        drop: nullable(number),
        test: nullable(PAIRED_TEST),
        policy: record({ min: nullable(number), maxDrop: nullable(number) }),
        outcome: ref('accuracyOutcome'),
      }),
      1000,
    ),
    notANumber: count,
  }),
  accuracyOutcome: union(
    kind('passed'),
    kind('below-minimum', { minimum: number }),
    kind('dropped', { maxDrop: number }),
    kind('inconclusive', { maxDrop: number }),
    kind('no-baseline', { maxDrop: number }),
    kind('undefined', { reason: text(SENTENCE) }),
  ),
};
