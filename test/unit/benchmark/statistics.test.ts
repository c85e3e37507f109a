import { describe, expect, it } from 'vitest';
import {
  meanBounds,
  relativeDifference,
  standardDeviation,
  typicalBounds,
  wilsonInterval,
} from '../../../src/benchmark/statistics.ts';
import { studentQuantile, studentTail } from '../../../src/benchmark/student-t.ts';
import { median, quantile } from '../../../src/shared/quantile.ts';

describe("Student's t", () => {
  // Printed tables (for example NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2), with R's digits.
  it.each([
    [0.05, 1, 6.313751514675043],
    [0.01, 4, 3.746947387979197],
    [0.01, 6, 3.142668403290985],
    [0.01, 9, 2.821437925025808],
    [0.01, 13, 2.650308837912192],
    [0.01, 19, 2.539483190622288],
    [0.025, 10, 2.2281388519649385],
    [0.001, 4, 7.173182219782308],
    [0.0005, 30, 3.645958635089155],
    [0.05, 120, 1.657650899373994],
  ])('is exceeded with probability %d at %d degrees by the value of the tables', (tail, degrees, value) => {
    expect(studentQuantile(tail, degrees)).toBeCloseTo(value, 6);
  });

  it('is the inverse of its tail, far out too', () => {
    for (const tail of [0.4, 0.01, 1e-4, 1e-6]) {
      expect(studentTail(studentQuantile(tail, 4), 4) / tail).toBeCloseTo(1, 8);
    }
  });

  it('is symmetrical about zero', () => {
    expect(studentQuantile(0.5, 7)).toBe(0);
    expect(studentQuantile(0.99, 7)).toBeCloseTo(-studentQuantile(0.01, 7), 10);
  });

  it('refuses no degrees of freedom and impossible probabilities', () => {
    expect(() => studentQuantile(0.01, 0)).toThrow(RangeError);
    expect(() => studentQuantile(0, 4)).toThrow(RangeError);
    expect(() => studentQuantile(1, 4)).toThrow(RangeError);
  });
});

describe('order statistics', () => {
  it('interpolate between neighbours as R does by default', () => {
    expect(quantile([1, 2, 3, 4], 0.25)).toBe(1.75);
    expect(median([3, 1, 2])).toBe(2);
    expect(median([10, 1, 2, 9])).toBe(5.5);
    expect(quantile([7], 0.25)).toBe(7);
  });

  it('order numbers by value, not by their text', () => {
    expect(median([9, 10, 100])).toBe(10);
  });

  it('refuse no values', () => {
    expect(() => quantile([], 0.5)).toThrow(RangeError);
  });
});

describe('bounds of a mean', () => {
  it('are those of the t interval', () => {
    // mean 3, s = 1.5811388, t(0.01, 4) = 3.7469474, half width 2.6494918
    const { low, high } = meanBounds([1, 2, 3, 4, 5], 0.01);
    expect(low).toBeCloseTo(3 - 2.6494918, 5);
    expect(high).toBeCloseTo(3 + 2.6494918, 5);
  });

  it('say nothing about fewer than two values', () => {
    expect(meanBounds([1], 0.01)).toEqual({ low: -Infinity, high: Infinity });
    expect(relativeDifference([0.1], 0.01)).toBeNull();
    expect(typicalBounds([5], 0.01)).toBeNull();
    expect(standardDeviation([5])).toBe(0);
  });

  it('become ratios again', () => {
    const difference = relativeDifference([Math.log(1.2), Math.log(1.2)], 0.01);
    expect(difference?.estimate).toBeCloseTo(0.2, 10);
    expect(difference?.low).toBeCloseTo(0.2, 10);
    expect(difference?.confidence).toBeCloseTo(0.98, 10);
  });
});

describe("Wilson's interval", () => {
  it('gives what its formula gives by hand', () => {
    // 10 of 50: (0.1124, 0.3304) in Newcombe 1998's form without continuity correction
    const { low, high } = wilsonInterval(10, 50);
    expect(low).toBeCloseTo(0.1124, 4);
    expect(high).toBeCloseTo(0.3304, 4);
  });

  it('keeps to 0 and 1 where nothing or everything happened', () => {
    expect(wilsonInterval(0, 764).low).toBe(0);
    expect(wilsonInterval(0, 764).high).toBeCloseTo(0.005, 4);
    expect(wilsonInterval(20, 20).high).toBe(1);
    expect(wilsonInterval(0, 0)).toEqual({ low: 0, high: 1 });
  });
});
