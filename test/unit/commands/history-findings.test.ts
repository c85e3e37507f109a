import { describe, expect, it } from 'vitest';
import { measureSolo } from '../../../src/benchmark/solo.ts';
import { historyFindings } from '../../../src/commands/check/history-findings.ts';
import type { Policy } from '../../../src/config/config.ts';
import { defaultConfig } from '../../../src/config/parse.ts';
import { feeds, plan, quietMachine, simulateLauncher } from '../../support/simulated-launcher.ts';

const { policy } = defaultConfig().defaults;

describe('a model above its recorded measurements', () => {
  const found = async (rules: Policy) => {
    const { launcher, now } = simulateLauncher(() => ({ ...quietMachine, baseMs: 4 }));
    const measured = await measureSolo({ plan, modelPath: 'm.onnx', feeds, launcher, now });
    const points = Array.from({ length: 12 }, (_, index) => ({
      createdAt: '2026-10-01T00:00:00.000Z',
      commit: null,
      version: null,
      metrics: { latency: 2 + index / 1000 },
    }));
    return historyFindings(measured, { fingerprint: 'here', points }, rules);
  };

  it('is warned of, fails only where the policy says so, and can be of no interest', async () => {
    const severities = async (rules: Policy) => (await found(rules)).map(({ severity }) => severity);
    expect(await severities(policy)).toEqual(['warning']);
    expect(await severities({ ...policy, history: 'hard' })).toEqual(['error']);
    expect(await severities({ ...policy, history: 'off' })).toEqual([]);
    const soft: Policy = { ...policy, history: 'hard', latency: { ...policy.latency, gate: 'warn' } };
    expect(await severities(soft)).toEqual(['warning']);
  });

  it('is told with the typical value and that this is weaker evidence', async () => {
    const [finding] = await found(policy);
    expect(finding?.message).toMatch(/over the typical .* of 12 recorded measurements/);
    expect(finding?.hint).toContain('weaker evidence');
  });
});
