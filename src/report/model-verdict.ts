import type { MetricComparison, MetricName, MetricOutcome } from '../regression/verdict.ts';
import { METRIC_FINDINGS, testFindingName } from '../shared/finding-names.ts';
import { formatPercent } from './format-values.ts';
import { isWorse, METRIC_WORDS } from './metric-words.ts';
import { type Problem, problemsOf } from './problems.ts';
import type { ModelReport, Report } from './report.ts';

/** How a model stands, for an icon and for the order in which models are shown. */
export type Tone =
  | 'failed'
  | 'no-verdict'
  | 'warned'
  | 'inconclusive'
  | 'notice'
  | 'improved'
  | 'passed'
  | 'quiet';

/** The verdict on one model in a word or two, raw text: a serialiser escapes it. */
export interface ModelVerdict {
  readonly tone: Tone;
  /** `slower`, `breaking`, `inconclusive`, `identical`, `no baseline`. */
  readonly word: string;
  /** Why the times say nothing, or what is remarkable; empty where the word is enough. */
  readonly note: string;
}

const METRIC_FINDING_NAMES: ReadonlySet<string> = new Set(Object.values(METRIC_FINDINGS));
const TONE_ORDER: readonly Tone[] = [
  'failed',
  'no-verdict',
  'warned',
  'inconclusive',
  'notice',
  'improved',
  'passed',
  'quiet',
];

/**
 * The comparison that speaks for a metric where there is one for each set of inputs: the first that is worse and counts,
 * else the first that is not decided, else the first.
 */
export function metricOf(model: ModelReport, name: MetricName): MetricComparison | undefined {
  const all = model.metrics.filter(({ metric }) => metric === name);
  return (
    all.find(comparison => isWorse(comparison) && comparison.policy.gate !== 'off') ??
    all.find(({ outcome }) => outcome.kind === 'failed' || outcome.kind === 'inconclusive') ??
    all[0]
  );
}

const wordOfProblem = (problem: Problem, model: ModelReport): string => {
  if (model.candidate === null && problem.clause === 'cannot be read') return 'unreadable';
  if (METRIC_FINDING_NAMES.has(problem.code)) return problem.code.replace('-', ' ');
  if (problem.code === 'inconclusive' || problem.code === 'no-baseline')
    return problem.code.replace('-', ' ');
  if (problem.code.startsWith('over-limit-')) return 'over limit';
  if (problem.code.startsWith('under-limit-')) return 'under limit';
  if (problem.clause === 'breaks its callers') return 'breaks callers';
  if (problem.code === 'MODEL_DELETED') return 'deleted';
  const tested = testFindingName(problem.code);
  if (tested !== null) return tested.replace('-', ' ');
  return problem.severity === 'error' ? 'error' : 'warning';
};

function failureWords(model: ModelReport, problems: readonly Problem[]): string {
  const words = new Set(problems.map(problem => wordOfProblem(problem, model)));
  return words.size === 0 ? 'failed' : [...words].slice(0, 3).join(', ');
}

/** The one verdict that the table shows for a model; `no-baseline`, `inconclusive` and `identical` are said, never left out. */
export function verdictOf(model: ModelReport): ModelVerdict {
  const problems = problemsOf(model);
  const errors = problems.filter(problem => problem.severity === 'error');
  const warnings = problems.filter(problem => problem.severity === 'warning');
  if (model.gate === 'failed') return { tone: 'failed', word: failureWords(model, errors), note: '' };
  if (model.gate === 'no-verdict') {
    return {
      tone: 'no-verdict',
      word: 'no verdict',
      note: notMeasuredReason(model) ?? errors[0]?.message ?? '',
    };
  }
  if (model.gate === 'warned') {
    const inconclusive = inconclusiveReason(model);
    if (warnings.length === 0 && inconclusive !== null)
      return { tone: 'inconclusive', word: 'inconclusive', note: inconclusive };
    const [first] = model.accepted;
    // What was not decided stays said beside what is worse.
    const note = first === undefined ? (inconclusive ?? '') : `accepted by ${first.by}`;
    return { tone: 'warned', word: warnings.length === 0 ? 'warning' : failureWords(model, warnings), note };
  }
  return passedVerdict(model, warnings.length > 0);
}

function passedVerdict(model: ModelReport, hasWarnings: boolean): ModelVerdict {
  const { state } = model;
  const inconclusive = inconclusiveReason(model);
  switch (state.kind) {
    case 'identical':
      return { tone: 'quiet', word: 'identical', note: identicalNote(model) };
    case 'deleted':
      return { tone: 'notice', word: 'deleted', note: 'the file is gone' };
    case 'added':
      return { tone: 'notice', word: 'new', note: 'no baseline: the base has no such model' };
    case 'no-base':
      return { tone: 'notice', word: 'no baseline', note: state.reason };
    case 'moved':
      if (state.identical) return { tone: 'quiet', word: 'moved', note: `same bytes, was ${state.from}` };
      break;
    case 'production':
    case 'changed':
      break;
  }
  if (inconclusive !== null) return { tone: 'inconclusive', word: 'inconclusive', note: inconclusive };
  const [accepted] = model.accepted;
  if (accepted !== undefined)
    return { tone: 'warned', word: 'accepted', note: `${accepted.finding}, by ${accepted.by}` };
  if (hasWarnings) return { tone: 'warned', word: 'passed, with warnings', note: '' };
  const latency = metricOf(model, 'latency');
  if (latency?.outcome.kind === 'improved') return { tone: 'improved', word: 'faster', note: '' };
  if (latency?.outcome.kind === 'no-baseline')
    return { tone: 'notice', word: 'no baseline', note: missingBaseline(latency.outcome) };
  const unmeasured = notMeasuredReason(model);
  if (unmeasured !== null) return { tone: 'passed', word: 'passed', note: `not measured: ${unmeasured}` };
  return { tone: 'passed', word: 'unchanged speed', note: '' };
}

function missingBaseline({ history }: Extract<MetricOutcome, { kind: 'no-baseline' }>): string {
  return history === undefined
    ? 'there are no times to compare with'
    : `too few earlier measurements on this kind of machine (${history.points} of ${history.wanted})`;
}

function identicalNote(model: ModelReport): string {
  const reason = notMeasuredReason(model);
  return reason === null ? '' : `not measured: ${reason}`;
}

/** The first undecided metric in few words (`load time may be over the tolerated +20 %`), or null; its reason says more. */
export function inconclusiveReason(model: ModelReport): string | null {
  for (const { metric, outcome, difference, policy } of model.metrics) {
    if (outcome.kind !== 'inconclusive') continue;
    if (difference === null || policy.maxRegression === null) return outcome.reason;
    return `${METRIC_WORDS[metric].noun} may be over the tolerated +${formatPercent(policy.maxRegression)}`;
  }
  return null;
}

/** Of which metric no verdict was possible, as it is called in a sentence; null where all are decided. */
export function undecidedMetric(model: ModelReport): string | null {
  const found = model.metrics.find(({ outcome }) => outcome.kind === 'inconclusive');
  return found === undefined ? null : METRIC_WORDS[found.metric].noun;
}

/** Why no time was taken, or null where one was. */
export function notMeasuredReason(model: ModelReport): string | null {
  if (model.measurement.kind === 'not-measured') return model.measurement.reason;
  const latency = metricOf(model, 'latency');
  return latency?.outcome.kind === 'not-measured' || latency?.outcome.kind === 'failed'
    ? latency.outcome.reason
    : null;
}

export interface JudgedModel {
  readonly model: ModelReport;
  readonly verdict: ModelVerdict;
}

/** The models with their verdicts, those that need attention first, else by name. */
export function modelsByImportance(report: Report): readonly JudgedModel[] {
  return report.models
    .map(model => ({ model, verdict: verdictOf(model) }))
    .toSorted(
      (a, b) =>
        TONE_ORDER.indexOf(a.verdict.tone) - TONE_ORDER.indexOf(b.verdict.tone) ||
        (a.model.name < b.model.name ? -1 : a.model.name > b.model.name ? 1 : 0),
    );
}
