import { firstLineOf } from '../shared/errors.ts';
import { shortenText } from './escape.ts';
import { formatAmount, formatCount } from './format-values.ts';
import { METRIC_WORDS } from './metric-words.ts';
import {
  inconclusiveReason,
  type JudgedModel,
  metricOf,
  modelsByImportance,
  type Tone,
  undecidedMetric,
} from './model-verdict.ts';
import { problemsOf } from './problems.ts';
import type { Report } from './report.ts';

/** A headline in parts, so that each serialiser can style names and escape text in its own way. */
export type HeadlinePart = { readonly kind: 'text' | 'name'; readonly text: string };

export interface Headline {
  readonly tone: Tone;
  readonly parts: readonly HeadlinePart[];
}

const NAME_MAX_CHARACTERS = 60;
const text = (words: string): HeadlinePart => ({ kind: 'text', text: words });
const name = (words: string): HeadlinePart => ({
  kind: 'name',
  text: shortenText(words, NAME_MAX_CHARACTERS),
});

/** The whole check in one line: `digits got 20 % slower · 1 of 4 models fails`. */
export function headlineOf(report: Report): Headline {
  const judged = modelsByImportance(report);
  switch (report.gate) {
    case 'failed':
      return { tone: 'failed', parts: failedParts(report, judged) };
    case 'no-verdict':
      return { tone: 'no-verdict', parts: noVerdictParts(report) };
    case 'warned':
    case 'passed': {
      const warned = report.gate === 'warned';
      return { tone: passedTone(judged, warned), parts: passedParts(report, judged, warned) };
    }
  }
}

function passedTone(judged: readonly JudgedModel[], warned: boolean): Tone {
  const [first] = judged;
  if (first?.verdict.tone === 'inconclusive') return 'inconclusive';
  if (warned) return 'warned';
  return judged.length > 0 && judged.every(({ verdict }) => verdict.tone === 'notice') ? 'notice' : 'passed';
}

function failedParts(report: Report, judged: readonly JudgedModel[]): readonly HeadlinePart[] {
  const failed = judged.filter(({ verdict }) => verdict.tone === 'failed');
  const first = failed[0];
  if (first === undefined) {
    const finding = report.findings.find(({ severity }) => severity === 'error');
    return [text(finding === undefined ? 'The check failed' : firstLine(finding.message))];
  }
  const problem = problemsOf(first.model).find(({ severity }) => severity === 'error');
  const clause = problem === undefined || problem.clause === '' ? 'fails' : problem.clause;
  const parts: HeadlinePart[] = [name(first.model.name), text(` ${clause}`)];
  if (report.models.length > 1) {
    parts.push(
      text(
        ` · ${failed.length} of ${formatCount(report.models.length, 'model')} ${failed.length === 1 ? 'fails' : 'fail'}`,
      ),
    );
  }
  return parts;
}

const firstLine = (message: string): string => shortenText(firstLineOf(message), 200);

function noVerdictParts(report: Report): readonly HeadlinePart[] {
  const finding = report.findings.find(({ severity }) => severity === 'error');
  return [
    text(finding === undefined ? 'No verdict was possible' : `No verdict: ${firstLine(finding.message)}`),
  ];
}

function passedParts(
  report: Report,
  judged: readonly JudgedModel[],
  warned: boolean,
): readonly HeadlinePart[] {
  const { models } = report;
  if (models.length === 0) return [text('There was no model to check')];
  const count = formatCount(models.length, 'model');
  const allOf = (word: string): readonly HeadlinePart[] => {
    const only = models[0];
    return models.length === 1 && only !== undefined
      ? [name(only.name), text(` ${word}`)]
      : [text(`${count}: ${word}`)];
  };
  const first = judged[0];
  if (warned && first !== undefined) {
    const problem = problemsOf(first.model).find(({ severity }) => severity === 'warning');
    const undecided = judged.filter(({ model }) => inconclusiveReason(model) !== null);
    if (problem !== undefined && problem.clause !== 'has a warning') {
      const unsaid = undecidedMetric(first.model);
      return [
        name(first.model.name),
        text(
          ` ${problem.clause} · ${first.model.accepted.length > 0 ? 'accepted on purpose' : 'nothing fails for it'}${unsaid === null ? '' : ` · ${unsaid} inconclusive`}`,
        ),
      ];
    }
    if (problem === undefined && undecided.length > 0) return inconclusiveParts(undecided, models.length);
    return [text(`${count} passed, with warnings`)];
  }
  if (models.every(({ state }) => state.kind === 'identical')) {
    // One that is about to be recorded is measured alone.
    const outcome = models.every(({ measurement }) => measurement.kind === 'not-measured')
      ? 'not measured'
      : 'nothing to compare';
    return allOf(
      models.length === 1
        ? `is the same file as in the base: ${outcome}`
        : `all the same files as in the base, ${outcome}`,
    );
  }
  if (models.every(({ state }) => state.kind === 'added' || state.kind === 'no-base')) {
    return allOf(
      models.length === 1
        ? 'has no baseline yet: nothing to compare with'
        : 'no baseline yet, nothing to compare with',
    );
  }
  const undecided = judged.filter(({ model }) => inconclusiveReason(model) !== null);
  if (undecided.length > 0) return inconclusiveParts(undecided, models.length);
  const faster = judged.find(({ verdict }) => verdict.tone === 'improved');
  if (faster !== undefined) {
    const difference = metricOf(faster.model, 'latency')?.difference;
    const amount =
      difference === null || difference === undefined ? '' : ` ${formatAmount(difference.estimate)}`;
    const rest = models.length === 1 ? '' : ` · all ${count} pass`;
    return [name(faster.model.name), text(` ${METRIC_WORDS.latency.better(amount)}${rest}`)];
  }
  return models.length === 1 ? allOf('passed') : [text(`All ${count} pass`)];
}

function inconclusiveParts(undecided: readonly JudgedModel[], total: number): readonly HeadlinePart[] {
  const first = undecided[0];
  if (first === undefined || undecided.length > 1) {
    return [text(`Inconclusive for ${undecided.length} of ${formatCount(total, 'model')} · nothing fails`)];
  }
  return [text('Inconclusive for '), name(first.model.name), text(' · nothing fails')];
}

/** The headline as plain text, for a log or the title of a failed step. */
export function headlineText(report: Report): string {
  return headlineOf(report)
    .parts.map(part => part.text)
    .join('');
}
