import type { ContractComparison } from '../contract/comparison.ts';
import { ERROR_CATALOG } from '../shared/error-catalog.ts';
import type { Finding } from '../shared/finding.ts';
import type { Gate, MetricComparison } from './verdict.ts';

/** What the team wants where it is not said metric by metric. */
export interface GatePolicy {
  readonly contract: 'hard' | 'warn' | 'off';
  /** The breaks of the contract have all been accepted. */
  readonly contractAccepted: boolean;
  readonly inconclusive: 'pass' | 'fail';
  readonly noBaseline: 'pass' | 'fail';
}

/** From best to worst: a failed gate wins over a verdict that was not possible. */
const ORDER = ['passed', 'warned', 'no-verdict', 'failed'] as const satisfies Gate[];

/** The worst of several gates; `passed` for none. */
export function worstGate(gates: readonly Gate[]): Gate {
  return ORDER[Math.max(0, ...gates.map(gate => ORDER.indexOf(gate)))] ?? 'passed';
}

/** What one metric means for the gate. Inconclusive and without a baseline only count where the policy says so. */
export function gateOfMetric(comparison: MetricComparison, policy: GatePolicy): Gate {
  const { gate, maxRegression } = comparison.policy;
  if (gate === 'off') return 'passed';
  const against: Gate = gate === 'hard' ? 'failed' : 'warned';
  const { outcome } = comparison;
  switch (outcome.kind) {
    case 'over-limit':
    case 'under-limit':
      return against;
    case 'regressed':
      if (maxRegression === null) return 'passed';
      return outcome.confirmed ? against : 'warned';
    case 'inconclusive':
      return policy.inconclusive === 'fail' ? against : 'passed';
    case 'no-baseline':
      return policy.noBaseline === 'fail' ? against : 'passed';
    case 'disappeared':
      return 'warned';
    case 'failed':
    // The finding that says why decides: the model's fault fails, the machine's leaves no verdict.
    case 'improved':
    case 'unchanged':
    case 'within-limits':
    case 'not-measured':
      return 'passed';
  }
}

function gateOfContract(contract: ContractComparison | null, policy: GatePolicy): Gate {
  if (contract?.kind !== 'breaking' || policy.contract === 'off') return 'passed';
  return policy.contractAccepted || policy.contract === 'warn' ? 'warned' : 'failed';
}

/** An error of the infrastructure (exit code 3) says nothing about the model: no verdict was possible. */
function gateOfFinding(finding: Finding): Gate {
  if (finding.severity === 'info') return 'passed';
  if (finding.severity === 'warning') return 'warned';
  const kinds: Readonly<Record<string, { readonly exit: 2 | 3 }>> = ERROR_CATALOG;
  const kind = Object.hasOwn(kinds, finding.code) ? kinds[finding.code] : undefined;
  return kind?.exit === 3 ? 'no-verdict' : 'failed';
}

/**
 * The gate of one model: failed by a hard metric that regressed (confirmed) or is over its limit, by a break of the
 * contract that nobody accepted, or by a finding of severity error; no-verdict where only the infrastructure failed;
 * warned by what is soft or accepted; else passed.
 */
export function gateOf(
  metrics: readonly MetricComparison[],
  contract: ContractComparison | null,
  findings: readonly Finding[],
  policy: GatePolicy,
): Gate {
  return worstGate([
    ...metrics.map(metric => gateOfMetric(metric, policy)),
    gateOfContract(contract, policy),
    ...findings.map(gateOfFinding),
  ]);
}
