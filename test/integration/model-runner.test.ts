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

  it('carries out what is asked for while it runs in turn, and goes on after a refusal', async () => {
    await using runner = createModelRunner(workerOptions, digits);
    const feeds = digitsFeeds();
    const twice = feeds.map(tensor => ({
      ...tensor,
      data: tensor.data instanceof Uint8Array ? tensor.data.toReversed() : tensor.data,
    }));
    const wrong = feeds.map(tensor => ({ ...tensor, name: 'nothing' }));
    const asked = [
      runner.runMany([feeds]),
      runner.run(wrong),
      runner.runMany([twice, feeds]),
      runner.run(twice),
    ];
    const [first, refused, second, third] = await Promise.allSettled(asked);
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'MODEL_RUN_FAILED' } });
    const one = await runner.run(feeds);
    const other = await runner.run(twice);
    expect(other).not.toEqual(one);
    expect(first).toEqual({ status: 'fulfilled', value: [one] });
    expect(second).toEqual({ status: 'fulfilled', value: [other, one] });
    expect(third).toEqual({ status: 'fulfilled', value: other });
  });

  it('counts the time of a run from its turn', async () => {
    const feeds = digitsFeeds();
    const runs = 500;
    const lastedMs = async (limits: typeof workerOptions.limits, together: number): Promise<number> => {
      await using runner = createModelRunner({ ...workerOptions, limits }, digits);
      await runner.run(feeds);
      const from = performance.now();
      const sets = Array.from({ length: runs }, () => feeds);
      await Promise.all(Array.from({ length: together }, () => runner.runMany(sets)));
      return performance.now() - from;
    };
    const alone = await lastedMs(workerOptions.limits, 1);
    const timeMs = 3000;
    const together = Math.ceil((timeMs * 1.5) / alone);
    expect(await lastedMs({ ...workerOptions.limits, timeMs }, together)).toBeGreaterThan(timeMs);
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
    const asked = await Promise.allSettled([runner.runMany([feeds, feeds, feeds]), runner.run(feeds)]);
    for (const end of asked)
      expect(end).toMatchObject({ status: 'rejected', reason: { code: 'WORKER_TIMEOUT' } });
    await expect(runner.run(feeds)).rejects.toMatchObject({ code: 'WORKER_TIMEOUT' });
  });
});
