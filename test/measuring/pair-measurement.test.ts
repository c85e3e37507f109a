import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { feedsFor } from '../../src/benchmark/feeds.ts';
import { measurePair } from '../../src/benchmark/interleaved.ts';
import type { FeedSet } from '../../src/benchmark/measurement.ts';
import { measureSolo } from '../../src/benchmark/solo.ts';
import { decodeTensorFile } from '../../src/benchmark/tensor-file.ts';
import { readCaseFiles } from '../../src/runtime/case-files.ts';
import { createLauncher } from '../../src/runtime/launcher.ts';
import { lacks, projectRoot } from '../support/requirements.ts';
import { sharedModel, workerOptions } from '../support/runtime.ts';
import { plan } from '../support/simulated-launcher.ts';

const now = () => performance.now();

describe.skipIf(lacks('runtime') || lacks('models'))('measuring real models', () => {
  it('raises no alarm for a model against itself', async () => {
    const { path, feeds } = await sharedModel('mnist_cntk');
    const result = await measurePair({
      plan,
      basePath: path,
      candidatePath: path,
      feeds: { base: feeds, candidate: feeds },
      launcher: createLauncher(workerOptions),
      now,
    });
    for (const { decision } of [result.latency, result.loadTime, result.memory]) {
      expect(['unchanged', 'improved', 'inconclusive']).toContain(decision.kind);
    }
    expect(result.latency.decision.kind).not.toBe('improved');
    expect(result.latency.base).toBeGreaterThan(0);
    expect(result.memory.base).toBeGreaterThan(2 ** 24);
  });

  it('measures a model alone', async () => {
    const { path, feeds } = await sharedModel('mnist_cntk');
    const launcher = createLauncher(workerOptions);
    const result = await measureSolo({ plan, modelPath: path, feeds, launcher, now });
    expect(result.launches).toBe(5);
    expect(result.latencyMs).toBeGreaterThan(0);
    expect(result.loadMs).toBeGreaterThan(result.latencyMs);
  });
});

async function fixture(name: string): Promise<{ readonly path: string; readonly feeds: FeedSet }> {
  const folder = join(projectRoot, 'fixtures/models', name);
  const files = await readCaseFiles(folder);
  const path = join(folder, 'model.onnx');
  if (files !== null)
    return { path, feeds: { origin: 'case', digest: name, tensors: files.map(decodeTensorFile) } };
  // The hostile ones come without a case, and each has the one input `x`.
  const shape = [name === 'aborts' ? 2 : 1];
  return {
    path,
    feeds: feedsFor({ inputs: [{ name: 'x', kind: 'tensor', dtype: 'float32', shape }] }, plan),
  };
}

describe.skipIf(lacks('runtime'))('measuring the models of the fixtures', () => {
  const measure = async (base: string, candidate: string, limits = workerOptions.limits) => {
    const [one, other] = [await fixture(base), await fixture(candidate)];
    return measurePair({
      plan,
      basePath: one.path,
      candidatePath: other.path,
      feeds: { base: one.feeds, candidate: other.feeds },
      launcher: createLauncher({ ...workerOptions, limits }),
      now,
    });
  };

  it('finds that a wider network takes longer, and measures that twice', async () => {
    const result = await measure('digits', 'digits-wide');
    expect(result.latency).toMatchObject({ decision: { kind: 'regressed' }, remeasured: true });
    expect(result.confirmed).toBe(true);
    expect(result.latency.difference?.low).toBeGreaterThan(0.02);
  });

  it('finds that a narrower network is faster', async () => {
    expect((await measure('digits-wide', 'digits')).latency.decision).toEqual({ kind: 'improved' });
  });

  it('ends with the signal where the candidate makes the runtime abort', async () => {
    await expect(measure('digits', 'aborts')).rejects.toMatchObject({
      code: 'WORKER_CRASHED',
      side: 'candidate',
      message: expect.stringContaining('SIGABRT'),
    });
  });

  it.each(['hang-load', 'hang-run'])(
    'ends with a timeout for %s, before the budget is used up',
    async name => {
      const started = now();
      await expect(measure('digits', name, { timeMs: 5000, memoryBytes: 2 ** 32 })).rejects.toMatchObject({
        code: 'WORKER_TIMEOUT',
        side: 'candidate',
        step: name === 'hang-load' ? 'load' : 'run',
      });
      expect(now() - started).toBeLessThan(plan.budgetMs);
    },
  );
});
