import { describe, expect, it } from 'vitest';
import { measureDrift } from '../../../src/cases/drift.ts';
import { echo, named, numbers } from './case-fixtures.ts';

describe('drift', () => {
  const feeds = [[named('x', numbers('float32', [2, 2], [1, 2, 4, 3]))]];

  it('measures difference, cosine and the same top class', async () => {
    const report = await measureDrift({
      base: echo(),
      candidate: echo([], value => (value === 3 ? 5 : value)),
      feeds,
      inputs: 'case',
      sameModel: false,
      sameRuntime: true,
    });
    expect(report).toMatchObject({ cause: 'model', runs: 1 });
    expect(report.outputs[0]).toMatchObject({
      output: 'y',
      topOneAgreement: 0.5,
      rows: 2,
      statistics: { largestAbsolute: { value: 2, index: [1, 1] }, meanAbsolute: 0.5 },
    });
    expect(report.outputs[0]?.cosine).toBeCloseTo((1 + 4 + 16 + 15) / Math.sqrt(30 * 46), 10);
  });

  it('tells a runtime upgrade from a change of the model', async () => {
    const cause = async (sameModel: boolean, sameRuntime: boolean) =>
      (
        await measureDrift({
          base: echo(),
          candidate: echo(),
          feeds,
          inputs: 'synthetic',
          sameModel,
          sameRuntime,
        })
      ).cause;
    expect([
      await cause(true, true),
      await cause(true, false),
      await cause(false, true),
      await cause(false, false),
    ]).toEqual(['nothing', 'runtime', 'model', 'model-and-runtime']);
  });
});
