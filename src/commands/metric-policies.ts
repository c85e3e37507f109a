import { METRIC_FIELDS, type Policy } from '../config/config.ts';
import type { MetricPolicies } from '../regression/comparisons.ts';

/** The rules of a policy by the names that measurements have. */
export function policiesOf(policy: Policy): MetricPolicies {
  const entries = Object.entries(METRIC_FIELDS).map(([metric, field]) => [metric, policy[field]]);
  return Object.fromEntries(entries) as MetricPolicies;
}
