import type { MetricComparison } from '../regression/verdict.ts';
import { CONFIG_NAME } from '../shared/config-name.ts';
import { METRIC_FINDINGS } from '../shared/finding-names.ts';
import { escapeXml, escapeXmlLines, shortenText } from './escape.ts';
import { formatDifference, formatTransition } from './format-values.ts';
import { isWorse, metricLabel, metricSentence } from './metric-words.ts';
import { configKey, type Problem, problemsOf } from './problems.ts';
import type { ModelReport, Report } from './report.ts';

type CaseOutcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'skipped'; readonly reason: string }
  | {
      readonly kind: 'failed' | 'errored';
      readonly type: string;
      readonly message: string;
      readonly hint: string;
    };

interface TestCase {
  readonly name: string;
  readonly durationMs: number;
  readonly outcome: CaseOutcome;
  readonly output: string;
}

const MESSAGE_MAX_CHARACTERS = 2000;

function failure(problem: Problem, kind: 'failed' | 'errored'): CaseOutcome {
  const label = problem.remedy.label === null ? '' : ` Label: ${problem.remedy.label}.`;
  const config = problem.remedy.config === null ? '' : ` Configuration: ${problem.remedy.config.key}.`;
  return {
    kind,
    type: problem.code,
    message: problem.message,
    hint: `${problem.remedy.hint}${label}${config}`,
  };
}

function readableCase(problems: readonly Problem[]): TestCase {
  const errors = problems.filter(
    problem => problem.severity === 'error' && /^[A-Z0-9_]+$/u.test(problem.code),
  );
  const first = errors[0];
  return {
    name: 'model is valid',
    durationMs: 0,
    outcome: first === undefined ? { kind: 'passed' } : failure(first, 'errored'),
    output: errors
      .slice(1)
      .map(problem => `${problem.code}: ${problem.message}`)
      .join('\n'),
  };
}

function contractCase(model: ModelReport, problems: readonly Problem[]): TestCase {
  const name = 'contract is kept';
  if (model.contract === null) {
    return {
      name,
      durationMs: 0,
      outcome: { kind: 'skipped', reason: 'there is no interface to compare with' },
      output: '',
    };
  }
  const rules = new Set(model.contract.changes.map(({ rule }) => rule));
  const breaks = problems.filter(problem => problem.severity === 'error' && rules.has(problem.code));
  const first = breaks[0];
  const output = model.contract.changes.map(change => `${change.effect}: ${change.message}`).join('\n');
  return {
    name,
    durationMs: 0,
    outcome: first === undefined ? { kind: 'passed' } : failure(first, 'failed'),
    output,
  };
}

function metricCase(
  model: ModelReport,
  comparison: MetricComparison,
  problems: readonly Problem[],
): TestCase {
  // The time of the measurement belongs to one test only.
  const isFirst = model.metrics.find(({ metric }) => metric === 'latency') === comparison;
  const isMeasured = isFirst && model.measurement.kind !== 'not-measured';
  const durationMs = isMeasured && 'durationMs' in model.measurement ? model.measurement.durationMs : 0;
  const difference = comparison.difference === null ? '' : `, ${formatDifference(comparison.difference)}`;
  const values = formatTransition(comparison.base, comparison.candidate, comparison.unit);
  const output = values === '' ? '' : `${metricSentence(comparison)}: ${values}${difference}`;
  const { outcome } = comparison;
  const codes = new Set([
    METRIC_FINDINGS[comparison.metric],
    `over-limit-${comparison.metric}`,
    `under-limit-${comparison.metric}`,
  ]);
  const sentence = metricSentence(comparison);
  const problem = isWorse(comparison)
    ? problems.find(
        ({ code, severity, message }) =>
          severity === 'error' && codes.has(code) && message.startsWith(`${sentence} `),
      )
    : undefined;
  const name = `${metricLabel(comparison)} is within its limits`;
  if (problem !== undefined) return { name, durationMs, outcome: failure(problem, 'failed'), output };
  if (outcome.kind === 'inconclusive') {
    return {
      name,
      durationMs,
      outcome: { kind: 'skipped', reason: `inconclusive: ${outcome.reason}` },
      output,
    };
  }
  if (outcome.kind === 'failed' || outcome.kind === 'disappeared') {
    const reason = `${outcome.kind}: ${outcome.reason}`;
    return { name, durationMs, outcome: { kind: 'skipped', reason }, output };
  }
  if (outcome.kind === 'no-baseline')
    return { name, durationMs, outcome: { kind: 'skipped', reason: 'no baseline' }, output };
  if (outcome.kind === 'not-measured') {
    return {
      name,
      durationMs,
      outcome: { kind: 'skipped', reason: `not measured: ${outcome.reason}` },
      output,
    };
  }
  return { name, durationMs, outcome: { kind: 'passed' }, output };
}

function testCases(model: ModelReport): readonly TestCase[] {
  const problems = problemsOf(model);
  const cases = [
    readableCase(problems),
    contractCase(model, problems),
    ...model.metrics.map(comparison => metricCase(model, comparison, problems)),
  ];
  const failed = cases.some(({ outcome }) => outcome.kind === 'failed' || outcome.kind === 'errored');
  if (model.gate !== 'failed' || failed) return cases;
  // A policy may fail what is no problem in itself (inconclusive, no baseline): the file must not look green.
  const hint = `See ${configKey(model, 'policy')}.`;
  const outcome = { kind: 'failed', type: 'gate', message: `${model.name} fails by policy`, hint } as const;
  return [...cases, { name: 'policy is met', durationMs: 0, outcome, output: '' }];
}

const seconds = (durationMs: number): string => (durationMs / 1000).toFixed(3);
const attribute = (text: string): string => escapeXml(shortenText(text, MESSAGE_MAX_CHARACTERS));
const lines = (text: string): string =>
  escapeXmlLines(text.slice(0, 20 * MESSAGE_MAX_CHARACTERS).toWellFormed());

function renderCase(model: Pick<ModelReport, 'name' | 'path'>, test: TestCase): string {
  const open = `    <testcase name="${attribute(test.name)}" classname="${attribute(model.name)}" time="${seconds(test.durationMs)}"`;
  const body: string[] = [];
  const { outcome } = test;
  if (outcome.kind === 'skipped') body.push(`      <skipped message="${attribute(outcome.reason)}"/>`);
  if (outcome.kind === 'failed' || outcome.kind === 'errored') {
    const tag = outcome.kind === 'failed' ? 'failure' : 'error';
    const text = `${outcome.message}\n${outcome.hint}\n${model.path}`;
    body.push(
      `      <${tag} type="${attribute(outcome.type)}" message="${attribute(outcome.message)}">${lines(text)}</${tag}>`,
    );
  }
  if (test.output !== '') body.push(`      <system-out>${lines(test.output)}</system-out>`);
  return body.length === 0 ? `${open}/>` : `${open}>\n${body.join('\n')}\n    </testcase>`;
}

interface Totals {
  readonly tests: number;
  readonly failures: number;
  readonly errors: number;
  readonly skipped: number;
  readonly durationMs: number;
}

function totalsOf(cases: readonly TestCase[]): Totals {
  const count = (kind: CaseOutcome['kind']): number =>
    cases.filter(({ outcome }) => outcome.kind === kind).length;
  return {
    tests: cases.length,
    failures: count('failed'),
    errors: count('errored'),
    skipped: count('skipped'),
    durationMs: cases.reduce((sum, { durationMs }) => sum + durationMs, 0),
  };
}

/** The schema knows no `skipped` of all suites together. */
const totalsAttributes = (totals: Totals): string =>
  `tests="${totals.tests}" failures="${totals.failures}" errors="${totals.errors}" time="${seconds(totals.durationMs)}"`;

/** Errors of the check itself are one suite, so that a run without a verdict is never an empty, green file. */
function checkCases(report: Report): readonly TestCase[] {
  const errors = report.findings.filter(({ severity }) => severity === 'error');
  if (errors.length === 0 && report.gate !== 'no-verdict') return [];
  const cases = errors.map(finding => ({
    name: finding.code,
    durationMs: 0,
    outcome: { kind: 'errored', type: finding.code, message: finding.message, hint: finding.hint } as const,
    output: '',
  }));
  const fallback: TestCase = {
    name: 'verdict is possible',
    durationMs: 0,
    outcome: {
      kind: 'errored',
      type: 'no-verdict',
      message: 'No verdict was possible',
      hint: 'See the log of the run.',
    },
    output: '',
  };
  return cases.length === 0 ? [fallback] : cases;
}

const CHECK_AS_MODEL = { name: 'quickserveml', path: CONFIG_NAME } as const;

/**
 * JUnit XML as Jenkins, GitLab and GitHub's test reporters read it (the `junit-10.xsd` of Jenkins' xUnit plugin): one suite
 * a model, one case each for validity, contract and every metric. Inconclusive, no baseline and not measured are `skipped`.
 */
export function renderJunit(report: Report): string {
  const ofCheck = checkCases(report);
  const suites = [
    ...(ofCheck.length === 0 ? [] : [{ owner: CHECK_AS_MODEL, cases: ofCheck }]),
    ...report.models.map(model => ({ owner: model, cases: testCases(model) })),
  ];
  const timestamp = report.createdAt.replace(/(\.\d+)?Z$/u, '');
  const rendered = suites.map(({ owner, cases }) => {
    const suiteTotals = totalsOf(cases);
    const attributes = `name="${attribute(owner.name)}" ${totalsAttributes(suiteTotals)} skipped="${suiteTotals.skipped}" timestamp="${attribute(timestamp)}"`;
    return `  <testsuite ${attributes}>\n${cases.map(test => renderCase(owner, test)).join('\n')}\n  </testsuite>`;
  });
  const totals = totalsAttributes(totalsOf(suites.flatMap(({ cases }) => cases)));
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="quickserveml" ${totals}>\n${rendered.join('\n')}\n</testsuites>\n`;
}
