import { describe, expect, it } from 'vitest';
import {
  type MeasuringClock,
  measurePairBlocks,
  measureSoloBlocks,
  timeOnce,
} from '../../../src/benchmark/measuring-loop.ts';
import { type Random, seededRandom } from '../../../src/shared/random.ts';

/** A machine whose time passes only in runs, and which may make them wait for a CPU. */
function simulateMachine({ readsWait = true } = {}) {
  let now = 0;
  let waited = 0;
  const order: string[] = [];
  const clock: MeasuringClock = { nowMs: () => now, waitMs: () => (readsWait ? waited : null) };
  const run =
    (name: string, durationMs: () => number, waitMs: () => number = () => 0) =>
    async () => {
      if (order.at(-1) !== name) order.push(name);
      const wait = waitMs();
      now += durationMs() + wait;
      waited += wait;
    };
  return { clock, run, order };
}

const always =
  (value: number): Random =>
  () =>
    value;

describe('a pair of models in one process', () => {
  it('is told apart by the ratio of their times', async () => {
    const { clock, run } = simulateMachine();
    const launch = await measurePairBlocks(
      { base: run('base', () => 1), candidate: run('candidate', () => 1.2) },
      clock,
      seededRandom(1),
    );
    expect(launch.logRatio).toBeCloseTo(Math.log(1.2), 10);
    expect(launch.baseBlocksMs).toHaveLength(6);
    expect(launch.candidateBlocksMs.every(value => Math.abs(value - 1.2) < 1e-9)).toBe(true);
    expect(launch.clock).toBe('wall-minus-wait');
  });

  it('takes turns in mirrored order, so that a drift of the machine cancels', async () => {
    const { clock, run, order } = simulateMachine();
    let speed = 1;
    const drifting = () => {
      speed *= 1.0002;
      return speed;
    };
    const launch = await measurePairBlocks(
      { base: run('A', drifting), candidate: run('B', drifting) },
      clock,
      always(0.1),
    );
    // Neighbouring blocks of the same model are one entry here: A B, B A, A B, then three times ABBA.
    expect(order.join('')).toBe('ABABABABABABA'.slice(0, order.length));
    expect(Math.abs(launch.logRatio)).toBeLessThan(0.005);
  });

  it('runs blocks of 20 ms: three pairs to warm up, six measured', async () => {
    const { clock, run } = simulateMachine();
    let runs = 0;
    const counted = () => {
      runs += 1;
      return 1;
    };
    const launch = await measurePairBlocks(
      { base: run('base', counted), candidate: run('candidate', counted) },
      clock,
      seededRandom(2),
    );
    expect(runs).toBe((3 + 6) * 2 * 20);
    expect(launch.runs).toBe(6 * 2 * 20);
  });

  it('runs slow models once a block: two pairs to warm up, four measured', async () => {
    const { clock, run } = simulateMachine();
    let runs = 0;
    const counted = () => {
      runs += 1;
      return 40;
    };
    const launch = await measurePairBlocks(
      { base: run('base', counted), candidate: run('candidate', counted) },
      clock,
      seededRandom(3),
    );
    expect(runs).toBe((2 + 4) * 2);
    expect(launch.baseBlocksMs).toHaveLength(4);
  });

  it('subtracts the time that a run waited for a CPU', async () => {
    const { clock, run } = simulateMachine();
    const random = seededRandom(4);
    const launch = await measurePairBlocks(
      {
        base: run('base', () => 2),
        candidate: run(
          'candidate',
          () => 2,
          () => 3 * random(),
        ),
      },
      clock,
      seededRandom(5),
    );
    expect(launch.logRatio).toBeCloseTo(0, 10);
    expect(launch.waitShare).toBeGreaterThan(0.2);
  });

  it('drops runs of which the wait leaves nothing', async () => {
    let now = 0;
    let waited = 0;
    let turn = 0;
    const clock: MeasuringClock = { nowMs: () => now, waitMs: () => waited };
    const run = async () => {
      turn += 1;
      now += 2;
      // The kernel books a wait late: more of it than the run lasted.
      if (turn % 5 === 0) waited += 2.5;
    };
    const launch = await measurePairBlocks({ base: run, candidate: run }, clock, seededRandom(6));
    expect(launch.baseBlocksMs.every(value => value === 2)).toBe(true);
  });

  it('uses the wall for runs under 0.2 ms, where reading the wait would cost too much', async () => {
    const { clock, run } = simulateMachine();
    const launch = await measurePairBlocks(
      { base: run('base', () => 0.1), candidate: run('candidate', () => 0.3) },
      clock,
      seededRandom(7),
    );
    expect(launch.clock).toBe('wall');
    expect(launch.waitShare).toBe(0);
  });

  it('uses the wall where the wait cannot be read, and says so', async () => {
    const { clock, run } = simulateMachine({ readsWait: false });
    const launch = await measurePairBlocks(
      { base: run('base', () => 2), candidate: run('candidate', () => 1) },
      clock,
      seededRandom(8),
    );
    expect(launch).toMatchObject({ clock: 'wall', waitShare: null });
    expect(launch.logRatio).toBeCloseTo(Math.log(0.5), 10);
  });

  it('is not disturbed by a minority of interrupted runs', async () => {
    const { clock, run } = simulateMachine({ readsWait: false });
    const random = seededRandom(9);
    const interrupted = () => (random() < 0.4 ? 5 : 1);
    const launch = await measurePairBlocks(
      { base: run('base', () => 1), candidate: run('candidate', interrupted) },
      clock,
      seededRandom(10),
    );
    expect(launch.logRatio).toBeCloseTo(0, 10);
  });

  it('stays finite when the clock stands still', async () => {
    let now = 0;
    let reads = 0;
    const clock: MeasuringClock = {
      nowMs: () => {
        reads += 1;
        if (reads % 50 === 0) now += 5;
        return now;
      },
      waitMs: () => null,
    };
    const idle = async () => undefined;
    const launch = await measurePairBlocks({ base: idle, candidate: idle }, clock, seededRandom(11));
    expect(Number.isFinite(launch.logRatio)).toBe(true);
  });

  it('hands on what a run throws', async () => {
    const { clock, run } = simulateMachine();
    const failing = async () => {
      throw new Error('shape mismatch');
    };
    await expect(
      measurePairBlocks({ base: run('base', () => 1), candidate: failing }, clock, seededRandom(12)),
    ).rejects.toThrow('shape mismatch');
  });
});

describe('a model alone', () => {
  it('is measured in blocks without its wait', async () => {
    const { clock, run } = simulateMachine();
    const blocks = await measureSoloBlocks(
      run(
        'model',
        () => 2,
        () => 1,
      ),
      clock,
    );
    expect(blocks.blocksMs).toEqual(Array.from({ length: 6 }, () => expect.closeTo(2, 9)));
    expect(blocks.waitShare).toBeCloseTo(1 / 3, 5);
  });

  it('is timed once without the wait, and by the wall where nothing would be left', async () => {
    const { clock, run } = simulateMachine();
    const load = run(
      'load',
      () => 5,
      () => 20,
    );
    expect((await timeOnce(load, clock)).durationMs).toBeCloseTo(5, 9);
    const nothingLeft = run(
      'load',
      () => 0,
      () => 20,
    );
    expect((await timeOnce(nothingLeft, clock)).durationMs).toBeCloseTo(20, 9);
  });
});
