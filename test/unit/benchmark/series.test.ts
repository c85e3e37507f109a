import { describe, expect, it } from 'vitest';
import { FRESH_PROCESS_LOOKS, rulesFor } from '../../../src/benchmark/launch-sequence.ts';
import { evidenceOf, type Series, type Track } from '../../../src/benchmark/series.ts';

interface Launch {
  readonly baseMs: number;
  readonly candidateMs: number;
  readonly logRatio: number;
}

const alpha = 0.01;
const track: Track<Launch> = {
  base: launch => launch.baseMs,
  candidate: launch => launch.candidateMs,
  ratioOf: launch => launch.logRatio,
  rulesOf: () => rulesFor(0.05, alpha, FRESH_PROCESS_LOOKS),
};
const seriesOf = (launches: readonly Launch[]): Series<Launch> => ({ launches, budgetMs: 1000, launchMs: 1 });
const evidence = (launches: readonly Launch[]) => evidenceOf(seriesOf(launches), null, track, alpha);

describe('the two values beside a difference', () => {
  it('agree with it, where the pace of the machine changed between the blocks of the two models', () => {
    // The pairs agree that nothing changed; more than half of the base's blocks, and fewer of the candidate's, met the slow pace.
    const { base, candidate, difference } = evidence([
      { baseMs: 0.21, candidateMs: 0.195, logRatio: -0.004 },
      { baseMs: 0.195, candidateMs: 0.195, logRatio: -0.003 },
      { baseMs: 0.21, candidateMs: 0.21, logRatio: -0.005 },
    ]);
    expect(difference?.estimate).toBeCloseTo(-0.004, 4);
    expect(base).toBe(0.21);
    expect((candidate ?? 0) / (base ?? 1) - 1).toBeCloseTo(difference?.estimate ?? 1, 12);
  });

  it('keep each side as it was measured in the samples', () => {
    const { samples } = evidence([
      { baseMs: 2, candidateMs: 3, logRatio: 0 },
      { baseMs: 4, candidateMs: 5, logRatio: 0 },
    ]);
    expect(samples).toEqual({ base: [2, 4], candidate: [3, 5] });
  });

  it('are the medians of one launch, which has no difference yet', () => {
    expect(evidence([{ baseMs: 2, candidateMs: 3, logRatio: 0.1 }])).toMatchObject({
      base: 2,
      candidate: 3,
      difference: null,
    });
  });
});
