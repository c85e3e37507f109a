import { describe, expect, it } from 'vitest';
import {
  batchSize,
  type Evaluation,
  evaluateDataset,
  judgeAccuracy,
  judgedOutput,
} from '../../../src/cases/accuracy.ts';
import type { AccuracyMetric } from '../../../src/cases/accuracy-metrics.ts';
import { createCollector } from '../../../src/cases/accuracy-rows.ts';
import type { ModelRunner } from '../../../src/cases/case-value.ts';
import { mcnemarMidP } from '../../../src/cases/paired-tests.ts';
import { describeMetric } from '../../../src/report/cases-words.ts';
import { silentProgress } from '../../../src/shared/progress.ts';
import { seededRandom } from '../../../src/shared/random.ts';
import { modelOf, tensor } from '../contract/payload-fixtures.ts';
import { datasetOf, echo, numbers, planOf, y } from './case-fixtures.ts';

/** A classifier that is right on the rows that are true. */
function evaluationOf(right: readonly boolean[]): Evaluation {
  const collector = createCollector('classified', 'y', null, true);
  const scores = right.flatMap(each => (each ? [0.2, 0.8] : [0.8, 0.2]));
  collector.add(
    numbers('float32', [right.length, 2], scores),
    { kind: 'numbers', values: new Float64Array(right.length).fill(1), width: 1, whole: true },
    right.length,
  );
  return { rows: collector.finish(), notANumber: 0 };
}

const judge = (
  metric: AccuracyMetric,
  base: readonly boolean[],
  candidate: readonly boolean[],
  policy: object,
) =>
  judgeAccuracy(planOf(metric, policy), evaluationOf(candidate), evaluationOf(base), {
    dataset: 'd',
    output: 'y',
  }).metrics[0]!;

describe('evaluation of a dataset', () => {
  it('runs whole batches, and the rest as it is where the model is free', async () => {
    const calls: number[] = [];
    const model = modelOf([tensor('x', 'float32', ['N', 2])], y(['N', 2]));
    const { rows } = await evaluateDataset({
      model,
      runner: echo(calls),
      dataset: datasetOf(10),
      plan: planOf('accuracy'),
      progress: silentProgress,
      what: 'm',
    });
    // The first batch once more, with two of its rows alone.
    expect(calls).toEqual([4, 1, 1, 4, 4, 2]);
    expect(rows.kind === 'classified' && rows.labels.length).toBe(10);
  });

  it('fills the last batch up where the size is fixed, and does not count the filling', async () => {
    const calls: number[] = [];
    const model = modelOf([tensor('x', 'float32', [4, 2])], y([4, 2]));
    const { rows } = await evaluateDataset({
      model,
      runner: echo(calls),
      dataset: datasetOf(10),
      plan: planOf('accuracy'),
      progress: silentProgress,
      what: 'm',
    });
    expect(calls).toEqual([4, 4, 4]);
    expect(rows.kind === 'classified' && rows.labels.length).toBe(10);
  });

  it('runs row by row where a row gets something else beside others than alone', async () => {
    const calls: number[] = [];
    const model = modelOf([tensor('x', 'float32', ['N', 2])], y(['N', 2]));
    const rowsOf = async (runner: ModelRunner) => {
      const dataset = datasetOf(10);
      const plan = planOf('auc');
      return (await evaluateDataset({ model, runner, dataset, plan, progress: silentProgress, what: 'm' }))
        .rows;
    };
    expect(await rowsOf(echo(calls, (value, rows) => value / rows))).toEqual(await rowsOf(echo()));
    expect(calls).toEqual([4, 1, 1, ...Array.from({ length: 10 }, () => 1)]);
  });

  it('reads the same rows whatever the batch', async () => {
    const model = modelOf([tensor('x', 'float32', ['N', 2])], y(['N', 2]));
    const evaluate = (batch: number) =>
      evaluateDataset({
        model,
        runner: echo(),
        dataset: datasetOf(101),
        plan: planOf('auc', {}, { batch }),
        progress: silentProgress,
        what: 'm',
      });
    expect((await evaluate(1)).rows).toEqual((await evaluate(64)).rows);
  });

  it('hands on what the runner fails with', async () => {
    const model = modelOf([tensor('x', 'float32', ['N', 2])], y(['N', 2]));
    const broken: ModelRunner = {
      run: () => Promise.reject(new Error('dead')),
      runMany: () => Promise.reject(new Error('dead')),
    };
    await expect(
      evaluateDataset({
        model,
        runner: broken,
        dataset: datasetOf(10_000),
        plan: planOf('accuracy'),
        progress: silentProgress,
        what: 'm',
      }),
    ).rejects.toThrow('dead');
  });

  it('takes NaN for wrong and counts it', () => {
    const collector = createCollector('classified', 'y', null, false);
    collector.add(
      numbers('float32', [2, 2], [Number.NaN, 1, 0, 1]),
      { kind: 'numbers', values: Float64Array.of(1, 1), width: 1, whole: true },
      2,
    );
    expect(collector.notANumber).toBe(1);
    expect(collector.finish()).toMatchObject({ predicted: Int32Array.of(-1, 1) });
  });

  it('maps class names to scores by the list, and refuses a name that is not on it', () => {
    const collector = createCollector('classified', 'y', ['cat', 'dog'], false);
    const scores = numbers('float32', [2, 2], [0.1, 0.9, 0.9, 0.1]);
    collector.add(scores, { kind: 'names', values: ['dog', 'dog'] }, 2);
    expect(collector.finish()).toMatchObject({ labels: Int32Array.of(1, 1), predicted: Int32Array.of(1, 0) });
    expect(() => collector.add(scores, { kind: 'names', values: ['cow', 'dog'] }, 2)).toThrow(
      'none of the classes',
    );
    expect(() =>
      createCollector('classified', 'y', null, false).add(scores, { kind: 'names', values: ['a', 'b'] }, 2),
    ).toThrow('give the classes');
  });

  it('finds the batch and the output that is judged', () => {
    expect(batchSize(modelOf([tensor('x', 'float32', [8, 2])]), 32)).toBe(8);
    expect(batchSize(modelOf([tensor('x', 'float32', ['N', 2])]), 32)).toBe(32);
    expect(() => batchSize(modelOf([tensor('a', 'float32', [8]), tensor('b', 'float32', [4])]), 32)).toThrow(
      'different first dimensions',
    );
    const model = modelOf(
      [],
      [tensor('label', 'int64', ['N']), tensor('probabilities', 'float32', ['N', 3])],
    );
    expect(judgedOutput(model, null).name).toBe('probabilities');
    expect(judgedOutput(model, 'label').name).toBe('label');
    expect(() => judgedOutput(model, 'nothing')).toThrow('no output');
  });
});

describe('verdict on accuracy', () => {
  const allRight = Array.from({ length: 1000 }, () => true);
  const withWrong = (count: number): boolean[] => allRight.map((_, row) => row >= count);

  it('fails a drop that is larger than tolerated and not chance', () => {
    const result = judge('accuracy', allRight, withWrong(30), { maxDrop: 0.01 });
    expect(result).toMatchObject({
      drop: expect.closeTo(0.03),
      outcome: { kind: 'dropped' },
      test: { method: 'mcnemar-mid-p' },
    });
  });

  it('passes a drop within the tolerance, however sure it is', () => {
    expect(judge('accuracy', allRight, withWrong(30), { maxDrop: 0.05 }).outcome.kind).toBe('passed');
  });

  it('is inconclusive where so few rows changed that chance does it too', () => {
    const few = [true, true, true, true, false, true, true, true, true, true];
    expect(
      judge(
        'accuracy',
        few.map(() => true),
        few,
        { maxDrop: 0.01 },
      ).outcome.kind,
    ).toBe('inconclusive');
  });

  it('fails below the minimum without any test, and above it for errors', () => {
    expect(judge('accuracy', allRight, withWrong(200), { min: 0.9 }).outcome).toEqual({
      kind: 'below-minimum',
      minimum: 0.9,
    });
    expect(judge('accuracy', allRight, withWrong(50), { min: 0.9 }).outcome.kind).toBe('passed');
  });

  it('says that a metric is not defined instead of making one up', () => {
    expect(judge('auc', allRight, allRight, { min: 0.9 }).outcome.kind).toBe('undefined');
  });

  it('uses a seeded paired bootstrap for metrics that are no share of rows', () => {
    const collect = (noise: number): Evaluation => {
      const random = seededRandom(3);
      const collector = createCollector('regressed', 'y', null, false);
      const truth = Float64Array.from({ length: 500 }, () => random());
      const predicted = Array.from(truth, (value, row) => value + noise * Math.sin(row));
      collector.add(
        numbers('float64', [500], predicted),
        { kind: 'numbers', values: truth, width: 1, whole: false },
        500,
      );
      return { rows: collector.finish(), notANumber: 0 };
    };
    const judgeNoise = (noise: number) =>
      judgeAccuracy(planOf('mae', { maxDrop: 0.001 }), collect(noise), collect(0.1), {
        dataset: 'd',
        output: 'y',
      }).metrics[0]!;
    const worse = judgeNoise(0.15);
    expect(worse.outcome.kind).toBe('dropped');
    expect(worse.test?.interval?.low).toBeGreaterThan(0);
    expect(judgeNoise(0.15)).toEqual(worse);
    expect(judgeNoise(0.05).outcome.kind).toBe('passed');
    expect(judgeNoise(0.1)).toMatchObject({ drop: 0, test: null });
  });

  it('is not called passed where a drop is limited and there is no base', () => {
    const alone = (policy: Parameters<typeof planOf>[1]) =>
      judgeAccuracy(planOf('accuracy', policy), evaluationOf([true, true]), null, {
        dataset: 'd',
        output: 'y',
      }).metrics[0]!;
    const limited = alone({ maxDrop: 0.01 });
    expect(limited.outcome).toEqual({ kind: 'no-baseline', maxDrop: 0.01 });
    expect(describeMetric(limited)).toBe(
      'accuracy 1.0000: no baseline: no base ran on these rows, so a drop by more than 0.01 could not be seen',
    );
    expect(alone({}).outcome).toEqual({ kind: 'passed' });
    expect(alone({ min: 1.5, maxDrop: 0.01 }).outcome).toEqual({ kind: 'below-minimum', minimum: 1.5 });
  });

  it('seldom fails two models that are equally good', () => {
    const random = seededRandom(11);
    const outcomes = Array.from({ length: 400 }, () => {
      const side = (): boolean[] => Array.from({ length: 300 }, () => random() < 0.9);
      return judge('accuracy', side(), side(), { maxDrop: 0 }).outcome.kind;
    });
    expect(outcomes.filter(kind => kind === 'dropped').length).toBeLessThanOrEqual(12);
  });

  it.each([
    // Computed by hand from the binomial: sum over k > lost, half of k = lost.
    [0, 0, 1],
    [1, 0, 0.25],
    [2, 0, 0.125],
    [3, 1, 1 / 16 + 0.5 * (4 / 16)],
    [5, 5, 0.5],
    [0, 3, 1 - 0.5 / 8],
  ])("McNemar's mid-p of %i lost and %i won is %d", (lost, won, wanted) => {
    expect(mcnemarMidP(lost, won)).toBeCloseTo(wanted, 12);
  });
});
