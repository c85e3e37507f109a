/**
 * What a regression of each metric is called where people accept it on purpose: the label `accept-slower:digits`, the
 * flag `--accept slower:digits`, the entry `slower`. Permanent.
 */
export const METRIC_FINDINGS = {
  latency: 'slower',
  'load-time': 'slower-load',
  memory: 'more-memory',
  throughput: 'less-throughput',
  'file-size': 'larger',
  parameters: 'more-parameters',
  nodes: 'more-nodes',
} as const;

/**
 * The same for the findings of test cases and labelled data, by code. What is not here cannot be accepted: a case on which the
 * model or its process failed says nothing about its outputs.
 */
export const TEST_FINDINGS = {
  CASE_FAILED: 'failed-case',
  ACCURACY_BELOW_MINIMUM: 'less-accurate',
  ACCURACY_DROPPED: 'less-accurate',
} as const;

/** How people name a finding of test cases or labelled data, or null where its code cannot be accepted. */
export const testFindingName = (code: string): string | null => {
  const names: Readonly<Record<string, string>> = TEST_FINDINGS;
  return Object.hasOwn(names, code) ? (names[code] ?? null) : null;
};

/** The same for any break of the contract; a single one is named `<rule>:<input or output>`. */
export const CONTRACT_FINDING = 'break';

/** How the label of a pull request begins that lets a finding through: `accept-slower:digits`. */
export const ACCEPTING_LABEL = 'accept-';
