import { describe, expect, it } from 'vitest';
import { LOAD_TIMING, measureLoadPairs } from '../../../src/benchmark/load-loop.ts';
import { seededRandom } from '../../../src/shared/random.ts';

/** Loads that take simulated time, and wait for a CPU for `waitMs` more. */
function simulate(times: { readonly base: number; readonly candidate: number }, waitMs = 0) {
  let nowMs = 0;
  let waited = 0;
  let open = 0;
  const order: string[] = [];
  const load = (side: 'base' | 'candidate') => async () => {
    order.push(side);
    nowMs += times[side] + waitMs;
    waited += waitMs;
    open += 1;
    return async () => {
      open -= 1;
    };
  };
  const clock = { nowMs: () => nowMs, waitMs: () => waited };
  return { loads: { base: load('base'), candidate: load('candidate') }, clock, order, stillOpen: () => open };
}

describe('loads in turns', () => {
  it('give the ratio of the two, and release everything', async () => {
    const machine = simulate({ base: 2, candidate: 3 });
    const result = await measureLoadPairs(machine.loads, machine.clock, seededRandom(1));
    expect(result.logRatio).toBeCloseTo(Math.log(1.5), 10);
    expect(result).toMatchObject({ baseMs: 2, candidateMs: 3, loads: 2 * LOAD_TIMING.pairs.most });
    expect(machine.stillOpen()).toBe(0);
  });

  it('leave out the wait for a CPU', async () => {
    const machine = simulate({ base: 2, candidate: 3 }, 10);
    const result = await measureLoadPairs(machine.loads, machine.clock, seededRandom(1));
    expect(result).toMatchObject({ baseMs: 2, candidateMs: 3 });
  });

  it('alternate who is first', async () => {
    const machine = simulate({ base: 20, candidate: 20 });
    await measureLoadPairs(machine.loads, machine.clock, seededRandom(5));
    const firsts = machine.order.filter((_, index) => index % 2 === 0);
    expect(new Set(firsts)).toEqual(new Set(['base', 'candidate']));
  });

  it('are few where a load takes long, and none is wasted', async () => {
    const machine = simulate({ base: 900, candidate: 1000 });
    const result = await measureLoadPairs(machine.loads, machine.clock, seededRandom(1));
    expect(result.loads).toBeLessThanOrEqual(4);
    expect(machine.order.length).toBe(result.loads);
  });
});
