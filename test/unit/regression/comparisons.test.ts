import { describe, expect, it } from 'vitest';
import { measurePair } from '../../../src/benchmark/interleaved.ts';
import { measureSolo } from '../../../src/benchmark/solo.ts';
import type { Inspection } from '../../../src/model/inspection.ts';
import {
  comparisonCount,
  comparisonsOf,
  disappearedMetrics,
  type Measured,
  type MeasuredWorkload,
  type MetricPolicies,
} from '../../../src/regression/comparisons.ts';
import { compareCounted, countOf } from '../../../src/regression/counted.ts';
import { planErrors } from '../../../src/regression/error-plan.ts';
import { judgeTimes } from '../../../src/regression/timed.ts';
import type { MetricPolicy } from '../../../src/regression/verdict.ts';
import {
  feeds,
  plan,
  quietMachine,
  type SimulatedMachine,
  simulateLauncher,
} from '../../support/simulated-launcher.ts';

const hard: MetricPolicy = { gate: 'hard', maxRegression: 0.05, max: null };

const inspection: Inspection = {
  path: 'a.onnx',
  sizeBytes: 1000,
  sha256: null,
  format: 'onnx',
  irVersion: 8,
  opsets: { 'ai.onnx': 17 },
  producer: { name: '', version: '' },
  metadata: {},
  inputs: [],
  outputs: [],
  nodeCount: 10,
  subgraphNodeCount: 2,
  functionCount: 0,
  operators: {},
  initializerCount: 1,
  parameterCount: 200,
  initializerBytes: {},
  externalData: [
    { path: 'a.bin', sizeBytes: 500, exists: true },
    { path: 'gone.bin', sizeBytes: null, exists: false },
  ],
  findings: [],
};

const pair = (machine: Partial<SimulatedMachine>) => {
  const { launcher, now } = simulateLauncher(() => ({ ...quietMachine, ...machine }));
  return measurePair({
    plan,
    basePath: '/base.onnx',
    candidatePath: '/candidate.onnx',
    feeds: { base: feeds, candidate: feeds },
    launcher,
    now,
  });
};
const solo = () => {
  const { launcher, now } = simulateLauncher(() => quietMachine);
  return measureSolo({ plan, modelPath: '/model.onnx', feeds, launcher, now });
};

describe('counted metrics', () => {
  it('count the file with its external data, and nodes with those of subgraphs', () => {
    expect(countOf('file-size', inspection)).toBe(1500);
    expect(countOf('nodes', inspection)).toBe(12);
    expect(countOf('parameters', inspection)).toBe(200);
  });

  it('may grow by exactly the tolerance and not by one more', () => {
    const policy: MetricPolicy = { ...hard, maxRegression: 0.2 };
    expect(compareCounted('file-size', 1000, 1200, policy).outcome).toEqual({ kind: 'unchanged' });
    expect(compareCounted('file-size', 1000, 1201, policy).outcome).toEqual({
      kind: 'regressed',
      confirmed: true,
    });
    expect(compareCounted('file-size', 1000, 999, policy).outcome).toEqual({ kind: 'improved' });
  });

  it('are exact: the interval is a point', () => {
    expect(compareCounted('nodes', 10, 15, hard).difference).toEqual({
      estimate: 0.5,
      low: 0.5,
      high: 0.5,
      confidence: 1,
    });
  });

  it('are held against the absolute limit first, without a base too', () => {
    const policy: MetricPolicy = { ...hard, max: 1000 };
    expect(compareCounted('file-size', null, 1001, policy).outcome).toEqual({
      kind: 'over-limit',
      limit: 1000,
    });
    expect(compareCounted('file-size', 2000, 1001, policy).outcome).toEqual({
      kind: 'over-limit',
      limit: 1000,
    });
    expect(compareCounted('file-size', null, 1000, policy).outcome).toEqual({ kind: 'no-baseline' });
  });

  it('have no ratio to a base of zero, and still regress', () => {
    const comparison = compareCounted('parameters', 0, 5, hard);
    expect(comparison.difference).toBeNull();
    expect(comparison.outcome.kind).toBe('regressed');
  });

  it('cannot regress without a relative limit', () => {
    const policy: MetricPolicy = { gate: 'off', maxRegression: null, max: null };
    expect(compareCounted('parameters', 5, 500, policy).outcome).toEqual({ kind: 'unchanged' });
  });
});

describe('measured metrics', () => {
  it('regress as the test decided, with estimate, interval and samples', async () => {
    const comparison = judgeTimes('latency', await pair({ ratio: 1.3 }), hard);
    expect(comparison).toMatchObject({
      metric: 'latency',
      unit: 'ms',
      outcome: { kind: 'regressed', confirmed: true },
    });
    expect(comparison.difference?.low).toBeGreaterThan(0.25);
    expect(comparison.difference?.high).toBeLessThan(0.35);
    expect(comparison.samples?.candidate).toHaveLength(5);
  });

  it('are over an absolute limit only where the noise leaves no doubt', async () => {
    const measurement = await pair({ spread: 0.01 });
    const median = measurement.latency.candidate ?? 0;
    const outcomeAt = (max: number) => judgeTimes('latency', measurement, { ...hard, max }).outcome;
    expect(outcomeAt(1)).toEqual({ kind: 'over-limit', limit: 1 });
    expect(outcomeAt(median * 0.9999).kind).toBe('inconclusive');
    expect(outcomeAt(median * 1.01)).toEqual({ kind: 'unchanged' });
  });

  it('regress even where the absolute limit is in doubt', async () => {
    const measurement = await pair({ ratio: 1.3, spread: 0.01 });
    const max = (measurement.latency.candidate ?? 0) * 0.9999;
    expect(judgeTimes('latency', measurement, { ...hard, max }).outcome.kind).toBe('regressed');
  });

  it('are under a smallest value only where the noise leaves no doubt', async () => {
    const measurement = await pair({ spread: 0.01 });
    const median = measurement.latency.candidate ?? 0;
    const outcomeAt = (min: number) => judgeTimes('latency', measurement, { ...hard, min }).outcome;
    expect(outcomeAt(median * 2)).toEqual({ kind: 'under-limit', limit: median * 2 });
    expect(outcomeAt(median * 1.0001).kind).toBe('inconclusive');
    expect(outcomeAt(median * 0.99)).toEqual({ kind: 'unchanged' });
    expect(compareCounted('nodes', null, 3, { ...hard, min: 4 }).outcome).toEqual({
      kind: 'under-limit',
      limit: 4,
    });
  });

  it('have no baseline where a model was measured alone, and can be over the limit', async () => {
    const measurement = await solo();
    expect(judgeTimes('memory', measurement, hard)).toMatchObject({
      unit: 'bytes',
      base: null,
      outcome: { kind: 'no-baseline' },
    });
    expect(judgeTimes('memory', measurement, { ...hard, max: 1000 }).outcome.kind).toBe('over-limit');
  });

  it('with an interval that is open have no difference', async () => {
    const comparison = judgeTimes('latency', await pair({ launchMs: 20_000 }), hard);
    expect(comparison.outcome.kind).toBe('inconclusive');
    expect(comparison.difference).toBeNull();
  });
});

describe('all comparisons of a model', () => {
  const policies: MetricPolicies = {
    latency: hard,
    'load-time': hard,
    memory: hard,
    throughput: { gate: 'hard', maxRegression: null, max: null },
    'file-size': hard,
    parameters: hard,
    nodes: hard,
  };

  const both = { base: inspection, candidate: inspection };
  const one = (measured: Measured): readonly MeasuredWorkload[] => [{ name: '', rows: 1, measured }];

  it('are those of each set of inputs, where load time has none and is measured once', async () => {
    const measured = await pair({});
    const workloads = ['batch=1', 'batch=8'].map((name, index) => ({ name, rows: 1 + 7 * index, measured }));
    const comparisons = comparisonsOf(workloads, policies, both);
    expect(comparisons.slice(0, 5).map(({ metric, workload }) => [metric, workload])).toEqual([
      ['latency', 'batch=1'],
      ['load-time', undefined],
      ['memory', 'batch=1'],
      ['latency', 'batch=8'],
      ['memory', 'batch=8'],
    ]);
    expect(comparisonCount(2)).toBe(5);
    expect(comparisonCount(1)).toBe(3);
  });

  it('say that a model failed with some inputs, and that others are not measured any more', () => {
    const comparisons = comparisonsOf(
      [
        { name: 'a', rows: 1, measured: { kind: 'failed', reason: 'It ran out of memory.' } },
        { name: 'b', rows: 1, measured: { kind: 'disappeared', reason: 'Nobody wants it.' } },
      ],
      policies,
      { base: null, candidate: null },
    );
    expect(comparisons.map(({ metric, outcome }) => `${metric} ${outcome.kind}`)).toEqual([
      'latency failed',
      'load-time failed',
      'memory failed',
      'latency disappeared',
      'memory disappeared',
    ]);
  });

  it('have rows a second only where these have a limit, which they keep or surely break', async () => {
    const measured = await pair({ spread: 0.002 });
    const perSecond = 8000 / (measured.latency.candidate ?? 0);
    const outcomeAt = (min: number) =>
      comparisonsOf(
        [{ name: '', rows: 8, measured }],
        { ...policies, throughput: { ...hard, min } },
        both,
      ).find(({ metric }) => metric === 'throughput');
    expect(outcomeAt(perSecond * 1.1)?.outcome).toEqual({ kind: 'under-limit', limit: perSecond * 1.1 });
    expect(outcomeAt(perSecond * 1.00001)?.outcome.kind).toBe('inconclusive');
    expect(outcomeAt(perSecond * 0.9)?.outcome).toEqual({ kind: 'within-limits' });
    expect(outcomeAt(1)?.candidate).toBeCloseTo(perSecond, 6);
    const slower = comparisonsOf(
      [{ name: '', rows: 1, measured: await pair({ ratio: 1.25 }) }],
      { ...policies, throughput: { ...hard, min: 1 } },
      both,
    ).find(({ metric }) => metric === 'throughput');
    // That it is slower is the latency's to say, once.
    expect(slower?.outcome).toEqual({ kind: 'within-limits' });
    expect(slower?.difference?.estimate).toBeCloseTo(-0.2, 1);
    expect(slower?.difference?.low).toBeLessThan(slower?.difference?.estimate ?? 0);
  });

  it('of a model that is gone are what the base had', () => {
    const comparisons = disappearedMetrics(policies, inspection, 'deleted');
    expect(comparisons.every(({ outcome }) => outcome.kind === 'disappeared')).toBe(true);
    expect(comparisons.find(({ metric }) => metric === 'parameters')?.base).toBe(200);
  });

  it('are six, in one order', async () => {
    const comparisons = comparisonsOf(one(await pair({})), policies, both);
    expect(comparisons.map(({ metric }) => metric)).toEqual([
      'latency',
      'load-time',
      'memory',
      'file-size',
      'parameters',
      'nodes',
    ]);
    expect(comparisons.slice(3).every(({ outcome }) => outcome.kind === 'unchanged')).toBe(true);
  });

  it('say why nothing was measured', () => {
    const comparisons = comparisonsOf(one({ kind: 'none', reason: 'The bytes are the same.' }), policies, {
      base: null,
      candidate: inspection,
    });
    expect(comparisons[0]?.outcome).toEqual({ kind: 'not-measured', reason: 'The bytes are the same.' });
    expect(comparisons[3]?.outcome).toEqual({ kind: 'no-baseline' });
  });

  it('leave out what cannot be counted', () => {
    const reason = 'The model cannot be read.';
    expect(
      comparisonsOf(one({ kind: 'none', reason }), policies, { base: inspection, candidate: null }),
    ).toHaveLength(3);
  });
});

describe('the plan of errors', () => {
  it('divides the error of a look by the number of comparisons', () => {
    expect(planErrors(1)).toEqual({ comparisons: 1, alpha: 0.01 });
    expect(planErrors(12).alpha).toBeCloseTo(0.01 / 12, 12);
    expect(planErrors(0).alpha).toBe(0.01);
  });
});
