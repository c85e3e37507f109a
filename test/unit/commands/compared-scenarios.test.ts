import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Launcher } from '../../../src/benchmark/launcher.ts';
import { compareScenario, comparisonsIn } from '../../../src/commands/benchmark/compared-scenarios.ts';
import { comparedText } from '../../../src/commands/benchmark/scenario-text.ts';
import { readModel } from '../../../src/model/model-reader.ts';
import { normalRandom, seededRandom } from '../../../src/shared/random.ts';
import { fixtureModel } from '../../support/pull-request.ts';
import { plan, quietMachine, simulateLauncher } from '../../support/simulated-launcher.ts';

/** What is wrong with the candidate, as factors of the base; `kept` is bytes a load. */
interface Fault {
  readonly load?: number;
  readonly firstRun?: number;
  readonly memory?: number;
  readonly kept?: number;
}

const model = readModel(join(fixtureModel('digits'), 'model.onnx'));
const base = { file: '/base.onnx', model };
const candidate = { file: '/candidate.onnx', model };

function inputWith(fault: Fault) {
  const normal = normalRandom(seededRandom(3));
  const { launcher, now } = simulateLauncher(() => quietMachine);
  const noisy = (value: number): number => value * Math.exp(0.01 * normal());
  const planted: Launcher = {
    ...launcher,
    launchSolo: async request => {
      const solo = await launcher.launchSolo(request);
      const of = (factor = 1): number => (request.model.path === candidate.file ? factor : 1);
      return {
        ...solo,
        loadMs: noisy(10 * of(fault.load)),
        firstRunMs: noisy(4 * of(fault.firstRun)),
        peakRssBytes: noisy(1e8 * of(fault.memory)),
      };
    },
    launchCycles: async request => {
      const kept = request.model.path === candidate.file ? (fault.kept ?? 0) : 0;
      return Array.from({ length: request.cycles }, (_, cycle) => 1e8 + kept * cycle + 1e4 * normal());
    },
  };
  return {
    base,
    model: candidate,
    launcher: planted,
    workers: {} as Parameters<typeof compareScenario>[1]['workers'],
    settings: { provider: 'cpu', threads: 1 },
    seed: 7,
    dims: {},
    caseFiles: null,
    cores: 2,
    rate: null,
    concurrency: null,
    durationMs: 1000,
    alpha: plan.alpha,
    budgetMs: 60_000,
    now,
    onProgress: () => undefined,
  };
}

async function verdicts(fault: Fault) {
  const input = inputWith(fault);
  const results = [await compareScenario('cold-start', input), await compareScenario('memory', input)];
  return results.flatMap(result => ('comparisons' in result ? result.comparisons : []));
}

describe('scenarios of a model and its base', () => {
  it.each<[string, Fault, string]>([
    ['that keeps every session', { kept: 1.7e6 }, 'growth'],
    ['with a peak that is 30 % larger', { memory: 1.3 }, 'memory'],
    ['that loads half as fast', { load: 2 }, 'load-time'],
    ['with a first run that takes twice as long', { firstRun: 2 }, 'first-run'],
  ])('find a candidate %s by its own statistic and by no other', async (_what, fault, statistic) => {
    const found = await verdicts(fault);
    const kinds = Object.fromEntries(found.map(each => [each.statistic, each.decision.kind]));
    const unchanged = {
      'load-time': 'unchanged',
      'first-run': 'unchanged',
      memory: 'unchanged',
      growth: 'unchanged',
    };
    expect(kinds).toEqual({ ...unchanged, [statistic]: 'regressed' });
  });

  it('find nothing where nothing is different, and what got better', async () => {
    expect((await verdicts({})).every(({ decision }) => decision.kind === 'unchanged')).toBe(true);
    const better = await verdicts({ memory: 0.7 });
    expect(better.find(({ statistic }) => statistic === 'memory')?.decision.kind).toBe('improved');
  });

  it('compare every setting of a sweep with the same inputs for both, in one order', async () => {
    const input = inputWith({});
    const result = await compareScenario('batch', input);
    if (!('comparisons' in result)) throw new Error('it was skipped');
    expect(result.comparisons.map(({ setting }) => setting)).toEqual(['1', '2', '4', '8', '16', '32', '64']);
    expect(result.comparisons).toHaveLength(comparisonsIn('batch', input));
    expect(comparedText(result)).toMatch(/latency 64 .*unchanged/);
    const threads = await compareScenario('threads', input);
    expect('comparisons' in threads && threads.comparisons.map(({ setting }) => setting)).toEqual(['1', '2']);
  });
});
