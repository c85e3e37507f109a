import { describe, expect, it } from 'vitest';
import { judgeGrowth, medianSlope } from '../../../src/benchmark/scenarios/growth.ts';
import { runOpenLoop } from '../../../src/benchmark/scenarios/open-loop.ts';
import { percentileOf, smallestSampleFor } from '../../../src/benchmark/scenarios/percentiles.ts';
import { fastestWithin, kneeOf, suggestFrom, sweepPoint } from '../../../src/benchmark/scenarios/sweep.ts';
import { allotTime } from '../../../src/benchmark/time-allotment.ts';
import { normalRandom, seededRandom } from '../../../src/shared/random.ts';

describe('percentiles', () => {
  it('need 368 values for the 99th and 36 for the 90th at 95 %', () => {
    expect([0.5, 0.9, 0.99].map(p => smallestSampleFor(p))).toEqual([6, 36, 368]);
    expect(percentileOf(new Array(367).fill(1), 0.99)).toBeNull();
    expect(percentileOf(new Array(368).fill(1), 0.99)).not.toBeNull();
  });

  it('have an interval that covers the true one in 95 of 100 samples, whatever the distribution', () => {
    for (const p of [0.5, 0.9, 0.99]) {
      let covered = 0;
      for (let seed = 1; seed <= 300; seed += 1) {
        const random = seededRandom(seed);
        // Exponential: the p-quantile is -ln(1 - p).
        const values = Array.from({ length: 500 }, () => -Math.log(1 - random()));
        const found = percentileOf(values, p);
        const truth = -Math.log(1 - p);
        if (found !== null && found.low <= truth && truth <= found.high) covered += 1;
      }
      expect(covered / 300).toBeGreaterThanOrEqual(0.92);
    }
  });

  it('are values of the sample', () => {
    const values = Array.from({ length: 101 }, (_, index) => index);
    const found = percentileOf(values, 0.5);
    expect(found).toMatchObject({ value: 50, confidence: 0.95 });
    expect(found?.low).toBe(40);
    expect(found?.high).toBe(60);
  });
});

describe('growth of memory', () => {
  const cycles = (slope: number, seed = 1): number[] => {
    const normal = normalRandom(seededRandom(seed));
    return Array.from(
      { length: 20 },
      (_, cycle) => 1e8 + 2e6 * Math.min(cycle, 4) + slope * cycle + 2e4 * normal(),
    );
  };

  it('is found where every process grows, not in the first cycles of each', () => {
    expect(judgeGrowth([cycles(0, 1), cycles(0, 2), cycles(0, 3)]).kind).toBe('steady');
    const found = judgeGrowth([cycles(6e5, 1), cycles(6e5, 2), cycles(6e5, 3)]);
    expect(found.kind).toBe('growing');
    expect(found.bytesPerCycle).toBeCloseTo(6e5, -4.5);
  });

  it('is not found where only one process grew', () => {
    expect(judgeGrowth([cycles(6e5, 1), cycles(0, 2), cycles(6e5, 3)]).kind).toBe('steady');
    expect(judgeGrowth([]).kind).toBe('steady');
  });

  it('is a slope that single jumps do not move', () => {
    expect(medianSlope([1, 2, 3, 400, 5, 6, 7])).toBe(1);
  });
});

describe('a sweep', () => {
  const points = [
    sweepPoint('1', 1, [1, 1.01]),
    sweepPoint('2', 2, [1.2, 1.25]),
    sweepPoint('4', 4, [2, 2.02]),
    sweepPoint('8', 8, [4, 4.1]),
    sweepPoint('16', 16, [7.9, 8]),
  ];

  it('has its knee at the smallest batch with nine tenths of the best throughput', () => {
    expect(kneeOf(points)?.setting).toBe('4');
    expect(kneeOf([])).toBeNull();
  });

  it('has the highest throughput within a latency limit that its slowest launch keeps', () => {
    expect(fastestWithin(points, null)?.setting).toBe('16');
    // 4 and 8 rows have the same throughput: the smaller one waits less.
    expect(fastestWithin(points, 4.1)?.batch).toBe(4);
    expect(fastestWithin(points, 2.01)?.batch).toBe(2);
    expect(fastestWithin(points, 0.5)).toBeNull();
  });

  it('suggests the knee with its gain over the current batch', () => {
    expect(suggestFrom('batch', points, '1')).toEqual({ what: 'batch', from: '1', to: '4', gain: 1 });
    expect(suggestFrom('batch', points, '4')).toBeNull();
  });

  it('suggests nothing for a gain that one launch does not show', () => {
    const noisy = [sweepPoint('1', 1, [1, 1.01]), sweepPoint('2', 1, [0.8, 1.2])];
    expect(suggestFrom('threads', noisy, '1')).toBeNull();
    const small = [sweepPoint('1', 1, [1]), sweepPoint('2', 1, [0.95])];
    expect(suggestFrom('threads', small, '1')).toBeNull();
  });
});

/** Simulated time: whoever sleeps first wakes first. */
function simulatedTime() {
  let nowMs = 0;
  const sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  const sleep = (durationMs: number): Promise<void> =>
    new Promise(wake => sleepers.push({ at: nowMs + durationMs, wake }));
  const finish = async <T>(work: Promise<T>): Promise<T> => {
    let done = false;
    const result = work.finally(() => {
      done = true;
    });
    while (!done) {
      await new Promise(setImmediate);
      sleepers.sort((one, other) => one.at - other.at);
      const next = sleepers.shift();
      if (next === undefined) continue;
      nowMs = Math.max(nowMs, next.at);
      next.wake();
    }
    return result;
  };
  return { now: () => nowMs, sleep, finish };
}

describe('an open loop', () => {
  it('counts the wait of all requests that were due while the server stalled', async () => {
    const time = simulatedTime();
    let served = 0;
    const serve = async (): Promise<void> => {
      served += 1;
      await time.sleep(served === 100 ? 1000 : 1);
    };
    const input = { servers: [{ serve }], rate: 100, durationMs: 5000, now: time.now, sleep: time.sleep };
    const result = await time.finish(runOpenLoop(input));
    expect(result).toMatchObject({ requests: 500, errors: 0, saturated: false });
    // About a hundred requests of five hundred came due during the stall; a closed loop would have seen one.
    expect(result.response.find(({ p }) => p === 0.9)?.value).toBeGreaterThan(400);
    expect(result.service.find(({ p }) => p === 0.9)?.value).toBeCloseTo(1, 5);
  });

  it('says that servers cannot keep up', async () => {
    const time = simulatedTime();
    const servers = [1, 2].map(() => ({ serve: () => time.sleep(50) }));
    const input = { servers, rate: 100, durationMs: 3000, now: time.now, sleep: time.sleep };
    const result = await time.finish(runOpenLoop(input));
    expect(result.saturated).toBe(true);
    expect(result.achieved).toBeCloseTo(40, 0);
    expect(result.drift).toBeGreaterThan(0.5);
  });

  it('counts failures', async () => {
    const time = simulatedTime();
    let served = 0;
    const serve = async (): Promise<void> => {
      served += 1;
      await time.sleep(1);
      if (served % 10 === 0) throw new Error('no');
    };
    const input = { servers: [{ serve }], rate: 100, durationMs: 1000, now: time.now, sleep: time.sleep };
    expect(await time.finish(runOpenLoop(input))).toMatchObject({ requests: 100, errors: 10 });
  });
});

describe('the time of a check', () => {
  it('is each model’s own budget where the whole has none', () => {
    const time = allotTime(null, [30_000, 30_000], () => 0);
    expect([time.next(30_000), time.leftMs()]).toEqual([30_000, null]);
  });

  it('is shared by budgets, and what a model leaves goes to the next ones', () => {
    let nowMs = 0;
    const time = allotTime(40_000, [30_000, 30_000, 30_000], () => nowMs);
    expect(time.next(30_000)).toBeCloseTo(13_333, 0);
    nowMs = 4000;
    expect(time.next(30_000)).toBe(18_000);
    nowMs = 22_000;
    expect(time.next(30_000)).toBe(18_000);
    nowMs = 50_000;
    expect(time.leftMs()).toBe(0);
  });

  it('never gives a model more than its own budget', () => {
    expect(allotTime(600_000, [30_000], () => 0).next(30_000)).toBe(30_000);
  });
});
