import { describe, expect, it } from 'vitest';
import { compareProfiles, type ProfiledLaunch } from '../../../../src/model/layers/compare-profiles.ts';
import type { ModelProfile, ProfiledLayer } from '../../../../src/model/layers/model-profile.ts';
import { normalRandom, seededRandom } from '../../../../src/shared/random.ts';

type Times = Readonly<Record<string, number>>;

const layer = (name: string, durationUs: number): ProfiledLayer => ({
  name,
  operator: name.replace(/\d+$/, ''),
  does: [name],
  calls: 1,
  inputShapes: [],
  outputShapes: [],
  parameterCount: 0,
  parameterBytes: 0,
  activationBytes: 0,
  durationUs,
  timeShare: 0,
  macs: null,
});

const profile = (times: Times): ModelProfile => ({
  totals: {
    macs: 0,
    parameterCount: 0,
    parameterBytes: 0,
    peakActivationBytes: null,
    movedBytes: 0,
    arithmeticIntensity: null,
    durationUs: 0,
    nodeCount: 0,
    layerCount: 0,
    uncountedTimeShare: 0,
  },
  runs: 1,
  operators: [],
  layers: Object.entries(times).map(([name, durationUs]) => layer(name, durationUs)),
  uncounted: [],
});

const launch = (base: Times, candidate: Times): ProfiledLaunch => ({
  base: profile(base),
  candidate: profile(candidate),
});

const compare = (launches: readonly ProfiledLaunch[]) => compareProfiles(launches, new Map());

const isBeyondNoise = (row: { baseMs: number | null; candidateMs: number | null; noiseMs: number }) =>
  Math.abs((row.candidateMs ?? 0) - (row.baseMs ?? 0)) > row.noiseMs;

describe('layers of two profiles', () => {
  it('differ beyond their noise where every process says so', () => {
    const { layers } = compare([
      launch({ Conv1: 400, Conv2: 300 }, { Conv1: 700, Conv2: 310 }),
      launch({ Conv1: 420, Conv2: 330 }, { Conv1: 730, Conv2: 300 }),
      launch({ Conv1: 390, Conv2: 310 }, { Conv1: 710, Conv2: 340 }),
    ]);
    expect(layers.map(({ name }) => name)).toEqual(['Conv1', 'Conv2']);
    expect(layers.map(isBeyondNoise)).toEqual([true, false]);
    expect(layers[0]).toMatchObject({ baseMs: 0.4, candidateMs: 0.71 });
  });

  it('keep a difference that a slow process lengthens on both sides', () => {
    const { layers } = compare([
      launch({ Conv1: 400 }, { Conv1: 500 }),
      launch({ Conv1: 1200 }, { Conv1: 1500 }),
      launch({ Conv1: 410 }, { Conv1: 512 }),
      launch({ Conv1: 400 }, { Conv1: 498 }),
      launch({ Conv1: 405 }, { Conv1: 503 }),
    ]);
    expect(layers[0]?.baseMs).toBe(0.405);
    expect(layers.map(isBeyondNoise)).toEqual([true]);
  });

  it('do not differ by a step of the clock, nor by what the layout of memory does', () => {
    const same = Array.from({ length: 3 }, () =>
      launch({ Relu1: 3, Conv1: 1000 }, { Relu1: 4, Conv1: 1015 }),
    );
    expect(compare(same).layers.map(isBeyondNoise)).toEqual([false, false]);
  });

  it('have no partner where only one side runs them, and count as whole', () => {
    const { layers, operators } = compare([
      launch({ Conv1: 400 }, { Conv1: 402, Cast1: 90 }),
      launch({ Conv1: 400 }, { Conv1: 401, Cast1: 88 }),
    ]);
    expect(layers[0]).toMatchObject({ name: 'Cast1', baseMs: null, candidateMs: 0.089 });
    expect(isBeyondNoise(layers[0]!)).toBe(true);
    expect(operators[0]).toMatchObject({ operator: 'Cast', baseCount: 0, candidateCount: 1, baseMs: 0 });
  });

  it('leave out a process in which a model took another way', () => {
    const { layers } = compare([
      launch({ Conv1: 400 }, { Conv1: 400 }),
      launch({ Conv1: 400 }, { Conv1: 900, Loop1: 50 }),
    ]);
    expect(layers).toHaveLength(1);
    expect(layers[0]?.candidateMs).toBe(0.4);
  });

  it('are blamed wrongly for little, however many there are and however busy the machine is', () => {
    const random = normalRandom(seededRandom(5));
    const names = Array.from({ length: 60 }, (_, index) => `Conv${index}`);
    const noisy = (times: Times): Times =>
      Object.fromEntries(names.map(name => [name, (times[name] ?? 0) * (1 + 0.05 * Math.abs(random()))]));
    const base = Object.fromEntries(names.map(name => [name, 200]));
    const shares = Array.from({ length: 40 }, () => {
      const launches = Array.from({ length: 5 }, () => launch(noisy(base), noisy({ ...base, Conv7: 800 })));
      const blamed = compare(launches).layers.filter(isBeyondNoise);
      const gains = blamed.map(row => Math.max(0, (row.candidateMs ?? 0) - (row.baseMs ?? 0)));
      expect(blamed[0]?.name).toBe('Conv7');
      return (gains[0] ?? 0) / gains.reduce((sum, each) => sum + each, 0);
    });
    expect(Math.min(...shares)).toBeGreaterThan(0.8);
  });
});
