import type { AccuracyReport, MetricResult } from '../cases/accuracy-report.ts';
import type {
  CaseOutcome,
  CasesReport,
  DriftReport,
  OutputDrift,
  OutputOutcome,
} from '../cases/cases-report.ts';
import type { ElementPair, ElementStatistics } from '../cases/tensor-comparison.ts';
import type { Tolerance } from '../cases/tolerance.ts';
import { formatCount } from './format-values.ts';

const OUTCOMES_SHOWN = 5;

/** Three significant digits, as short as they can be: 3.43e-4, 0.0121, 450. */
export function shortNumber(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e6) return String(Number(value.toPrecision(3)));
  return value
    .toExponential(2)
    .replace(/\.?0+e/, 'e')
    .replace('e+', 'e');
}

/** `[0][3]`; a scalar has none. */
const indexText = (index: readonly number[]): string => index.map(place => `[${place}]`).join('');

const pairText = ({ index, expected, actual }: ElementPair): string =>
  `${index.length === 0 ? '' : `at ${indexText(index)} `}expected ${expected}, got ${actual}`;

/** `10 %`, `0.02 %`, `under 0.01 %` */
export function shareText(share: number): string {
  const percent = share * 100;
  if (percent > 0 && percent < 0.01) return 'under 0.01 %';
  return `${Number(percent.toPrecision(3))} %`;
}

const toleranceText = ({ absolute, relative }: Tolerance): string =>
  absolute === 0 && relative === 0
    ? 'must be equal'
    : `tolerance ${shortNumber(absolute)} + ${shortNumber(relative)} x |expected|`;

/**
 * Where all differences are at values close to zero, relative differences mean nothing: says so, how small the
 * difference is beside the tensor's own size, and which absolute tolerance would take it.
 */
function nearZeroText(statistics: ElementStatistics): string | null {
  const { differing, differingNearZero, largestAbsolute, scale, specials } = statistics;
  if (
    differing === 0 ||
    differingNearZero !== differing ||
    specials > 0 ||
    largestAbsolute === null ||
    scale === 0
  )
    return null;
  return (
    `all of them near zero (|expected| below a ten-thousandth of ${shortNumber(scale)}, the largest value): ` +
    `there a relative difference says nothing. The largest difference is ${shortNumber(largestAbsolute.value / scale)} of the largest value; ` +
    `if that is rounding, an absolute tolerance of ${shortNumber(nextTolerance(largestAbsolute.value))} takes it`
  );
}

/** The next of 1, 2, 5 x 10^n above a value. */
function nextTolerance(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find(factor => factor * power > value) ?? 10;
  return Number((step * power).toPrecision(1));
}

/** What is wrong with one output, a sentence a line; none where it is close. */
export function describeOutput(outcome: OutputOutcome): readonly string[] {
  if (outcome.kind === 'mismatch') return [`${outcome.output}: ${outcome.reason}`];
  if (outcome.kind === 'close') return [];
  const { output, statistics, tolerance } = outcome;
  const { differing, elements, share, first, largestAbsolute, largestRelative, specials } = statistics;
  const lines = [
    `${output}: ${differing} of ${formatCount(elements, 'element')} differ (${shareText(share)}; ${toleranceText(tolerance)})`,
  ];
  if (first !== null) lines.push(`  first ${pairText(first)}`);
  if (largestAbsolute !== null)
    lines.push(`  largest difference ${shortNumber(largestAbsolute.value)} ${pairText(largestAbsolute)}`);
  if (largestRelative !== null)
    lines.push(
      `  largest relative difference ${shortNumber(largestRelative.value)} ${pairText(largestRelative)}`,
    );
  if (specials > 0) lines.push(`  ${formatCount(specials, 'element')} NaN or infinite on one side only`);
  const nearZero = nearZeroText(statistics);
  if (nearZero !== null) lines.push(`  ${nearZero}`);
  return lines;
}

const outputLines = (outcomes: readonly OutputOutcome[]): readonly string[] => {
  const wrong = outcomes.filter(({ kind }) => kind !== 'close');
  const lines = wrong.slice(0, OUTCOMES_SHOWN).flatMap(describeOutput);
  return wrong.length > OUTCOMES_SHOWN ? [...lines, `... and ${wrong.length - OUTCOMES_SHOWN} more`] : lines;
};

/** The largest difference of a case that passed, so that a tolerance that is almost used up is seen. */
function closeness(outputs: readonly OutputOutcome[]): string {
  const largest = Math.max(
    0,
    ...outputs.map(each => (each.kind === 'mismatch' ? 0 : (each.statistics.largestAbsolute?.value ?? 0))),
  );
  return largest === 0 ? 'equal' : `largest difference ${shortNumber(largest)}`;
}

/** One case: a headline, and lines of detail. */
export function describeCase(outcome: CaseOutcome): {
  readonly headline: string;
  readonly details: readonly string[];
} {
  const { name } = outcome;
  switch (outcome.kind) {
    case 'passed':
      return { headline: `passed  ${name}: ${closeness(outcome.outputs)}`, details: [] };
    case 'failed':
      return { headline: `FAILED  ${name}`, details: outputLines(outcome.outputs) };
    case 'no-reference':
      return {
        headline: `no reference  ${name}: there are no expected outputs; --update writes them`,
        details: [],
      };
    case 'updated':
      return outcome.changed.length === 0
        ? {
            headline: `updated  ${name}: the expected outputs were the same, or there were none`,
            details: [],
          }
        : {
            headline: `updated  ${name}: the expected outputs were others before`,
            details: outputLines(outcome.changed),
          };
    case 'error':
      return {
        headline: `FAILED  ${name}: ${outcome.error.code}: ${outcome.error.message}`,
        details: [outcome.error.hint],
      };
    case 'not-runnable':
      return { headline: `not run  ${name}: ${outcome.reason}`, details: [] };
  }
}

function driftLine({ output, statistics, reason, cosine, topOneAgreement, rows }: OutputDrift): string {
  if (statistics === null) return `${output}: ${reason ?? 'not comparable'}`;
  if (statistics.largestAbsolute === null && statistics.differing === 0) return `${output}: equal`;
  const parts = [
    `largest difference ${shortNumber(statistics.largestAbsolute?.value ?? 0)}`,
    `mean ${shortNumber(statistics.meanAbsolute)}`,
    ...(statistics.specials > 0
      ? [`${formatCount(statistics.specials, 'element')} NaN or infinite on one side only`]
      : []),
    ...(cosine === null ? [] : [`cosine ${cosine.toFixed(6)}`]),
    ...(topOneAgreement === null
      ? []
      : [`same top class in ${shareText(topOneAgreement)} of ${formatCount(rows, 'row')}`]),
  ];
  return `${output}: ${parts.join(', ')}`;
}

const CAUSES: Readonly<Record<DriftReport['cause'], string>> = {
  model: 'the model changed',
  runtime: 'the same bytes in another runtime',
  'model-and-runtime': 'model and runtime changed',
  nothing: 'the same bytes in the same runtime',
};

/** How far base and candidate are apart, a line an output. */
export function describeDrift(drift: DriftReport): {
  readonly headline: string;
  readonly details: readonly string[];
} {
  const inputs = drift.inputs === 'case' ? 'the inputs of the cases' : 'seeded inputs';
  return {
    headline: `Base against candidate (${CAUSES[drift.cause]}) on ${inputs}, ${formatCount(drift.runs, 'run')}`,
    details: drift.outputs.map(driftLine),
  };
}

const value = (number: number | null): string => (number === null ? 'not defined' : number.toFixed(4));

function outcomeText({ outcome, test }: MetricResult): string {
  const chance =
    test === null
      ? ''
      : ` (p = ${shortNumber(test.pValue)}, ${test.method === 'mcnemar-mid-p' ? "McNemar's test" : 'paired bootstrap'})`;
  switch (outcome.kind) {
    case 'passed':
      return `passed${chance}`;
    case 'below-minimum':
      return `FAILED: the limit is ${outcome.minimum}`;
    case 'dropped':
      return `FAILED: worse by more than ${outcome.maxDrop}, and not by chance${chance}`;
    case 'inconclusive':
      return `inconclusive: worse by more than ${outcome.maxDrop}, but chance does that too${chance}; more rows would tell`;
    case 'no-baseline':
      return `no baseline: no base ran on these rows, so a drop by more than ${outcome.maxDrop} could not be seen`;
    case 'undefined':
      return outcome.reason;
  }
}

/** A line a metric: `top-1 0.9731 (base 0.9786, -0.0055): passed`. */
export function describeMetric(result: MetricResult): string {
  const { metric, candidate, base, drop } = result;
  const against =
    base === null
      ? ''
      : ` (base ${value(base)}${drop === null ? '' : `, ${drop > 0 ? 'worse' : 'better'} by ${shortNumber(Math.abs(drop))}`})`;
  return `${metric} ${value(candidate)}${drop === 0 ? ` (base ${value(base)}, the same)` : against}: ${outcomeText(result)}`;
}

export function describeAccuracy(accuracy: AccuracyReport): {
  readonly headline: string;
  readonly details: readonly string[];
} {
  const broken =
    accuracy.notANumber === 0
      ? ''
      : `; ${formatCount(accuracy.notANumber, 'row')} gave NaN and count as wrong`;
  return {
    headline: `Accuracy on ${accuracy.dataset}, ${formatCount(accuracy.rows, 'row')}, output ${accuracy.output}${broken}`,
    details: accuracy.metrics.map(describeMetric),
  };
}

/** Everything that was tested, as blocks of a headline and details; a serialiser escapes and lays them out. */
export function describeCasesReport(
  report: CasesReport,
): readonly { readonly headline: string; readonly details: readonly string[] }[] {
  return [
    ...report.cases.map(describeCase),
    ...(report.drift === null ? [] : [describeDrift(report.drift)]),
    ...(report.accuracy === null ? [] : [describeAccuracy(report.accuracy)]),
  ];
}
