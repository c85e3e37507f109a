import { describe, expect, it } from 'vitest';
import { type Health, type HealthProblem, nextHealth, standingOf } from '../../../src/regression/health.ts';
import { judgeProduction, onsetOf, type Reference } from '../../../src/regression/production.ts';
import { normalRandom, seededRandom } from '../../../src/shared/random.ts';

const normal = normalRandom(seededRandom(3));
const series = (level: number, count: number): number[] =>
  Array.from({ length: count }, () => level * Math.exp(0.01 * normal()));

const judge = (earlier: readonly number[], now: number, more: object = {}) =>
  judgeProduction({ earlier, now, maxRegression: 0.05, standing: null, after: 1, ...more });
const REFERENCE: Reference = { typical: 2, low: 1.9, high: 2.15, points: 12 };

describe('a metric in production', () => {
  it('is not judged before there are eight measurements', () => {
    expect(judge(series(2, 7), 9)).toEqual({ kind: 'learning', points: 7, needed: 1 });
    expect(judge(series(2, 8), 9)).toMatchObject({ kind: 'worse' });
  });

  it('is worse only beyond the interval and beyond what is tolerated', () => {
    const earlier = series(2, 20);
    expect(judge(earlier, 2.01).kind).toBe('steady');
    expect(judge(earlier, 2.3).kind).toBe('worse');
    expect(judge(earlier, 2.3, { maxRegression: 0.5 }).kind).toBe('steady');
    expect(judge(earlier, 1.5).kind).toBe('better');
  });

  it('that is worse stays so until it is inside the interval and tolerated, and is held against the level from before', () => {
    const habit = series(2.6, 20);
    expect(judge(habit, 2.6, { standing: REFERENCE })).toEqual({ kind: 'worse', reference: REFERENCE });
    expect(judge(habit, 2.12, { standing: REFERENCE }).kind).toBe('worse');
    expect(judge(habit, 2.05, { standing: REFERENCE }).kind).toBe('steady');
  });

  it('raises no alarm on noise alone, night after night', () => {
    let alarms = 0;
    for (let night = 0; night < 500; night += 1) {
      const earlier = series(2, 20);
      const worse = (): boolean => judge(earlier, series(2, 1)[0]!).kind === 'worse';
      if (worse() && worse()) alarms += 1;
    }
    expect(alarms).toBe(0);
  });

  it('has to be worse in as many runs in a row as asked', () => {
    const earlier = series(2, 20);
    expect(judge(earlier, 2.6, { after: 3 })).toMatchObject({ kind: 'suspected', runs: 1 });
    expect(judge([...earlier, 2.6], 2.6, { after: 3 })).toMatchObject({ kind: 'suspected', runs: 2 });
    expect(judge([...earlier, 2.6, 2.6], 2.6, { after: 3 }).kind).toBe('worse');
    expect(judge([...earlier, 2.6, 2], 2.6, { after: 3 })).toMatchObject({ kind: 'suspected', runs: 1 });
  });

  it('has its onset where the level changed, however long ago', () => {
    expect(onsetOf([...series(2, 12), ...series(2.6, 1)], REFERENCE)).toBe(12);
    expect(onsetOf([...series(2, 12), ...series(2.6, 9)], REFERENCE)).toBe(12);
    expect(onsetOf(series(2, 12), REFERENCE)).toBeNull();
  });
});

const slower = (now: number): HealthProblem => ({
  kind: 'worse',
  metric: 'latency',
  now,
  reference: REFERENCE,
});
const AT = '2026-11-01T03:00:00.000Z';
const LATER = '2026-11-09T03:00:00.000Z';
const run = (
  told: Health | null,
  problems: readonly HealthProblem[],
  more: { version?: string; accepted?: boolean } = {},
) => nextHealth(told, { version: more.version ?? '1.0.0', problems, at: LATER }, more.accepted ?? false);
const DEGRADED: Health = { state: 'degraded', version: '1.0.0', since: AT, problems: [slower(2.6)] };

describe('what is told', () => {
  it('is nothing while all is well, and the first time that it is not', () => {
    expect(run(null, []).kind).toBe('same');
    expect(run(null, [slower(2.6)])).toEqual({
      kind: 'degraded',
      health: { ...DEGRADED, since: LATER },
    });
  });

  it('is nothing while it stays as it was told', () => {
    expect(run(DEGRADED, [slower(2.7)])).toEqual({ kind: 'same', health: DEGRADED });
  });

  it.each([
    ['much slower still', [slower(3)], {}],
    ['much less slow', [slower(2.3)], {}],
    ['another metric too', [slower(2.6), { ...slower(5), metric: 'memory' } as HealthProblem], {}],
    ['another version', [slower(2.6)], { version: '1.1.0' }],
    ['it does not run', [{ kind: 'broken', code: 'MODEL_RUN_FAILED', message: 'x' } as HealthProblem], {}],
  ])('is a change: %s', (_, problems, more) => {
    const next = run(DEGRADED, problems, more);
    expect(next.kind).toBe('changed');
    expect(next.health.since).toBe(AT);
  });

  it('is that it is well again, once', () => {
    const next = run(DEGRADED, []);
    expect(next).toMatchObject({ kind: 'recovered', health: { state: 'healthy', since: null } });
    expect(run(next.health, []).kind).toBe('same');
  });

  it('is that somebody took it for normal', () => {
    expect(run(DEGRADED, [slower(2.6)], { accepted: true })).toMatchObject({
      kind: 'accepted',
      health: { state: 'healthy' },
    });
    expect(run(null, [], { accepted: true }).kind).toBe('same');
  });

  it('keeps the level from before', () => {
    expect(standingOf(DEGRADED, 'latency', undefined)).toEqual(REFERENCE);
    expect(standingOf(DEGRADED, 'latency', 'batch=8')).toBeNull();
    expect(standingOf(DEGRADED, 'memory', undefined)).toBeNull();
  });
});
