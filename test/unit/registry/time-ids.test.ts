import { expect, test } from 'vitest';
import { createTimeId, timeOfId } from '../../../src/registry/time-ids.ts';

test('ids sort by time, whatever chance gives, and say their time', () => {
  const early = createTimeId(1_764_000_000_000, () => 0.999999);
  const late = createTimeId(1_764_000_000_001, () => 0);
  expect(early < late).toBe(true);
  expect(early).toMatch(/^[0-9a-hjkmnp-tv-z]{26}$/);
  expect(timeOfId(early)).toBe(1_764_000_000_000);
});

test('ids of the same millisecond differ by chance', () => {
  const ids = new Set(Array.from({ length: 1000 }, () => createTimeId(5, Math.random)));
  expect(ids.size).toBe(1000);
});

test.each(['', 'x', 'u'.repeat(26), 'A'.repeat(26)])('"%s" is no id', text => {
  expect(timeOfId(text)).toBeNull();
});
