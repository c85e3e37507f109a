import { describe, expect, it } from 'vitest';
import { changePoints } from '../../../src/regression/change-points.ts';
import { judgeHistory, trendOf } from '../../../src/regression/history.ts';
import { normalRandom, seededRandom } from '../../../src/shared/random.ts';

function series(
  levels: readonly (readonly [level: number, count: number])[],
  seed = 1,
  spread = 0.02,
): number[] {
  const normal = normalRandom(seededRandom(seed));
  return levels.flatMap(([level, count]) =>
    Array.from({ length: count }, () => level * Math.exp(spread * normal())),
  );
}

describe('change points', () => {
  it('are where the level changes, and nowhere in noise', () => {
    const logs = series([
      [10, 15],
      [12, 12],
      [9, 10],
    ]).map(Math.log);
    expect(changePoints(logs, 0.02)).toEqual([15, 27]);
    const none = Array.from({ length: 200 }, (_, seed) =>
      changePoints(series([[10, 30]], seed + 1).map(Math.log), 0.02),
    );
    expect(none.filter(found => found.length > 0).length).toBeLessThanOrEqual(8);
  });

  it('are the same as those of the best of all divisions', () => {
    const values = series(
      [
        [5, 6],
        [6, 5],
      ],
      3,
      0.05,
    ).map(Math.log);
    const penalty = 3 * Math.log(values.length);
    const cost = (part: readonly number[]): number => {
      const mean = part.reduce((sum, value) => sum + value, 0) / part.length;
      return part.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 0.05 ** 2;
    };
    let best = { total: cost(values), cuts: [] as number[] };
    for (let one = 3; one <= values.length - 3; one += 1) {
      const total = cost(values.slice(0, one)) + cost(values.slice(one)) + penalty;
      if (total < best.total) best = { total, cuts: [one] };
      for (let two = one + 3; two <= values.length - 3; two += 1) {
        const parts = [values.slice(0, one), values.slice(one, two), values.slice(two)];
        const three = parts.reduce((sum, part) => sum + cost(part), 0) + 2 * penalty;
        if (three < best.total) best = { total: three, cuts: [one, two] };
      }
    }
    expect(changePoints(values, 0.05)).toEqual(best.cuts);
  });
});

describe('a value against the recorded ones', () => {
  it('says nothing before there are eight', () => {
    expect(judgeHistory(series([[10, 7]]), 20)).toEqual({ kind: 'too-few', points: 7, needed: 8 });
  });

  it('is above, within or below what one more point would be', () => {
    const values = series([[10, 20]]);
    expect(judgeHistory(values, 12).kind).toBe('above');
    expect(judgeHistory(values, 10.1).kind).toBe('within');
    expect(judgeHistory(values, 8).kind).toBe('below');
  });

  it('is not misled by a single outlier', () => {
    const values = [...series([[10, 14]]), 40];
    expect(judgeHistory(values, 12)).toMatchObject({ kind: 'above', typical: expect.closeTo(10, 0) });
  });

  it('forgets what was before the level changed', () => {
    const values = series([
      [10, 15],
      [14, 10],
    ]);
    expect(judgeHistory(values, 14.1)).toMatchObject({ kind: 'within', points: 10 });
    expect(trendOf(values).lastStep).toBeCloseTo(0.4, 1);
  });

  it('leaves its interval about once in a hundred times by chance', () => {
    const trials = 1000;
    let outside = 0;
    for (let seed = 1; seed <= trials; seed += 1) {
      const values = series([[10, 21]], seed, 0.05);
      if (judgeHistory(values.slice(0, 20), values[20] ?? 0).kind !== 'within') outside += 1;
    }
    expect(outside / trials).toBeLessThan(0.04);
  });

  it('ignores values that are no times', () => {
    expect(judgeHistory([0, Number.NaN, -1, ...series([[10, 8]])], 10).kind).toBe('within');
    expect(judgeHistory(series([[10, 8]]), 0).kind).toBe('too-few');
  });
});
