import { describe, expect, it } from 'vitest';
import { evaluateDataset } from '../../../src/cases/accuracy.ts';
import type { ModelRunner } from '../../../src/cases/case-value.ts';
import { silentProgress } from '../../../src/shared/progress.ts';
import { modelOf, tensor } from '../contract/payload-fixtures.ts';
import { datasetOf, echo, planOf, y } from './case-fixtures.ts';

describe('evaluation of a dataset in chunks', () => {
  it('has two chunks at the runner at once, and no more', async () => {
    const model = modelOf([tensor('x', 'float32', ['N', 2])], y(['N', 2]));
    const inner = echo();
    let now = 0;
    let most = 0;
    const runner: ModelRunner = {
      run: inner.run,
      async runMany(sets) {
        most = Math.max(most, ++now);
        await new Promise(resolve => setTimeout(resolve, 5));
        const outputs = await inner.runMany(sets);
        now -= 1;
        return outputs;
      },
    };
    const { rows } = await evaluateDataset({
      model,
      runner,
      dataset: datasetOf(2000),
      plan: planOf('accuracy', {}, { batch: 1 }),
      progress: silentProgress,
      what: 'm',
    });
    expect(most).toBe(2);
    expect(rows.kind === 'classified' && rows.labels.length).toBe(2000);
  });

  it('fails with the error of the first rows that failed, whichever comes first', async () => {
    const model = modelOf([tensor('x', 'float32', ['N', 2])], y(['N', 2]));
    let chunk = 0;
    const runner: ModelRunner = {
      run: echo().run,
      async runMany() {
        const mine = ++chunk;
        if (mine === 1) await new Promise(resolve => setTimeout(resolve, 20));
        throw new Error(`chunk ${mine}`);
      },
    };
    await expect(
      evaluateDataset({
        model,
        runner,
        dataset: datasetOf(2000),
        plan: planOf('accuracy', {}, { batch: 1 }),
        progress: silentProgress,
        what: 'm',
      }),
    ).rejects.toThrow('chunk 1');
    expect(chunk).toBe(2);
  });
});
