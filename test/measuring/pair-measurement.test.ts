import { describe, expect, it } from 'vitest';
import { measurePair } from '../../src/benchmark/interleaved.ts';
import { measureSolo } from '../../src/benchmark/solo.ts';
import { createLauncher } from '../../src/runtime/launcher.ts';
import { measureFixtures } from '../support/fixture-pair.ts';
import { lacks } from '../support/requirements.ts';
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

describe.skipIf(lacks('runtime'))('measuring the models of the fixtures', () => {
  it('finds that a wider network takes longer, and measures that twice', async () => {
    const result = await measureFixtures('digits', 'digits-wide');
    expect(result.latency).toMatchObject({ decision: { kind: 'regressed' }, remeasured: true });
    expect(result.confirmed).toBe(true);
    expect(result.latency.difference?.low).toBeGreaterThan(0.02);
  });

  it('finds that a narrower network is faster', async () => {
    expect((await measureFixtures('digits-wide', 'digits')).latency.decision).toEqual({ kind: 'improved' });
  });
});
