import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assignShards, expectedCostMs } from '../../../src/benchmark/shard-plan.ts';

const works = fc.uniqueArray(
  fc.record({ name: fc.string({ minLength: 1 }), costMs: fc.integer({ min: 0, max: 1e6 }) }),
  { selector: ({ name }) => name, maxLength: 60 },
);

test('every model is in exactly one shard, whatever the order in which they are found', () => {
  fc.assert(
    fc.property(works, fc.integer({ min: 1, max: 12 }), (work, count) => {
      const shards = assignShards(work, count);
      expect(shards).toHaveLength(count);
      expect(shards.flat().toSorted()).toEqual(work.map(({ name }) => name).toSorted());
      expect(assignShards(work.toReversed(), count)).toEqual(shards);
    }),
  );
});

test('no shard has more than its fair share and one model', () => {
  fc.assert(
    fc.property(works, fc.integer({ min: 1, max: 12 }), (work, count) => {
      const cost = new Map(work.map(({ name, costMs }) => [name, costMs]));
      const total = work.reduce((sum, { costMs }) => sum + costMs, 0);
      const largest = Math.max(0, ...work.map(({ costMs }) => costMs));
      for (const names of assignShards(work, count)) {
        const own = names.reduce((sum, name) => sum + (cost.get(name) ?? 0), 0);
        expect(own).toBeLessThanOrEqual(total / count + largest);
      }
    }),
  );
});

test('measuring weighs more than reading, and a large file more than a small one', () => {
  expect(expectedCostMs(1e6, { budgetMs: 30_000 })).toBeGreaterThan(expectedCostMs(1e9, null));
  expect(expectedCostMs(1e9, null)).toBeGreaterThan(expectedCostMs(1e6, null));
});
