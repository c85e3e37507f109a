import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  concludeSeries,
  judgeSeries,
  LATENCY_LOOKS,
  nextLook,
  rulesFor,
  widenForTiny,
} from '../../../src/benchmark/launch-sequence.ts';
import { normalRandom, seededRandom } from '../../../src/shared/random.ts';

const rules = rulesFor(0.05, 0.01, LATENCY_LOOKS);

/** Log ratios of launches with a true ratio and a spread between launches. */
function series(trueRatio: number, spread: number, seed: number, length = 20): number[] {
  const normal = normalRandom(seededRandom(seed));
  return Array.from({ length }, () => Math.log(trueRatio) + spread * normal());
}

/** Log ratios above and below the truth by turns. */
const alternating = (trueRatio: number, deviation: number): number[] =>
  Array.from({ length: 20 }, (_, index) => Math.log(trueRatio) + (index % 2 === 0 ? deviation : -deviation));

const end = { budgetMs: 30_000, launchMs: 700 };

describe('the sequential test', () => {
  it('puts the margins at 0.4 and 1 times the tolerance', () => {
    expect(Math.expm1(rules.differenceMargin)).toBeCloseTo(0.02, 12);
    expect(Math.expm1(rules.passMargin)).toBeCloseTo(0.05, 12);
  });

  it('looks after 5, 7, 10, 14 and 20 launches and never between', () => {
    expect([0, 4, 5, 6, 9, 13, 19, 20].map(count => nextLook(count, rules))).toEqual([
      5,
      5,
      7,
      7,
      10,
      14,
      20,
      null,
    ]);
    const decided = series(1.3, 0.001, 1);
    expect(judgeSeries(decided.slice(0, 4), rules)).toEqual({ kind: 'open', passed: false });
    expect(judgeSeries(decided.slice(0, 6), rules)).toEqual({ kind: 'regressed', launches: 5 });
  });

  it('calls the same model unchanged and 20 % regressed or improved at the first look', () => {
    expect(judgeSeries(series(1, 0.005, 2), rules)).toEqual({ kind: 'unchanged', launches: 5 });
    expect(judgeSeries(series(1.2, 0.01, 3), rules)).toEqual({ kind: 'regressed', launches: 5 });
    expect(judgeSeries(series(0.8, 0.01, 4), rules)).toEqual({ kind: 'improved', launches: 5 });
  });

  it('needs more launches where they differ more', () => {
    expect(judgeSeries(alternating(1, 0.03), rules)).toEqual({ kind: 'unchanged', launches: 7 });
  });

  it('is inconclusive in the grey zone, and says between which bounds the difference lies', () => {
    const decision = concludeSeries(alternating(1.035, 0.04), rules, end);
    expect(decision.kind).toBe('inconclusive');
    expect(decision.kind === 'inconclusive' && decision.reason).toMatch(
      /^After 20 launches the difference lies between [+-][\d.]+ % and [+-][\d.]+ %/,
    );
  });

  it('is inconclusive with fewer than five launches, however clear they are', () => {
    const decision = concludeSeries(series(2, 0.001, 7, 4), rules, { budgetMs: 30_000, launchMs: 7500 });
    expect(decision).toEqual({
      kind: 'inconclusive',
      reason:
        'The time of 30 s was enough for 4 of the 5 launches that a verdict needs; one took about 7.5 s.',
    });
  });

  it('passes an improvement that it cannot prove, without calling it improved', () => {
    const launches = [-0.3, 0.02, -0.4, -0.01, -0.25, -0.02, -0.35, 0, -0.3, -0.01];
    const state = judgeSeries(launches, rules);
    expect(state).toEqual({ kind: 'open', passed: true });
    expect(concludeSeries(launches.slice(0, 7), rules, end).kind).toBe('unchanged');
  });

  it('raises no alarm in a thousand series of the same model, whatever their spread', () => {
    let alarms = 0;
    for (let seed = 0; seed < 1000; seed++) {
      const spread = [0.003, 0.01, 0.02, 0.05][seed % 4] ?? 0.01;
      if (judgeSeries(series(1, spread, seed), rules).kind === 'regressed') alarms += 1;
    }
    expect(alarms).toBeLessThanOrEqual(5);
  });

  it('finds 10 % in nearly every series of the spread that was measured', () => {
    let found = 0;
    for (let seed = 0; seed < 300; seed++) {
      if (judgeSeries(series(1.1, 0.014, seed), rules).kind === 'regressed') found += 1;
    }
    expect(found).toBeGreaterThanOrEqual(295);
  });

  it('errs at most once in twenty where the truth is exactly at the margin', () => {
    let alarms = 0;
    for (let seed = 0; seed < 2000; seed++) {
      if (judgeSeries(series(1.02, 0.02, seed), rules).kind === 'regressed') alarms += 1;
    }
    expect(alarms / 2000).toBeLessThan(0.05);
  });

  it('never decides both ways: a series and its mirror image get mirrored verdicts, or pass', () => {
    const mirrored = { regressed: 'improved', improved: 'regressed', unchanged: 'unchanged' } as const;
    fc.assert(
      fc.property(fc.array(fc.double({ min: -0.5, max: 0.5, noNaN: true }), { maxLength: 20 }), ratios => {
        const one = judgeSeries(ratios, rules);
        const other = judgeSeries(
          ratios.map(ratio => -ratio),
          rules,
        );
        if (one.kind === 'regressed') expect(other.kind).toBe(mirrored[one.kind]);
      }),
    );
  });
});

describe('models of microseconds', () => {
  it('regress only by more than one microsecond', () => {
    const tiny = widenForTiny(rules, 0.006);
    expect(judgeSeries(series(1.1, 0.005, 8), rules).kind).toBe('regressed');
    expect(judgeSeries(series(1.1, 0.005, 8), tiny).kind).toBe('unchanged');
    expect(judgeSeries(series(1.5, 0.005, 9), tiny).kind).toBe('regressed');
  });

  it('are treated like all others from 50 microseconds up', () => {
    expect(widenForTiny(rules, 0.05)).toEqual(rules);
    expect(widenForTiny(rules, 20)).toEqual(rules);
  });
});
