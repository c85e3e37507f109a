import { describe, expect, it } from 'vitest';
import { type MeasuringProgress, measurePair } from '../../../src/benchmark/interleaved.ts';
import type { MeasurementPlan } from '../../../src/benchmark/measurement.ts';
import { measureSolo } from '../../../src/benchmark/solo.ts';
import { QuickServeError } from '../../../src/shared/errors.ts';
import {
  feeds,
  plan,
  quietMachine,
  type SimulatedMachine,
  simulateLauncher,
} from '../../support/simulated-launcher.ts';

function measure(
  machineAt: (launches: number) => SimulatedMachine,
  {
    changes = {},
    onProgress,
  }: { changes?: Partial<MeasurementPlan>; onProgress?: (p: MeasuringProgress) => void } = {},
) {
  const simulated = simulateLauncher(machineAt);
  const measurement = measurePair({
    plan: { ...plan, ...changes },
    basePath: '/base.onnx',
    candidatePath: '/candidate.onnx',
    feeds: { base: feeds, candidate: feeds },
    launcher: simulated.launcher,
    now: simulated.now,
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  return { measurement, ...simulated };
}

describe('a model against its base', () => {
  it('is unchanged after the fewest launches where nothing differs', async () => {
    const { measurement, kinds } = measure(() => quietMachine);
    const result = await measurement;
    expect(result.latency.decision).toEqual({ kind: 'unchanged' });
    expect(result.loadTime.decision).toEqual({ kind: 'unchanged' });
    expect(result.memory.decision).toEqual({ kind: 'unchanged' });
    expect(result.confirmed).toBe(false);
    expect(kinds.filter(kind => kind === 'pair')).toHaveLength(5);
    expect(result.launches).toBe(2 + 6 + 5 + 3);
    expect(result.durationMs).toBe(16 * 300);
  });

  it('takes turns with the fresh processes too, after one of each that is not counted', async () => {
    const { measurement, kinds } = measure(() => quietMachine);
    await measurement;
    expect(kinds.slice(0, 6)).toEqual(['base', 'candidate', 'base', 'candidate', 'candidate', 'base']);
  });

  it('is slower only after the regression was measured again', async () => {
    const { measurement, kinds } = measure(() => ({ ...quietMachine, ratio: 1.2 }));
    const result = await measurement;
    expect(result.latency.decision).toEqual({ kind: 'regressed' });
    expect(result.latency.remeasured).toBe(true);
    expect(result.confirmed).toBe(true);
    expect(result.latency.difference?.estimate).toBeCloseTo(0.2, 1);
    expect(kinds.filter(kind => kind === 'pair')).toHaveLength(10);
    expect(result.latency.samples.base).toHaveLength(5);
  });

  it('is inconclusive where the second series does not find the regression of the first', async () => {
    // A neighbour disturbs only the candidate, and only at first: 2 + 6 fresh processes, then 5 launches.
    const result = await measure(launches => ({ ...quietMachine, ratio: launches < 13 ? 1.2 : 1 }))
      .measurement;
    expect(result.latency.decision).toEqual({
      kind: 'inconclusive',
      reason:
        'A regression was found, but not when it was measured again with fresh launches. It was unchanged there.',
    });
    expect(result.confirmed).toBe(false);
  });

  it('has a verdict on memory even where it loads slowly', async () => {
    const result = await measure(() => ({ ...quietMachine, launchMs: 1100 })).measurement;
    expect(result.memory.decision).toEqual({ kind: 'unchanged' });
    expect(result.memory.samples.base).toHaveLength(3);
  });

  it('is faster without being measured again', async () => {
    const { measurement, kinds } = measure(() => ({ ...quietMachine, ratio: 0.7 }));
    expect((await measurement).latency.decision).toEqual({ kind: 'improved' });
    expect(kinds.filter(kind => kind === 'pair')).toHaveLength(5);
  });

  it('is not slower for less than a microsecond', async () => {
    const result = await measure(() => ({ ...quietMachine, baseMs: 0.005, ratio: 1.1 })).measurement;
    expect(result.latency.decision).toEqual({ kind: 'unchanged' });
  });

  it('is judged by load time and memory as well, each measured again', async () => {
    const result = await measure(() => ({ ...quietMachine, loadRatio: 1.5, memoryRatio: 1.3 })).measurement;
    expect(result.loadTime).toMatchObject({ decision: { kind: 'regressed' }, remeasured: true });
    expect(result.memory).toMatchObject({ decision: { kind: 'regressed' }, remeasured: true });
    expect(result.latency.decision).toEqual({ kind: 'unchanged' });
    expect(result.memory.candidate).toBeGreaterThan(1.2e8);
  });

  it('may use 3 % more memory, by a tolerance of 10 %', async () => {
    const result = await measure(() => ({ ...quietMachine, memoryRatio: 1.03 })).measurement;
    expect(result.memory.decision).toEqual({ kind: 'unchanged' });
  });

  it('gives no verdict where five launches do not fit into the budget, and does not use it up', async () => {
    const result = await measure(() => ({ ...quietMachine, ratio: 2, launchMs: 8000 })).measurement;
    expect(result.latency.decision).toMatchObject({ kind: 'inconclusive' });
    expect(result.latency.decision).toHaveProperty('reason', expect.stringContaining('5 launches'));
    expect(result.durationMs).toBeLessThan(1.5 * plan.budgetMs);
  });

  it('keeps to the budget where the launches differ much', async () => {
    const result = await measure(() => ({ ...quietMachine, spread: 0.2, launchMs: 1000 })).measurement;
    expect(result.latency.decision.kind).toBe('inconclusive');
    expect(result.durationMs).toBeLessThanOrEqual(plan.budgetMs + 1000);
  });

  it('may be measured again past the budget, by half of it at most', async () => {
    const result = await measure(() => ({ ...quietMachine, ratio: 1.3, launchMs: 2500 })).measurement;
    expect(result.latency).toMatchObject({ decision: { kind: 'regressed' }, remeasured: true });
    expect(result.durationMs).toBeGreaterThan(plan.budgetMs);
    expect(result.durationMs).toBeLessThanOrEqual(1.5 * plan.budgetMs);
  });

  it('takes a launch that the end of the budget cut off for no hang', async () => {
    const simulated = simulateLauncher(() => ({ ...quietMachine, launchMs: 900 }));
    let late = 0;
    const result = await measurePair({
      plan,
      basePath: '/base.onnx',
      candidatePath: '/candidate.onnx',
      feeds: { base: feeds, candidate: feeds },
      launcher: {
        launchSolo: simulated.launcher.launchSolo,
        launchLoads: simulated.launcher.launchLoads,
        launchCycles: simulated.launcher.launchCycles,
        launchPair: ({ timeLimitMs }) => {
          late += timeLimitMs ?? 0;
          throw new QuickServeError({ code: 'WORKER_TIMEOUT', message: 'killed', hint: '' });
        },
      },
      now: () => simulated.now() + late,
    });
    expect(result.latency).toMatchObject({ decision: { kind: 'inconclusive' }, base: null, candidate: null });
  });

  it('hands on what a model does to its process', async () => {
    const crash = new QuickServeError({ code: 'WORKER_CRASHED', message: 'SIGABRT', hint: '' });
    const simulated = simulateLauncher(() => quietMachine);
    const launcher = { ...simulated.launcher, launchPair: () => Promise.reject(crash) };
    await expect(
      measurePair({
        plan,
        basePath: '/base.onnx',
        candidatePath: '/candidate.onnx',
        feeds: { base: feeds, candidate: feeds },
        launcher,
        now: simulated.now,
      }),
    ).rejects.toBe(crash);
  });

  it('tells how far it is', async () => {
    const seen: MeasuringProgress[] = [];
    await measure(() => quietMachine, { onProgress: progress => seen.push(progress) }).measurement;
    expect(seen.at(0)).toEqual({ phase: 'memory', done: 1, planned: 3 });
    expect(seen.at(-1)).toEqual({ phase: 'load-time', done: 3, planned: 3 });
  });

  it('needs clearer evidence where many comparisons are planned', async () => {
    const noisy: SimulatedMachine = { ...quietMachine, spread: 0.03 };
    const one = await measure(() => noisy, { changes: { alpha: 0.01 } }).measurement;
    const many = await measure(() => noisy, { changes: { alpha: 0.01 / 300 } }).measurement;
    expect(many.launches).toBeGreaterThan(one.launches);
    expect(many.latency.difference?.confidence).toBeCloseTo(1 - 0.02 / 300, 10);
  });
});

describe('a model without a base', () => {
  it('is measured by five launches', async () => {
    const simulated = simulateLauncher(() => quietMachine);
    const result = await measureSolo({
      plan,
      modelPath: '/model.onnx',
      feeds,
      launcher: simulated.launcher,
      now: simulated.now,
    });
    expect(result).toMatchObject({ kind: 'solo', launches: 5, runs: 200, firstRunMs: 4 });
    expect(result.latencyMs).toBeCloseTo(2.01, 10);
    expect(result.bounds.peakRssBytes?.low).toBeLessThan(result.peakRssBytes * 1.01);
  });

  it('is measured at least once, and no more often than the budget allows', async () => {
    const simulated = simulateLauncher(() => ({ ...quietMachine, launchMs: 40_000 }));
    const result = await measureSolo({
      plan,
      modelPath: '/model.onnx',
      feeds,
      launcher: simulated.launcher,
      now: simulated.now,
    });
    expect(result.launches).toBe(1);
    expect(result.bounds.latencyMs).toBeNull();
  });
});
