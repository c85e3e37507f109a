import { describe, expect, it } from 'vitest';
import { compareValues } from '../../../src/cases/case-comparison.ts';
import type { CaseValue, TensorData } from '../../../src/cases/case-value.ts';
import { compareTensors, type ElementStatistics } from '../../../src/cases/tensor-comparison.ts';
import { defaultTolerance, toleranceFor } from '../../../src/cases/tolerance.ts';
import { describeOutput } from '../../../src/report/cases-words.ts';
import { numbers } from './case-fixtures.ts';

const exact = { absolute: 0, relative: 0 };

function statisticsOf(expected: TensorData, actual: TensorData, tolerance = exact): ElementStatistics {
  const comparison = compareTensors(expected, actual, tolerance);
  if (comparison.kind === 'mismatch') throw new Error(comparison.reason);
  return comparison.statistics;
}

describe('comparison of tensors', () => {
  it('says the first differing index, the largest differences and the share', () => {
    const expected = numbers('float32', [2, 2, 2], [1, 2, 4, 8, 16, 32, 64, 128]);
    const actual = numbers('float32', [2, 2, 2], [1, 2, 4, 12, 16, 32, 64, 256]);
    expect(statisticsOf(expected, actual)).toEqual({
      elements: 8,
      differing: 2,
      share: 0.25,
      first: { index: [0, 1, 1], expected: '8', actual: '12' },
      largestAbsolute: { value: 128, index: [1, 1, 1], expected: '128', actual: '256' },
      largestRelative: { value: 1, index: [1, 1, 1], expected: '128', actual: '256' },
      meanAbsolute: 16.5,
      specials: 0,
      scale: 128,
      differingNearZero: 0,
    });
  });

  it('takes what is within the absolute or the relative tolerance', () => {
    const expected = numbers('float64', [3], [0, 1000, 1]);
    const actual = numbers('float64', [3], [1e-6, 1001, 1]);
    expect(compareTensors(expected, actual, { absolute: 1e-5, relative: 1e-3 }).kind).toBe('close');
    expect(compareTensors(expected, actual, { absolute: 1e-7, relative: 1e-3 }).kind).toBe('different');
  });

  it('lets NaN equal NaN and an infinity only itself', () => {
    const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
    const expected = numbers('float32', [5], [nan, inf, -inf, nan, inf]);
    expect(statisticsOf(expected, expected)).toMatchObject({ differing: 0, specials: 0 });
    const actual = numbers('float32', [5], [nan, -inf, -inf, 1, inf]);
    expect(statisticsOf(expected, actual, { absolute: 1e30, relative: 1 })).toMatchObject({
      differing: 2,
      specials: 2,
      largestAbsolute: null,
      first: { index: [1] },
    });
  });

  it('compares 64-bit integers beyond what a number holds', () => {
    const expected = numbers('int64', [1], [2n ** 60n]);
    const actual = numbers('int64', [1], [2n ** 60n + 1n]);
    expect(statisticsOf(expected, actual)).toMatchObject({ differing: 1, largestAbsolute: { value: 1 } });
  });

  it('compares strings, booleans, small floats and packed integers', () => {
    const texts = (data: readonly string[]): TensorData => ({ dtype: 'string', shape: [data.length], data });
    expect(statisticsOf(texts(['a', 'b']), texts(['a', 'c']))).toMatchObject({
      differing: 1,
      first: { index: [1], expected: '"b"', actual: '"c"' },
    });
    expect(statisticsOf(numbers('bool', [2], [1, 0]), numbers('bool', [2], [1, 1])).differing).toBe(1);
    expect(
      statisticsOf(numbers('float16', [1], [1.5]), numbers('float16', [1], [1.75])).largestAbsolute?.value,
    ).toBe(0.25);
    expect(statisticsOf(numbers('int4', [3], [-8, 7, 0]), numbers('int4', [3], [-8, 6, 0])).first).toEqual({
      index: [1],
      expected: '7',
      actual: '6',
    });
    expect(
      statisticsOf(numbers('complex64', [1], [1, 2]), numbers('complex64', [1], [1, 3])).first?.index,
    ).toEqual([0, 1]);
  });

  it('refuses another type or shape, and takes an empty tensor for equal', () => {
    const one = numbers('float32', [1], [1]);
    expect(compareTensors(one, numbers('float32', [1, 1], [1]), exact)).toEqual({
      kind: 'mismatch',
      reason: 'expected float32[1], got float32[1, 1]',
    });
    expect(compareTensors(one, numbers('float64', [1], [1]), exact).kind).toBe('mismatch');
    expect(statisticsOf(numbers('float32', [0, 3], []), numbers('float32', [0, 3], [])).share).toBe(0);
  });

  it('says plainly that a relative difference near zero means nothing', () => {
    const expected = numbers('float32', [4], [500, 1e-15, 0, -250]);
    const actual = numbers('float32', [4], [500, 1e-4, 3e-4, -250]);
    const [line] = compareValues(
      'y',
      { kind: 'tensor', tensor: expected },
      { kind: 'tensor', tensor: actual },
      [],
    );
    const text = describeOutput(line!).join('\n');
    expect(text).toContain('2 of 4 elements differ (50 %');
    expect(text).toContain('all of them near zero');
    expect(text).toContain('an absolute tolerance of 5e-4 takes it');
  });

  it('compares sequences by element and maps by key', () => {
    const value = (number: number): CaseValue => ({
      kind: 'tensor',
      tensor: numbers('float32', [1], [number]),
    });
    const sequence = (...elements: CaseValue[]): CaseValue => ({ kind: 'sequence', elements });
    expect(
      compareValues('s', sequence(value(1), value(2)), sequence(value(1), value(9)), []).map(
        ({ kind, output }) => `${output} ${kind}`,
      ),
    ).toEqual(['s[0] close', 's[1] different']);
    expect(compareValues('s', sequence(value(1)), sequence(), [])).toMatchObject([
      { kind: 'mismatch', reason: 'expected a sequence of 1, got a sequence of 0' },
    ]);
    const map = (...entries: [string, CaseValue][]): CaseValue => ({ kind: 'map', entries });
    expect(compareValues('m', map(['a', value(1)]), map(['a', value(2)]), [])).toMatchObject([
      { output: 'm["a"]', kind: 'different' },
    ]);
    expect(compareValues('m', map(['a', value(1)]), map(['b', value(1)]), [])).toMatchObject([
      { kind: 'mismatch' },
    ]);
    expect(compareValues('o', { kind: 'absent' }, { kind: 'absent' }, [])).toEqual([]);
    expect(compareValues('o', { kind: 'absent' }, value(1), [])).toMatchObject([{ kind: 'mismatch' }]);
  });

  it('has a tolerance for each dtype that an output may override', () => {
    expect(defaultTolerance('int32')).toEqual(exact);
    expect(defaultTolerance('float32').relative).toBeLessThan(defaultTolerance('float16').relative);
    expect(toleranceFor('y', 'float32', { '*': { relative: 0.1 } }, { y: { absolute: 5 } })).toEqual({
      absolute: 5,
      relative: 0.1,
    });
    expect(toleranceFor('z', 'float32', { y: { absolute: 5 } })).toEqual(defaultTolerance('float32'));
  });
});
