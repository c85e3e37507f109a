import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LaunchModel } from '../../src/benchmark/launcher.ts';
import { type ApartMetric, measureApart } from '../../src/benchmark/scenarios/apart.ts';
import { GROWTH_CYCLES, judgeGrowth } from '../../src/benchmark/scenarios/growth.ts';
import { decodeTensorFile } from '../../src/benchmark/tensor-file.ts';
import { readCaseFiles } from '../../src/runtime/case-files.ts';
import { createLauncher } from '../../src/runtime/launcher.ts';
import { lacks, projectRoot } from '../support/requirements.ts';
import { workerOptions } from '../support/runtime.ts';
import { type PlantedFault, plantRuntime } from '../support/runtime-doubles.ts';

const TOLERANCES: Readonly<Record<ApartMetric, number>> = {
  latency: 0.1,
  'load-time': 0.5,
  'first-run': 1,
  memory: 0.2,
};

describe.skipIf(lacks('runtime'))('a planted fault', () => {
  let folder = '';
  let model: LaunchModel;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quickserveml-faults-'));
    const path = join(projectRoot, 'fixtures/models/digits');
    const tensors = ((await readCaseFiles(path)) ?? []).map(decodeTensorFile);
    model = { path: join(path, 'model.onnx'), feeds: { origin: 'case', digest: 'digits', tensors } };
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** The scenarios that find something wrong with the planted runtime. */
  async function findings(fault: PlantedFault): Promise<readonly string[]> {
    const planted = createLauncher({
      ...workerOptions,
      runtime: await plantRuntime(await mkdtemp(join(folder, 'runtime-')), fault),
    });
    const base = { launcher: createLauncher(workerOptions), model };
    const candidate = { launcher: planted, model };
    const found: string[] = [];
    for (const metric of ['load-time', 'first-run', 'memory'] as const) {
      const evidence = await measureApart({
        metric,
        tolerance: TOLERANCES[metric],
        plan: { budgetMs: 20_000, provider: 'cpu', threads: 1, alpha: 0.01 },
        sides: { base, candidate },
        now: () => performance.now(),
      });
      if (evidence.decision.kind === 'regressed') found.push(metric);
    }
    const settings = { provider: 'cpu', threads: 1 };
    const cycles = [1, 2, 3].map(() => planted.launchCycles({ model, settings, cycles: GROWTH_CYCLES }));
    if (judgeGrowth(await Promise.all(cycles)).kind === 'growing') found.push('memory-growth');
    return found;
  }

  // On a busy machine a comparison may end inconclusive: a doubt, not a wrong verdict.
  it.each([
    ['leak', 'memory-growth'],
    ['peak', 'memory'],
    ['slow-load', 'load-time'],
    ['slow-first-run', 'first-run'],
  ] as const)(
    'of kind %s is found by the scenario %s and by no other',
    { timeout: 120_000, retry: 2 },
    async (fault, scenario) => {
      expect(await findings(fault)).toEqual([scenario]);
    },
  );
});
