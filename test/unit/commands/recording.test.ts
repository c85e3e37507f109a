import { describe, expect, it } from 'vitest';
import type { Fingerprint } from '../../../src/benchmark/measurement.ts';
import { measurementOf } from '../../../src/commands/check/recording.ts';
import type { MetricComparison } from '../../../src/regression/verdict.ts';
import type { MeasurementSummary } from '../../../src/report/report.ts';
import { sampleMetric, sampleModel } from '../../support/sample-reports.ts';

const fingerprint = { key: 'here' } as Fingerprint;

const measured = (
  metric: 'latency' | 'load-time' | 'memory',
  candidate: number,
  workload?: string,
): MetricComparison => ({
  ...sampleMetric(metric, candidate, candidate),
  samples: { base: [], candidate: [candidate] },
  ...(workload === undefined ? {} : { workload }),
});

const inputs = (name: string, feedDigest: string) => ({
  name,
  launches: 5,
  durationMs: 1000,
  feedDigest,
  feedOrigin: 'case' as const,
});

const alone: MeasurementSummary = { kind: 'alone', launches: 5, durationMs: 1000, feedDigest: 'd1' };

describe('what is recorded of a measurement', () => {
  it('is every set of inputs with its digest, and what does not depend on them once', () => {
    const report = sampleModel('digits', {
      metrics: [
        measured('latency', 1, 'short'),
        measured('load-time', 20),
        measured('memory', 100, 'short'),
        measured('latency', 8, 'long'),
        measured('memory', 300, 'long'),
        sampleMetric('file-size', 5, 5),
      ],
      measurement: { ...alone, inputs: [inputs('short', 'd1'), inputs('long', 'd2')] },
    });
    expect(measurementOf(report, fingerprint)).toEqual({
      fingerprint,
      inputs: { name: 'short', digest: 'd1' },
      metrics: { latency: 1, 'load-time': 20, memory: 100 },
      samples: { latency: [1], 'load-time': [20], memory: [100] },
      furtherInputs: [
        {
          inputs: { name: 'long', digest: 'd2' },
          metrics: { latency: 8, memory: 300 },
          samples: { latency: [8], memory: [300] },
        },
      ],
    });
  });

  it('is the only set where there is one, or where the others could not be run', () => {
    const one = sampleModel('digits', { metrics: [measured('latency', 1)], measurement: alone });
    expect(measurementOf(one, fingerprint)).toMatchObject({ inputs: { name: '', digest: 'd1' } });
    const failed = { ...measured('latency', 1, 'first'), candidate: null };
    const left = sampleModel('digits', {
      metrics: [failed, measured('latency', 3, 'second')],
      measurement: alone,
    });
    expect(measurementOf(left, fingerprint)).toMatchObject({
      inputs: { name: 'second', digest: 'd1' },
      metrics: { latency: 3 },
      furtherInputs: [],
    });
  });

  it('is nothing where nothing was measured or the machine is not known', () => {
    const none = sampleModel('digits', { measurement: { kind: 'not-measured', reason: 'same bytes' } });
    expect(measurementOf(none, fingerprint)).toBeNull();
    expect(measurementOf(sampleModel('digits', { measurement: alone }), null)).toBeNull();
  });
});
