import { describe, expect, it } from 'vitest';
import type { ContractComparison } from '../../../src/contract/comparison.ts';
import { type GatePolicy, gateOf, worstGate } from '../../../src/regression/gate.ts';
import type { MetricComparison, MetricOutcome, MetricPolicy } from '../../../src/regression/verdict.ts';

const policy: GatePolicy = {
  contract: 'hard',
  contractAccepted: false,
  inconclusive: 'pass',
  noBaseline: 'pass',
};
const breaking: ContractComparison = { kind: 'breaking', bump: 'major', changes: [] };

const metric = (
  outcome: MetricOutcome,
  gate: MetricPolicy['gate'] = 'hard',
  maxRegression: number | null = 0.05,
): MetricComparison => ({
  metric: 'latency',
  unit: 'ms',
  base: 1,
  candidate: 2,
  difference: null,
  policy: { gate, maxRegression, max: null },
  outcome,
});
const finding = (code: string, severity: 'error' | 'warning' | 'info') => ({
  code,
  severity,
  message: '',
  hint: '',
});

describe('the gate of a model', () => {
  it.each([
    ['hard', { kind: 'regressed', confirmed: true }, 'failed'],
    ['warn', { kind: 'regressed', confirmed: true }, 'warned'],
    ['off', { kind: 'regressed', confirmed: true }, 'passed'],
    ['hard', { kind: 'regressed', confirmed: false }, 'warned'],
    ['hard', { kind: 'over-limit', limit: 1 }, 'failed'],
    ['hard', { kind: 'under-limit', limit: 1 }, 'failed'],
    ['warn', { kind: 'under-limit', limit: 1 }, 'warned'],
    ['hard', { kind: 'disappeared', reason: '' }, 'warned'],
    ['off', { kind: 'disappeared', reason: '' }, 'passed'],
    ['hard', { kind: 'failed', reason: '' }, 'passed'],
    ['warn', { kind: 'over-limit', limit: 1 }, 'warned'],
    ['hard', { kind: 'improved' }, 'passed'],
    ['hard', { kind: 'unchanged' }, 'passed'],
    ['hard', { kind: 'inconclusive', reason: '' }, 'passed'],
    ['hard', { kind: 'no-baseline' }, 'passed'],
    ['hard', { kind: 'not-measured', reason: '' }, 'passed'],
  ] as const)('with a metric of gate "%s" and outcome %j is %s', (gate, outcome, expected) => {
    expect(gateOf([metric(outcome, gate)], null, [], policy)).toBe(expected);
  });

  it('fails for inconclusive and for no baseline only where the policy says so', () => {
    const strict: GatePolicy = { ...policy, inconclusive: 'fail', noBaseline: 'fail' };
    expect(gateOf([metric({ kind: 'inconclusive', reason: '' })], null, [], strict)).toBe('failed');
    expect(gateOf([metric({ kind: 'no-baseline' })], null, [], strict)).toBe('failed');
    expect(gateOf([metric({ kind: 'inconclusive', reason: '' }, 'warn')], null, [], strict)).toBe('warned');
  });

  it('cannot fail by a regression without a relative limit', () => {
    expect(gateOf([metric({ kind: 'regressed', confirmed: true }, 'hard', null)], null, [], policy)).toBe(
      'passed',
    );
  });

  it('fails for a broken contract, and warns of one that was accepted', () => {
    expect(gateOf([], breaking, [], policy)).toBe('failed');
    expect(gateOf([], breaking, [], { ...policy, contractAccepted: true })).toBe('warned');
    expect(gateOf([], breaking, [], { ...policy, contract: 'warn' })).toBe('warned');
    expect(gateOf([], breaking, [], { ...policy, contract: 'off' })).toBe('passed');
    expect(gateOf([], { ...breaking, kind: 'compatible' }, [], policy)).toBe('passed');
  });

  it('fails for what the model does, and gives no verdict for what the infrastructure does', () => {
    expect(gateOf([], null, [finding('WORKER_CRASHED', 'error')], policy)).toBe('failed');
    expect(gateOf([], null, [finding('RUNTIME_DOWNLOAD_FAILED', 'error')], policy)).toBe('no-verdict');
    expect(gateOf([], null, [finding('toString', 'error')], policy)).toBe('failed');
    expect(gateOf([], null, [finding('ANYTHING', 'warning')], policy)).toBe('warned');
    expect(gateOf([], null, [finding('ANYTHING', 'info')], policy)).toBe('passed');
  });

  it('fails rather than gives no verdict', () => {
    const findings = [finding('RUNTIME_DOWNLOAD_FAILED', 'error')];
    expect(gateOf([], breaking, findings, policy)).toBe('failed');
    expect(worstGate(['passed', 'no-verdict', 'warned'])).toBe('no-verdict');
    expect(worstGate([])).toBe('passed');
  });
});
