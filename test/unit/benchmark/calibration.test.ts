import { describe, expect, it } from 'vitest';
import { calibrate } from '../../../src/benchmark/calibration.ts';

describe('calibration', () => {
  it('takes the shortest of many repetitions, by the clock it is given', () => {
    let reads = 0;
    // Every second reading ends a repetition, which takes 7 ms but for one of 3 ms.
    const now = (): number => {
      reads += 1;
      const repetition = Math.floor((reads - 1) / 2);
      return reads % 2 === 1 ? repetition * 100 : repetition * 100 + (repetition === 20 ? 3 : 7);
    };
    expect(calibrate(now)).toBe(3);
  });

  it('measures this machine to a time above nothing', () => {
    expect(calibrate(() => performance.now())).toBeGreaterThan(0);
  });
});
