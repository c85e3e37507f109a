import type { MetricComparison, MetricName } from '../regression/verdict.ts';
import { shortenText } from './escape.ts';

/** How a metric is spoken of. */
export interface MetricWords {
  /** In tables: `latency, median`. */
  readonly label: string;
  /** In a sentence: `the latency`. */
  readonly noun: string;
  /** At a sentence's start: `Median latency`. */
  readonly sentence: string;
  /** Clause behind a model's name; `amount` is empty or starts with a space. */
  readonly worse: (amount: string) => string;
  readonly better: (amount: string) => string;
  readonly limitKey: 'max-regression' | 'max-increase';
  readonly hint: string;
}

export const METRIC_WORDS: Readonly<Record<MetricName, MetricWords>> = {
  latency: {
    label: 'latency, median',
    noun: 'latency',
    sentence: 'Median latency',
    worse: amount => `got${amount} slower`,
    better: amount => `got${amount} faster`,
    limitKey: 'max-regression',
    hint: 'Look at the nodes that were added or grew, or accept it on purpose.',
  },
  'load-time': {
    label: 'load time',
    noun: 'load time',
    sentence: 'Load time',
    worse: amount => `loads${amount} slower`,
    better: amount => `loads${amount} faster`,
    limitKey: 'max-regression',
    hint: 'Look at the size of the file and its optimisations, or accept it on purpose.',
  },
  memory: {
    label: 'peak memory',
    noun: 'peak memory',
    sentence: 'Peak memory',
    worse: amount => `needs${amount} more memory`,
    better: amount => `needs${amount} less memory`,
    limitKey: 'max-regression',
    hint: 'Look at the weights and the largest activations, or accept it on purpose.',
  },
  throughput: {
    label: 'throughput',
    noun: 'throughput',
    sentence: 'Throughput',
    worse: amount => `has${amount} less throughput`,
    better: amount => `has${amount} more throughput`,
    limitKey: 'max-regression',
    hint: 'Look at what makes the latency longer, or accept it on purpose.',
  },
  'file-size': {
    label: 'file',
    noun: 'the file',
    sentence: 'File size',
    worse: amount => `is${amount} larger`,
    better: amount => `is${amount} smaller`,
    limitKey: 'max-increase',
    hint: 'Look at which initializers grew, or accept it on purpose.',
  },
  parameters: {
    label: 'parameters',
    noun: 'parameters',
    sentence: 'Parameters',
    worse: amount => `has${amount} more parameters`,
    better: amount => `has${amount} fewer parameters`,
    limitKey: 'max-increase',
    hint: 'Look at which initializers grew, or accept it on purpose.',
  },
  nodes: {
    label: 'nodes',
    noun: 'nodes',
    sentence: 'Nodes',
    worse: amount => `has${amount} more nodes`,
    better: amount => `has${amount} fewer nodes`,
    limitKey: 'max-increase',
    hint: 'Look at the operators that were added, or accept it on purpose.',
  },
};

export const TIMED_UNITS = { latency: 'ms', 'load-time': 'ms', memory: 'bytes' } as const;

/** Columns of an overview, where a model measured them. */
export const MAIN_METRICS: readonly MetricName[] = ['latency', 'memory', 'file-size'];

const WORKLOAD_MAX_CHARACTERS = 80;

/** The words and, in brackets, the inputs that they are about. */
export const withWorkload = (words: string, { workload }: Pick<MetricComparison, 'workload'>): string =>
  workload === undefined ? words : `${words} (${shortenText(workload, WORKLOAD_MAX_CHARACTERS)})`;

/** `peak memory (long, batch=8)`, raw text: a serialiser escapes it. */
export const metricLabel = (comparison: Pick<MetricComparison, 'metric' | 'workload'>): string =>
  withWorkload(METRIC_WORDS[comparison.metric].label, comparison);

/** `the file`, `latency (long, batch=8)`: for the middle of a sentence; raw text. */
export const metricNoun = (comparison: Pick<MetricComparison, 'metric' | 'workload'>): string =>
  withWorkload(METRIC_WORDS[comparison.metric].noun, comparison);

/** `Peak memory (long, batch=8)`, raw text. */
export const metricSentence = (comparison: Pick<MetricComparison, 'metric' | 'workload'>): string =>
  withWorkload(METRIC_WORDS[comparison.metric].sentence, comparison);

/** Worse than the base, or beyond an absolute limit. */
export const isWorse = ({ outcome }: Pick<MetricComparison, 'outcome'>): boolean =>
  outcome.kind === 'regressed' || outcome.kind === 'over-limit' || outcome.kind === 'under-limit';
