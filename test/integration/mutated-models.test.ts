import { expect, it } from 'vitest';
import { fuzzReader } from '../support/mutation-fuzzer.ts';

const SHARE_MS = 30_000;

it('thirty seconds of mutated models end in coded errors or an inspection', {
  timeout: SHARE_MS + 30_000,
}, () => {
  const result = fuzzReader({ runs: 1_000_000, timeLimitMs: SHARE_MS });
  expect(result.cases).toBeGreaterThan(1000);
  // Both ways out are taken, so the mutations are neither all fatal nor all harmless.
  expect(result.refused).toBeGreaterThan(result.cases / 20);
  expect(result.refused).toBeLessThan(result.cases);
});
