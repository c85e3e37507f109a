import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDuration, parseDuration } from '../../../src/config/durations.ts';
import { formatPercent, formatSize, parsePercent, parseSize } from '../../../src/config/quantities.ts';

describe('durations', () => {
  test.each([
    ['30s', 30_000],
    ['3ms', 3],
    ['250us', 0.25],
    ['250µs', 0.25],
    ['0.3ms', 0.3],
    ['2min', 120_000],
    ['1h', 3_600_000],
    ['1.5 s', 1500],
  ])('%s is read in milliseconds', (text, durationMs) => {
    expect(parseDuration(text)).toBe(durationMs);
  });

  test.each(['', '30', 's', '-3s', '3 seconds', '1e3s', '3s ', '.5s', '3S', `${'9'.repeat(400)}h`])(
    '%j is not a duration',
    text => {
      expect(parseDuration(text)).toBeNull();
    },
  );

  test('a formatted duration is read back as itself', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 86_400_000 }), durationMs => {
        expect(parseDuration(formatDuration(durationMs))).toBe(durationMs);
        expect(parseDuration(formatDuration(durationMs / 1000))).toBe(durationMs / 1000);
      }),
    );
  });

  test('the largest unit that stays whole is chosen', () => {
    expect([30_000, 90_000, 120_000, 3_600_000, 1500, 0.25, 0].map(formatDuration)).toEqual([
      '30s',
      '90s',
      '2min',
      '1h',
      '1500ms',
      '250us',
      '0s',
    ]);
  });
});

describe('percentages and sizes', () => {
  test.each([
    ['5%', 0.05],
    ['0.2%', 0.002],
    ['100 %', 1],
    ['7%', 0.07],
  ])('%s is read as a ratio', (text, ratio) => {
    expect(parsePercent(text)).toBe(ratio);
    expect(formatPercent(ratio)).toBe(text.replace(' ', ''));
  });

  test.each(['5', '', '%', '-5%', '5%%', '1e9%'])('%j is not a percentage', text => {
    expect(parsePercent(text)).toBeNull();
  });

  test.each([
    ['500MB', 500_000_000],
    ['2GiB', 2_147_483_648],
    ['1.5 kB', 1500],
    ['12B', 12],
    ['1KB', 1000],
  ])('%s is read in bytes', (text, sizeBytes) => {
    expect(parseSize(text)).toBe(sizeBytes);
  });

  test.each(['500', 'MB', '-1MB', '1mb', '1 XB', `${'9'.repeat(30)}TB`])('%j is not a size', text => {
    expect(parseSize(text)).toBeNull();
  });

  test('a formatted size is read back as itself', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), sizeBytes => {
        expect(parseSize(formatSize(sizeBytes))).toBe(sizeBytes);
      }),
    );
    expect(
      [500_000_000, 2 ** 31, 1536, 1500, 64_000_000, 8 * 2 ** 30, 7, 0].map(size => formatSize(size)),
    ).toEqual(['500MB', '2GiB', '1.536kB', '1.5kB', '64MB', '8GiB', '7B', '0B']);
  });
});
