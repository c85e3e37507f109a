import { describe, expect, it } from 'vitest';
import { REPORT_FORMAT_NAMES, renderReport } from '../../../src/report/formats.ts';
import type { ModelReport } from '../../../src/report/report.ts';
import { parseReport } from '../../../src/report/report-parsing.ts';
import { SAMPLE_REPORTS, sampleReport } from '../../support/sample-reports.ts';

/** Numbers that the schema lets through and nobody measured: a report of a fork may hold them. */
const NUMBERS = [0, -1, -1e308, 1e308, 5e-324, 1e-9, 9_007_199_254_740_991];
const [model] = SAMPLE_REPORTS.regressed.models;

function extreme(value: number): ModelReport {
  const other = value === 0 ? 1 : value / 2;
  return {
    ...model!,
    metrics: model!.metrics.map(metric => ({
      ...metric,
      base: value,
      candidate: other,
      difference: { estimate: value, low: -Math.abs(value), high: Math.abs(value), confidence: 0.98 },
      policy: { ...metric.policy, maxRegression: value, max: value },
      ...(metric.samples === undefined
        ? {}
        : { samples: { base: [value, value, other], candidate: [other, value] } }),
    })),
    history: {
      fingerprint: 'x',
      points: [value, other, 1, value].map(latency => ({
        createdAt: '2026-10-01T00:00:00Z',
        commit: null,
        version: null,
        metrics: { latency, memory: value },
      })),
    },
    layers: {
      rows: [value, other, 0].map(ms => ({
        name: 'layer',
        operator: 'Conv',
        baseMs: ms,
        candidateMs: value,
        baseMacs: ms,
        candidateMacs: value,
      })),
      others: { count: 3, baseMs: value, candidateMs: other },
    },
  };
}

describe.each(NUMBERS)('a report full of %d', value => {
  const report = sampleReport([extreme(value), { ...extreme(value), name: 'twin' }]);

  it('is valid, so that it gets this far', () => {
    expect(parseReport(JSON.stringify(report)).models).toHaveLength(2);
  });

  it.each(REPORT_FORMAT_NAMES)('becomes %s', async format => {
    const content = await renderReport(format, report, { commentKey: 'x', color: false, reportUrl: null });
    expect(content.length).toBeGreaterThan(100);
    if (typeof content === 'string' && format !== 'json') expect(content).not.toMatch(/\bNaN\b|undefined/u);
    if (format === 'html')
      expect(content).not.toMatch(/(?:x|y|x1|x2|cx|cy|width|height)="-?(?:Infinity|NaN)/u);
    if (format === 'html') expect(content).not.toMatch(/width="-/u);
  });
});
