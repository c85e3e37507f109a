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

/** The same for any break of the contract; a single one is named `<rule>:<input or output>`. */
export const CONTRACT_FINDING = 'break';

/** How the label of a pull request begins that lets a finding through: `accept-slower:digits`. */
export const ACCEPTING_LABEL = 'accept-';
