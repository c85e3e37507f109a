import type { ContractChange } from '../contract/comparison.ts';
import type { MetricComparison } from '../regression/verdict.ts';
import type { Finding } from '../shared/finding.ts';
import {
  ACCEPTING_LABEL,
  CONTRACT_FINDING,
  METRIC_FINDINGS,
  testFindingName,
} from '../shared/finding-names.ts';
import { visibleText } from './escape.ts';
import {
  formatAmount,
  formatDifference,
  formatDuration,
  formatPercent,
  formatTransition,
  formatValue,
} from './format-values.ts';
import { layerBlame, layerSetsOf } from './layer-changes.ts';
import { METRIC_WORDS, metricSentence } from './metric-words.ts';
import type { Acceptance, ModelReport, Report } from './report.ts';

/** Something that speaks against a model or the check, with the way out. All text is raw: a serialiser escapes it for its target. */
export interface Problem {
  /** null: it concerns the whole check. */
  readonly model: string | null;
  readonly path: string | null;
  /** error: fails the check; warning: reported and passes; info: worth knowing. */
  readonly severity: 'error' | 'warning' | 'info';
  /** Stable name: `slower`, `input-renamed`, or a finding's code. */
  readonly code: string;
  /** A clause that goes behind the model's name: `got 20 % slower`. */
  readonly clause: string;
  /** One or two sentences with the numbers. */
  readonly message: string;
  readonly remedy: Remedy;
}

/** How to mend or to accept it. Parts that do not apply are null. */
export interface Remedy {
  /** A label for the pull request that accepts it on purpose. */
  readonly label: string | null;
  /** The configuration key that decides it, with what it is now. */
  readonly config: ConfigRemedy | null;
  readonly hint: string;
}

export interface ConfigRemedy {
  readonly key: string;
  /** What it is now, in words. */
  readonly now: string | null;
  /** What to add to a list, or null where the value itself is to be changed. */
  readonly add: string | null;
}

/** GitHub cuts off at 50 characters and refuses commas in GitLab; a model whose label would not fit is accepted by configuration. */
const LABEL_MAX_CHARACTERS = 50;

const acceptLabel = (finding: string, model: string): string | null => {
  const label = `${ACCEPTING_LABEL}${finding}:${model}`;
  return label.length <= LABEL_MAX_CHARACTERS && !label.includes(',') && visibleText(label) === label
    ? label
    : null;
};

/**
 * A key of quickserveml.yml for a model: `models.digits.policy...`, the name quoted where YAML would misread it. A model that
 * was discovered has the defaults: an entry for it alone would end the discovery of the others.
 */
export function configKey(model: Pick<ModelReport, 'name' | 'configured'>, rest: string): string {
  if (model.configured === false) return `defaults.${rest}`;
  const name = /^[A-Za-z0-9_-]+$/u.test(model.name) ? model.name : JSON.stringify(model.name);
  return `models.${name}.${rest}`;
}

function describeMetric(comparison: MetricComparison): string {
  const values = formatTransition(comparison.base, comparison.candidate, comparison.unit);
  const difference = comparison.difference === null ? '' : `, ${formatDifference(comparison.difference)}`;
  return `${metricSentence(comparison)} ${values}${difference}`;
}

const isInProduction = ({ state }: ModelReport): boolean => state.kind === 'production';

/** What is in production has no pull request to be accepted in: it is rolled back, or the level becomes the normal one. */
const wayOut = (model: ModelReport, hint: string): string =>
  isInProduction(model)
    ? `\`quickserveml registry promote --rollback ${model.name}\` goes back to what was in production before; \`quickserveml watch --accept ${model.name}\` takes this level as the normal one.`
    : hint;

const acceptanceOf = (model: ModelReport, ...findings: readonly string[]): Acceptance | undefined =>
  model.accepted.find(({ finding }) => findings.includes(finding));

/** What the policy and the acceptances make of a metric that is worse or over its limit; as in regression/gate.ts. */
function severityOf(model: ModelReport, { metric, outcome, policy }: MetricComparison): Problem['severity'] {
  if (policy.gate === 'off' || (outcome.kind === 'regressed' && policy.maxRegression === null)) return 'info';
  const isAccepted = acceptanceOf(model, `${METRIC_FINDINGS[metric]}:${model.name}`) !== undefined;
  const isDecided = outcome.kind !== 'regressed' || outcome.confirmed;
  return policy.gate === 'hard' && isDecided && !isAccepted ? 'error' : 'warning';
}

const acceptedRemedy = (acceptance: Acceptance): Remedy => ({
  label: null,
  config: null,
  hint: `Accepted on purpose, by ${acceptance.by}.`,
});

function metricProblem(model: ModelReport, comparison: MetricComparison): Problem | null {
  const { outcome, policy } = comparison;
  if (outcome.kind === 'disappeared') return disappearedProblem(model, comparison, outcome.reason);
  if (outcome.kind !== 'regressed' && outcome.kind !== 'over-limit' && outcome.kind !== 'under-limit') {
    return null;
  }
  const words = METRIC_WORDS[comparison.metric];
  const finding = METRIC_FINDINGS[comparison.metric];
  const shared = { model: model.name, path: model.path, severity: severityOf(model, comparison) } as const;
  const label = isInProduction(model) ? null : acceptLabel(finding, model.name);
  const acceptance = acceptanceOf(model, `${finding}:${model.name}`);
  if (outcome.kind === 'over-limit' || outcome.kind === 'under-limit') {
    const limit = formatValue(outcome.limit, comparison.unit);
    const [side, key] = outcome.kind === 'over-limit' ? ['over', 'max'] : ['under', 'min'];
    return {
      ...shared,
      code: `${outcome.kind}-${comparison.metric}`,
      clause: `is ${side} its limit of ${limit} for ${words.noun}`,
      message: `${describeMetric(comparison)}; the limit is ${limit}.`,
      remedy:
        acceptance !== undefined
          ? acceptedRemedy(acceptance)
          : {
              label,
              config: {
                key: configKey(model, `policy.${comparison.metric}.${key}`),
                now: limit,
                add: null,
              },
              hint: wayOut(
                model,
                `Bring ${words.noun} ${side === 'over' ? 'under' : 'over'} ${limit}, or accept it on purpose.`,
              ),
            },
    };
  }
  const tolerance = policy.maxRegression === null ? null : formatPercent(policy.maxRegression);
  const amount = comparison.difference === null ? '' : ` ${formatAmount(comparison.difference.estimate)}`;
  const profiled = layerSetsOf(model).find(({ workload }) => workload === comparison.workload);
  const blame = comparison.metric !== 'latency' || profiled === undefined ? null : layerBlame(profiled);
  return {
    ...shared,
    code: finding,
    clause: words.worse(amount),
    message: `${describeMetric(comparison)}${tolerance === null ? '' : `; ${tolerance} is tolerated`}.${blame === null ? '' : ` ${blame}`}`,
    remedy:
      acceptance !== undefined
        ? acceptedRemedy(acceptance)
        : {
            label,
            config:
              comparison.metric === 'throughput'
                ? null
                : {
                    key: configKey(model, `policy.${comparison.metric}.${words.limitKey}`),
                    now: tolerance,
                    add: null,
                  },
            hint: wayOut(model, words.hint),
          },
  };
}

/** Of a model that is gone its own finding speaks; here one set of inputs is. */
function disappearedProblem(
  model: ModelReport,
  comparison: MetricComparison,
  reason: string,
): Problem | null {
  if (model.state.kind === 'deleted' || comparison.policy.gate === 'off') return null;
  return {
    model: model.name,
    path: model.path,
    severity: 'warning',
    code: `disappeared-${comparison.metric}`,
    clause: `has no ${METRIC_WORDS[comparison.metric].noun} any more`,
    message: `${metricSentence(comparison)}: ${reason}.`,
    remedy: {
      label: null,
      config: { key: configKey(model, 'profiles'), now: null, add: null },
      hint: 'What is not measured cannot be found slower: put it back, or review it as a change of the rules.',
    },
  };
}

function contractProblem(model: ModelReport, change: ContractChange): Problem {
  const detail = `${change.rule}:${change.name}`;
  const acceptance = acceptanceOf(model, detail, `${CONTRACT_FINDING}:${model.name}`);
  const isHard = (model.contractGate ?? 'hard') === 'hard' && model.gate === 'failed';
  return {
    model: model.name,
    path: model.path,
    severity:
      model.contractGate === 'off' ? 'info' : isHard && acceptance === undefined ? 'error' : 'warning',
    code: change.rule,
    clause: 'breaks its callers',
    message: change.message,
    remedy:
      acceptance !== undefined
        ? acceptedRemedy(acceptance)
        : {
            label: acceptLabel(CONTRACT_FINDING, model.name),
            config: { key: configKey(model, 'policy.contract.accept'), now: null, add: detail },
            hint: `Keep ${change.side === 'model' ? 'the interface' : `the ${change.side}`} as callers know it, or accept it on purpose.`,
          },
  };
}

/** What would decide more, and how much of it there was. */
function moreTimeHint({ measurement }: ModelReport): string {
  const more = 'Run it again, on a quieter machine or with a larger benchmark.budget';
  return measurement.kind === 'not-measured'
    ? `${more}.`
    : `${more}: measuring took ${formatDuration(measurement.durationMs)}.`;
}

/** A team may have said that what could not be decided fails; then it is a problem of its own. */
function undecidedProblem(model: ModelReport): Problem | null {
  for (const comparison of model.metrics) {
    const { outcome, policy } = comparison;
    if (policy.gate !== 'hard' || (outcome.kind !== 'inconclusive' && outcome.kind !== 'no-baseline'))
      continue;
    const isInconclusive = outcome.kind === 'inconclusive';
    const reason = isInconclusive ? outcome.reason : 'there is nothing to compare with';
    return {
      model: model.name,
      path: model.path,
      severity: 'error',
      code: outcome.kind,
      clause: isInconclusive ? 'could not be decided' : 'has no baseline',
      message: `${metricSentence(comparison)}: ${reason}. The policy fails that.`,
      remedy: {
        label: null,
        config: { key: configKey(model, `policy.${outcome.kind}`), now: 'fail', add: null },
        hint: isInconclusive ? moreTimeHint(model) : 'Give a base to compare with.',
      },
    };
  }
  return null;
}

const CLAUSES: Readonly<Record<string, string>> = {
  MODEL_DELETED: 'was deleted',
  CASE_FAILED: 'fails a test case',
  ACCURACY_BELOW_MINIMUM: 'is under its minimum of accuracy',
  ACCURACY_DROPPED: 'got less accurate',
};

function clauseOf(model: ModelReport, { code, severity }: Finding): string {
  const own = Object.hasOwn(CLAUSES, code) ? CLAUSES[code] : undefined;
  if (own !== undefined) return own;
  if (severity !== 'error') return severity === 'warning' ? 'has a warning' : 'has a note';
  return model.candidate === null ? 'cannot be read' : 'has an error';
}

function findingProblem(model: ModelReport, finding: Finding): Problem {
  const name = testFindingName(finding.code);
  const acceptance = name === null ? undefined : acceptanceOf(model, `${name}:${model.name}`);
  return {
    model: model.name,
    path: model.path,
    severity: finding.severity,
    code: finding.code,
    clause: clauseOf(model, finding),
    message: finding.message,
    remedy:
      acceptance !== undefined
        ? acceptedRemedy(acceptance)
        : {
            label: name === null ? null : acceptLabel(name, model.name),
            config: null,
            hint: finding.hint,
          },
  };
}

/** Everything that speaks against one model: broken contract, metrics, findings; errors first, else in the report's order. */
export function problemsOf(model: ModelReport): readonly Problem[] {
  const breaks = (model.contract?.changes ?? []).filter(change => change.effect === 'breaking');
  const problems: Problem[] = [
    ...model.findings.map(finding => findingProblem(model, finding)),
    ...breaks.map(change => contractProblem(model, change)),
    ...model.metrics.map(comparison => metricProblem(model, comparison)).filter(problem => problem !== null),
  ];
  const undecided =
    model.gate === 'failed' && problems.every(({ severity }) => severity !== 'error')
      ? undecidedProblem(model)
      : null;
  return sortBySeverity(undecided === null ? problems : [undecided, ...problems]);
}

/** The problems of every model and of the check itself, errors first. */
export function allProblems(report: Report): readonly Problem[] {
  const ofCheck: readonly Problem[] = report.findings.map(finding => ({
    model: null,
    path: null,
    severity: finding.severity,
    code: finding.code,
    clause: '',
    message: finding.message,
    remedy: { label: null, config: null, hint: finding.hint },
  }));
  return sortBySeverity([...ofCheck, ...report.models.flatMap(problemsOf)]);
}

const SEVERITY_ORDER = { error: 0, warning: 1, info: 2 } as const;

function sortBySeverity(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted((a, b) => SEVERITY_ORDER[a.severity] - SEVERITY_ORDER[b.severity]);
}
