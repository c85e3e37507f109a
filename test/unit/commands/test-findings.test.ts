import { expect, it } from 'vitest';
import type { AccuracyReport } from '../../../src/cases/accuracy-report.ts';
import { accuracyFindings } from '../../../src/commands/check/test-findings.ts';

const WITHOUT_BASE: AccuracyReport = {
  dataset: 'd.npz',
  rows: 10,
  output: 'y',
  notANumber: 0,
  metrics: [
    {
      metric: 'top-1',
      candidate: 0.9,
      base: null,
      drop: null,
      test: null,
      policy: { min: null, maxDrop: 0.01 },
      outcome: { kind: 'no-baseline', maxDrop: 0.01 },
    },
  ],
};

it.each([
  ['pass', 'info'],
  ['fail', 'error'],
] as const)(
  'with policy.no-baseline: %s, an accuracy without a base is of severity %s',
  (noBaseline, severity) => {
    expect(accuracyFindings(WITHOUT_BASE, { noBaseline })).toMatchObject([
      {
        code: 'ACCURACY_NO_BASELINE',
        severity,
        message: expect.stringContaining('no base ran on these rows'),
      },
    ]);
  },
);
