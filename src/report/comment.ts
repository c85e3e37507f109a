import { fitSections, type Section } from './byte-budget.ts';
import { collapsed, hasDetails, modelDetails } from './comment-details.ts';
import { commentMarker } from './comment-marker.ts';
import { comparisonTable, TONE_ICONS } from './comment-table.ts';
import {
  escapeMarkdown,
  linkTarget,
  markdownCode,
  markdownProse,
  separateLines,
  shortenText,
} from './escape.ts';
import { headlineOf } from './headline.ts';
import { JOB_SUMMARY_BYTES } from './host-limits.ts';
import { commitWords, environmentWords, recordingWords, totalsWords } from './measurement-words.ts';
import { type JudgedModel, modelsByImportance } from './model-verdict.ts';
import { allProblems, type Problem } from './problems.ts';
import type { Report } from './report.ts';

export interface CommentOptions {
  /** Tells the comments of several checks of one pull request apart; null leaves the marker out (a job summary has none). */
  readonly key: string | null;
  readonly budgetBytes: number;
  /** Where the whole report is; the page of the run where it is null. */
  readonly reportUrl: string | null;
}

const SEPARATOR = '\n\n';
const MESSAGE_MAX_CHARACTERS = 400;
const PROBLEMS_MAX = 20;

/**
 * The report as markdown for a pull request, at most `budgetBytes` long: verdict, what failed and what to do, the table,
 * then details. What does not fit is left out whole, least important first, and the text says so.
 */
export function renderComment(report: Report, options: CommentOptions): string {
  const judged = modelsByImportance(report);
  const head = headerLines(report, options.key);
  const reducedFooter = footer(report, options, true);
  const fixedBytes = Buffer.byteLength(head) + Buffer.byteLength(reducedFooter) + SEPARATOR.length * 2;
  const fitted = fitSections(sectionsOf(report, judged), options.budgetBytes - fixedBytes, SEPARATOR.length);
  const body = fitted.texts.filter(text => text !== null && text !== '');
  return `${[head, ...body, fitted.reduced ? reducedFooter : footer(report, options, false)].join(SEPARATOR)}\n`;
}

/** The report as markdown for GITHUB_STEP_SUMMARY: the comment with more room and without its marker. */
export function renderJobSummary(report: Report, reportUrl: string | null): string {
  return renderComment(report, { key: null, budgetBytes: JOB_SUMMARY_BYTES, reportUrl });
}

function headerLines(report: Report, key: string | null): string {
  const headline = headlineOf(report);
  const words = headline.parts
    .map(part =>
      part.kind === 'name'
        ? markdownCode(part.text)
        : escapeMarkdown(part.text).replace(/^&#32;|&#32;$/gu, ' '),
    )
    .join('');
  const line = `### ${TONE_ICONS[headline.tone]} ${words}`;
  return key === null ? line : `${commentMarker(key)}\n${line}`;
}

function sectionsOf(report: Report, judged: readonly JudgedModel[]): readonly Section[] {
  const problems = allProblems(report).filter(problem => problem.severity !== 'info');
  const detailed = judged.filter(hasDetails);
  return [
    { importance: 2, variants: tableVariants(judged, report.change.filesUrl) },
    { importance: 1, variants: problemVariants(problems) },
    { importance: 3, variants: [() => checkNotes(report)] },
    ...detailed.map((one, index) => ({
      importance: 5 + index,
      variants: [() => modelDetails(one, 'full'), () => modelDetails(one, 'short')],
    })),
    { importance: 4, variants: [() => howMeasured(report)] },
  ];
}

function tableVariants(judged: readonly JudgedModel[], filesUrl: string | null): readonly (() => string)[] {
  if (judged.length === 0) return [() => ''];
  const loud = judged.filter(({ verdict }) => verdict.tone !== 'quiet' && verdict.tone !== 'passed').length;
  const sizes = new Set([judged.length, ...(loud > 0 ? [loud] : [])]);
  for (let size = Math.floor(Math.min(...sizes) / 2); size >= 1; size = Math.floor(size / 2)) sizes.add(size);
  return [...sizes].map(size => () => comparisonTable(judged.slice(0, size), judged, filesUrl));
}

function problemVariants(problems: readonly Problem[]): readonly (() => string)[] {
  if (problems.length === 0) return [() => ''];
  const sizes = [PROBLEMS_MAX, 8, 3, 1].filter((size, index) => index === 0 || size < problems.length);
  return sizes.map(size => () => problemLines(problems, size));
}

function problemLines(problems: readonly Problem[], most: number): string {
  const shown = problems.slice(0, most);
  const only = shown[0];
  if (problems.length === 1 && only !== undefined) {
    const now = remedyWords(only);
    return `**Why.** ${whyWords(only, false)}${now === '' ? '' : `<br>**What now.** ${now}`}`;
  }
  const lines = shown.map(problem => {
    const icon = problem.severity === 'error' ? TONE_ICONS.failed : TONE_ICONS.warned;
    const now = remedyWords(problem);
    return `- ${icon} ${whyWords(problem, true)}${now === '' ? '' : `<br>**What now.** ${now}`}`;
  });
  const hidden = problems.length - shown.length;
  return [...lines, ...(hidden > 0 ? [`- … and ${hidden} more.`] : [])].join('\n');
}

function whyWords(problem: Problem, withName: boolean): string {
  const name = withName && problem.model !== null ? `${markdownCode(shortenText(problem.model, 60))}: ` : '';
  const code = /^[A-Z0-9_]+$/u.test(problem.code) ? `${markdownCode(problem.code)} ` : '';
  const message = shortenText(problem.message, MESSAGE_MAX_CHARACTERS);
  // What is said of a model may hold its name, which makes no lines of its own.
  const words = problem.model === null ? separateLines(message, markdownProse) : markdownProse(message);
  return `${name}${code}${words}`;
}

function remedyWords({ remedy, severity }: Problem): string {
  const ways: string[] = [];
  if (remedy.label !== null && severity === 'error')
    ways.push(`accept it on purpose with the label ${markdownCode(remedy.label)}`);
  if (remedy.config !== null) {
    const key = markdownCode(shortenText(remedy.config.key, 160));
    const now = remedy.config.now === null ? '' : ` (now ${escapeMarkdown(remedy.config.now)})`;
    ways.push(
      remedy.config.add === null
        ? `change ${key}${now}`
        : `add ${markdownCode(shortenText(remedy.config.add, 100))} to ${key}`,
    );
  }
  const hint = markdownProse(shortenText(remedy.hint, MESSAGE_MAX_CHARACTERS));
  if (ways.length === 0) return hint;
  const sentence = `${ways.join(', or ')}.`;
  const words = `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}`;
  return remedy.label !== null && severity === 'error' && remedy.hint.includes('accept it on purpose')
    ? words
    : `${hint} ${words}`;
}

/** What concerns the whole check and is no problem: remarks, and what was recorded. */
function checkNotes(report: Report): string {
  const remarks = report.findings
    .filter(({ severity }) => severity === 'info')
    .slice(0, 10)
    .map(finding => `- ${markdownProse(shortenText(finding.message, MESSAGE_MAX_CHARACTERS))}`);
  const { recording: outcome } = report.registry;
  const recording = outcome === 'recorded' || outcome === 'failed' ? recordingWords(report) : null;
  return [...remarks, ...(recording === null ? [] : [`- ${escapeMarkdown(recording)}`])].join('\n');
}

function howMeasured(report: Report): string {
  const lines: string[] = [];
  if (report.base !== null && report.head !== null) {
    lines.push(
      `Base ${escapeMarkdown(commitWords(report.base))} against ${escapeMarkdown(commitWords(report.head))}.`,
    );
  } else if (report.head !== null)
    lines.push(`${escapeMarkdown(commitWords(report.head))}, without a base to compare with.`);
  const environment = environmentWords(report);
  if (environment !== null) lines.push(`Machine: ${escapeMarkdown(environment)}.`);
  if (report.models.some(({ measurement }) => measurement.kind === 'interleaved')) {
    lines.push(
      'Times count as worse only where the whole interval says so, in a second measurement too; what cannot be told apart is inconclusive and fails nothing by default.',
    );
  }
  // What was not to happen, or will happen later, is no news in a pull request.
  const { recording } = report.registry;
  const words = recording === 'skipped' || recording === 'planned' ? recordingWords(report) : null;
  if (words !== null) lines.push(escapeMarkdown(words));
  return lines.length === 0 ? '' : collapsed('How this was measured', lines.join('\n'));
}

function footer(report: Report, options: CommentOptions, reduced: boolean): string {
  const url = linkTarget(options.reportUrl ?? report.change.runUrl ?? '');
  const usable = url !== null && url.length <= 1000 ? url : null;
  const parts = [
    ...(usable === null
      ? []
      : [`[${options.reportUrl === null ? 'Run and full report' : 'Full report'}](${usable})`]),
    ...(reduced ? ['some details did not fit here'] : []),
    `QuickServeML ${escapeMarkdown(shortenText(report.tool.version, 40))}`,
    totalsWords(report),
  ];
  return `<sub>${parts.join(' · ')}</sub>`;
}
