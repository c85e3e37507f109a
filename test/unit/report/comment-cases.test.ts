import { describe, expect, it } from 'vitest';
import type { CasesReport } from '../../../src/cases/cases-report.ts';
import { shareText, shortNumber } from '../../../src/report/cases-words.ts';
import { renderJobSummary } from '../../../src/report/comment.ts';
import { casesBlocks } from '../../../src/report/comment-cases.ts';
import { sampleModel, sampleReport } from '../../support/sample-reports.ts';

const statistics = {
  elements: 10,
  differing: 1,
  share: 0.1,
  first: { index: [3], expected: '1', actual: '@everyone <img src=x>' },
  largestAbsolute: null,
  largestRelative: null,
  meanAbsolute: 0,
  specials: 0,
  scale: 1,
  differingNearZero: 0,
};

const report: CasesReport = {
  cases: [
    { kind: 'passed', name: 'a', outputs: [] },
    {
      kind: 'failed',
      name: '[click](http://evil.example)',
      outputs: [
        { kind: 'different', output: '@team | `x`', tolerance: { absolute: 0, relative: 0 }, statistics },
      ],
    },
    { kind: 'not-runnable', name: 'c', reason: 'a sequence' },
  ],
  drift: {
    cause: 'runtime',
    inputs: 'synthetic',
    runs: 1,
    outputs: [
      {
        output: 'y',
        statistics: { ...statistics, differing: 0 },
        reason: null,
        cosine: 1,
        topOneAgreement: 1,
        rows: 1,
      },
    ],
  },
  accuracy: {
    dataset: 'd.npz',
    rows: 300,
    output: 'y',
    notANumber: 2,
    metrics: [
      {
        metric: 'top-1',
        candidate: 0.9,
        base: 0.95,
        drop: 0.05,
        test: { method: 'mcnemar-mid-p', pValue: 0.001, interval: null },
        policy: { min: null, maxDrop: 0.01 },
        outcome: { kind: 'dropped', maxDrop: 0.01 },
      },
    ],
  },
};

it('a failed case names the label that accepts it; accepted, it says by what', () => {
  const finding = {
    code: 'CASE_FAILED',
    severity: 'error',
    message: 'Case a',
    hint: 'Write it down.',
  } as const;
  const failed = renderJobSummary(
    sampleReport([sampleModel('digits', { gate: 'failed', findings: [finding] })], { gate: 'failed' }),
    null,
  );
  expect(failed).toContain('fails a test case');
  expect(failed).toContain('Write it down. Accept it on purpose with the label `accept-failed-case:digits`.');
  const accepted = renderJobSummary(
    sampleReport(
      [
        sampleModel('digits', {
          gate: 'warned',
          findings: [{ ...finding, severity: 'warning' }],
          accepted: [{ finding: 'failed-case:digits', by: 'label' }],
        }),
      ],
      { gate: 'warned' },
    ),
    null,
  );
  expect(accepted).toContain('fails a test case · accepted on purpose');
  expect(accepted).toContain('Accepted on purpose, by label.');
});

describe('cases in the comment', () => {
  const text = casesBlocks(report).join('\n\n');

  it('counts what passed and shows what did not', () => {
    expect(text).toContain('Cases: 1 of 3 cases passed');
    expect(text).toContain('1 of 10 elements differ');
    expect(text).toContain('the same bytes in another runtime');
    expect(text).toContain('worse by 0.05');
    expect(text).toContain('2 rows gave NaN');
  });

  it('escapes what comes from a model or a file name', () => {
    expect(text).not.toContain('[click](');
    expect(text).not.toContain('<img');
    expect(text).not.toMatch(/(?<!\\)@(?:everyone|team)\b/);
  });

  it('is empty where nothing was tested', () => {
    expect(casesBlocks({ cases: [], drift: null, accuracy: null })).toEqual([]);
  });

  it.each([
    [0, '0'],
    [3.4332e-4, '3.43e-4'],
    [22643695615, '2.26e10'],
    [0.5, '0.5'],
    [1e-5, '1e-5'],
    [123.456, '123'],
  ])('writes %d as %s', (value, wanted) => expect(shortNumber(value)).toBe(wanted));

  it('writes small shares as what they are', () => {
    expect([shareText(0.1), shareText(0.00001), shareText(0), shareText(1)]).toEqual([
      '10 %',
      'under 0.01 %',
      '0 %',
      '100 %',
    ]);
  });
});
