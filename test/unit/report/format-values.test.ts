import { describe, expect, it } from 'vitest';
import {
  formatAmount,
  formatDifference,
  formatDuration,
  formatPair,
  formatPercent,
  formatSignedPercent,
  formatTicks,
  formatTransition,
  formatValue,
} from '../../../src/report/format-values.ts';

/** No-break spaces as plain ones, to be read. */
const plain = (text: string): string => text.replaceAll('\u00A0', ' ');

describe('values', () => {
  it.each([
    [0.0312, 'ms', '31.2 µs'],
    [1.8412, 'ms', '1.84 ms'],
    [2400, 'ms', '2.40 s'],
    [0, 'ms', '0.00 µs'],
    [412_344, 'bytes', '412 KB'],
    [14_204_000, 'bytes', '14.2 MB'],
    [3_200_000_000, 'bytes', '3.20 GB'],
    [133, 'bytes', '133 B'],
    [3496, 'count', '3,496'],
    [25_600_000, 'count', '25.6 M'],
  ] as const)('%d %s is "%s"', (value, unit, expected) => {
    expect(plain(formatValue(value, unit))).toBe(expected);
  });
});

describe('pairs', () => {
  it('share a unit and have as many digits as it takes to tell them apart', () => {
    expect(formatPair(143_000_000, 143_200_000, 'bytes')).toEqual({
      base: '143.0',
      candidate: '143.2',
      unit: 'MB',
    });
    expect(formatPair(0.9, 1.1, 'ms')).toEqual({ base: '0.900', candidate: '1.10', unit: 'ms' });
  });

  it('show equal values once', () => {
    expect(plain(formatTransition(412_344, 412_344, 'bytes'))).toBe('412 KB =');
    expect(plain(formatTransition(1_000_000_000, 1_000_000_001, 'bytes'))).toBe('1.00000 GB ≈');
    expect(plain(formatTransition(null, 5, 'count'))).toBe('5');
    expect(formatTransition(null, null, 'ms')).toBe('');
  });
});

describe('percentages', () => {
  it('have a sign, the true minus, and no false zero', () => {
    expect(plain(formatSignedPercent(0.2011))).toBe('+20.1 %');
    expect(plain(formatSignedPercent(-0.03))).toBe('−3.0 %');
    expect(plain(formatSignedPercent(0))).toBe('±0 %');
    expect(plain(formatSignedPercent(0.0002))).toBe('+0.02 %');
    expect(plain(formatSignedPercent(11.5))).toBe('+1,150 %');
    expect(plain(formatPercent(0.05))).toBe('5 %');
    expect(plain(formatPercent(0.025))).toBe('2.5 %');
    expect(plain(formatPercent(1))).toBe('100 %');
    expect(plain(formatPercent(0))).toBe('0 %');
    expect(plain(formatAmount(0.201))).toBe('20 %');
  });

  it('have their interval only where there is one', () => {
    const exact = { estimate: 0.2, low: 0.2, high: 0.2, confidence: 0.98 };
    expect(plain(formatDifference(exact))).toBe('+20.0 %');
    expect(plain(formatDifference({ ...exact, low: 0.19, high: 0.21 }))).toBe('+20.0 % (+19.0 … +21.0 %)');
  });
});

describe('durations and axes', () => {
  it('are for people', () => {
    expect([640, 5_200, 58_200, 200_000, 7_300_000].map(formatDuration).map(plain)).toEqual([
      '640 ms',
      '5.2 s',
      '58 s',
      '3 min 20 s',
      '2 h 1 min',
    ]);
  });

  it('have the same decimals at every mark', () => {
    expect(formatTicks([1.8, 2, 2.2], 'ms').map(plain)).toEqual(['1.8 ms', '2.0 ms', '2.2 ms']);
  });
});
