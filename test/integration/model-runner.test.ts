import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCases } from '../../src/cases/case-reader.ts';
import type { NamedTensor } from '../../src/cases/case-value.ts';
import { interfaceOf } from '../../src/model/model-interface.ts';
import { readModel } from '../../src/model/model-reader.ts';
import { createModelRunner } from '../../src/runtime/model-runner.ts';
import { fixtureModel } from '../support/pull-request.ts';
import { lacks } from '../support/requirements.ts';
import { workerOptions } from '../support/runtime.ts';

const digits = join(fixtureModel('digits'), 'model.onnx');

function digitsFeeds(): readonly NamedTensor[] {
  const [test] = [...readCases(join(digits, '..'), interfaceOf(readModel(digits)))];
  return (test?.inputs ?? []).flatMap(({ name, value }) =>
    value.kind === 'tensor' ? [{ name, ...value.tensor }] : [],
  );
}

describe.skipIf(lacks('runtime'))('a model runner', () => {
  it('gives the same outputs one by one and many at once', async () => {
    await using runner = createModelRunner(workerOptions, digits);
    const feeds = digitsFeeds();
    const one = await runner.run(feeds);
    const many = await runner.runMany([feeds, feeds, feeds]);
    expect(many).toEqual([one, one, one]);
    expect(await runner.runMany([])).toEqual([]);
  });

  it('may take longer for many runs than the limit of one', async () => {
    const limits = { ...workerOptions.limits, timeMs: 3000 };
    await using runner = createModelRunner({ ...workerOptions, limits }, digits);
    const feeds = digitsFeeds();
    await runner.run(feeds);
    const start = performance.now();
    await runner.runMany([feeds]);
    const count = Math.min(20_000, Math.ceil(3600 / Math.max(0.2, performance.now() - start)));
    const outputs: unknown[] = [];
    let lasted = 0;
    // Chunks grow until one lasts longer than the limit of a single run.
    for (let size = count; lasted < 3100; size *= 2) {
      const from = performance.now();
      outputs.push(...(await runner.runMany(Array.from({ length: size }, () => feeds))));
      lasted = performance.now() - from;
    }
    expect(outputs.length).toBeGreaterThan(0);
  });

  it('stops a run that hangs, and runs again in a new process', async () => {
    const hang = join(fixtureModel('hang-run'), 'model.onnx');
    const limits = { ...workerOptions.limits, timeMs: 3000 };
    const model = interfaceOf(readModel(hang));
    const feeds = model.inputs.map(({ name, dtype, shape }): NamedTensor => {
      const sizes = (shape ?? []).map(size => (typeof size === 'number' ? size : 1));
      const bytes = dtype === 'int64' ? 8 : dtype === 'bool' ? 1 : 4;
      return {
        name,
        dtype,
        shape: sizes,
        data: new Uint8Array(sizes.reduce((product, size) => product * size, bytes)),
      };
    });
    await using runner = createModelRunner({ ...workerOptions, limits }, hang);
    await expect(runner.runMany([feeds, feeds, feeds])).rejects.toMatchObject({ code: 'WORKER_TIMEOUT' });
    await expect(runner.run(feeds)).rejects.toMatchObject({ code: 'WORKER_TIMEOUT' });
  });
});
