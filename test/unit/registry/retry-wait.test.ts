import { expect, test } from 'vitest';
import { retryWaitMs } from '../../../src/registry/branch-writer.ts';

test('waits are spread from nothing to a bound that doubles from the time of one attempt', () => {
  expect(retryWaitMs(1, 700, () => 0)).toBe(0);
  expect(retryWaitMs(1, 700, () => 0.5)).toBe(350);
  expect(retryWaitMs(3, 700, () => 0.5)).toBe(1400);
});

test('the bound is neither too short for a quick disk nor ever longer than eight seconds', () => {
  expect(retryWaitMs(1, 0, () => 0.5)).toBe(50);
  expect(retryWaitMs(50, 700, () => 0.5)).toBe(4000);
});
