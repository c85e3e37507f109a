import { describe, expect, it } from 'vitest';
import { measureFixtures } from '../support/fixture-pair.ts';
import { lacks } from '../support/requirements.ts';
import { plan } from '../support/simulated-launcher.ts';

describe.skipIf(lacks('runtime'))('measuring a pair whose candidate does not run', () => {
  it('ends with the signal where the candidate makes the runtime abort', async () => {
    await expect(measureFixtures('digits', 'aborts')).rejects.toMatchObject({
      code: 'WORKER_CRASHED',
      side: 'candidate',
      message: expect.stringContaining('SIGABRT'),
    });
  });

  it.concurrent.each(['hang-load', 'hang-run'])(
    'ends with a timeout for %s, before the budget is used up',
    async name => {
      const started = performance.now();
      await expect(
        measureFixtures('digits', name, { timeMs: 3000, memoryBytes: 2 ** 32 }),
      ).rejects.toMatchObject({
        code: 'WORKER_TIMEOUT',
        side: 'candidate',
        step: name === 'hang-load' ? 'load' : 'run',
      });
      expect(performance.now() - started).toBeLessThan(plan.budgetMs);
    },
  );
});
