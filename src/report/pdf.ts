import { createHash } from 'node:crypto';
import { jsPDF } from 'jspdf';
import type { MetricComparison } from '../regression/verdict.ts';
import { median } from '../shared/quantile.ts';
import { shortenText } from './escape.ts';
import { formatDifference, formatTicks, formatTransition } from './format-values.ts';
import { headlineText } from './headline.ts';
import { commitWords, environmentWords, measurementWords, totalsWords } from './measurement-words.ts';
import { MAIN_METRICS, METRIC_WORDS, metricLabel } from './metric-words.ts';
import { type JudgedModel, metricOf, modelsByImportance } from './model-verdict.ts';
import { BASE, CANDIDATE, type Colour, LINE, PdfPage, pdfText, SOFT } from './pdf-page.ts';
import { allProblems } from './problems.ts';
import type { Report } from './report.ts';
import { axisTicks, plottable } from './strip-plot.ts';

const GATE_COLOURS: Readonly<Record<Report['gate'], Colour>> = {
  passed: [26, 107, 52],
  warned: [122, 82, 0],
  failed: [179, 38, 30],
  'no-verdict': [179, 38, 30],
};
const PROBLEMS_MAX = 60;
/** Models with a section of their own; the table has all. */
const SECTIONS_MAX = 60;

/**
 * The report as PDF (A4), for archives and people without a browser at hand. The same report gives the same bytes.
 */
export function renderPdf(report: Report): Uint8Array {
  const document = new jsPDF({ unit: 'pt', format: 'a4', compress: true });
  const title = pdfText(shortenText(headlineText(report), 300));
  document.setProperties({ title, creator: 'QuickServeML' });
  document.setLanguage('en');
  document.setCreationDate(new Date(report.createdAt));
  document.setFileId(createHash('md5').update(JSON.stringify(report)).digest('hex').toUpperCase());
  const page = new PdfPage(document);
  page.rule(GATE_COLOURS[report.gate], 4);
  page.text(`QuickServeML · ${report.gate}`, { colour: SOFT });
  page.text(title, { size: 16, bold: true, after: 4 });
  page.text(metaWords(report), { colour: SOFT, after: 10 });
  problems(page, report);
  const judged = modelsByImportance(report);
  overview(page, judged);
  for (const one of judged.slice(0, SECTIONS_MAX)) modelSection(page, one);
  if (judged.length > SECTIONS_MAX)
    page.text(`… and ${judged.length - SECTIONS_MAX} models in the table only.`);
  const environment = environmentWords(report);
  if (environment !== null) {
    page.text('How this was measured', { size: 12, bold: true, after: 2 });
    page.text(environment, { after: 8 });
  }
  page.text(
    `QuickServeML ${shortenText(report.tool.version, 40)} · ${report.createdAt} · ${totalsWords(report)}`,
    {
      colour: SOFT,
    },
  );
  return new Uint8Array(document.output('arraybuffer'));
}

function metaWords({ change, base, head }: Report): string {
  const pullRequest = change.pullRequest === null ? '' : `, pull request ${change.pullRequest}`;
  return [
    ...(change.repository === null ? [] : [`${shortenText(change.repository, 200)}${pullRequest}`]),
    base === null ? 'no base to compare with' : `base ${commitWords(base)}`,
    ...(head === null ? [] : [`candidate ${commitWords(head)}`]),
  ].join(' · ');
}

/** Code stands between backticks in messages; there is only one kind of letter here. */
const plain = (text: string): string => text.replaceAll('`', '').trim();

function problems(page: PdfPage, report: Report): void {
  const found = allProblems(report).filter(({ severity }) => severity !== 'info');
  if (found.length === 0) return;
  page.text('What was found, and what now', { size: 12, bold: true, after: 2 });
  for (const { model, severity, code, message, remedy } of found.slice(0, PROBLEMS_MAX)) {
    const name = model === null ? '' : `${shortenText(model, 60)}: `;
    page.text(`${severity === 'error' ? 'Fails' : 'Warning'} · ${name}${shortenText(code, 80)}`, {
      bold: true,
      colour: severity === 'error' ? GATE_COLOURS.failed : GATE_COLOURS.warned,
    });
    const label = remedy.label === null || severity !== 'error' ? '' : ` Label: ${remedy.label}.`;
    page.text(plain(`${shortenText(message, 600)} ${shortenText(remedy.hint, 400)}${label}`), { after: 5 });
  }
  if (found.length > PROBLEMS_MAX) page.text(`… and ${found.length - PROBLEMS_MAX} more.`, { after: 5 });
  page.skip(4);
}

const values = (comparison: MetricComparison | undefined): string =>
  comparison === undefined ? '' : formatTransition(comparison.base, comparison.candidate, comparison.unit);

function overview(page: PdfPage, judged: readonly JudgedModel[]): void {
  if (judged.length === 0) return;
  page.text('Models', { size: 12, bold: true, after: 2 });
  const metrics = MAIN_METRICS.map(name => ({ label: METRIC_WORDS[name].label, share: 0.17, right: true }));
  page.table(
    [
      { label: 'model', share: 0.24 },
      { label: 'verdict', share: 0.14 },
      ...metrics,
      { label: 'contract', share: 0.11 },
    ],
    judged.map(({ model, verdict }) => [
      shortenText(model.name, 80),
      shortenText(verdict.word, 60),
      ...MAIN_METRICS.map(name => values(metricOf(model, name))),
      model.contract?.kind ?? '',
    ]),
  );
}

function modelSection(page: PdfPage, { model, verdict }: JudgedModel): void {
  if (verdict.tone === 'quiet') return;
  page.reserve(120);
  page.text(`${shortenText(model.name, 100)} · ${shortenText(verdict.word, 60)}`, { size: 12, bold: true });
  page.text(shortenText(model.path, 300), { colour: SOFT, after: 3 });
  if (model.metrics.length > 0) {
    page.table(
      [
        { label: 'metric', share: 0.2 },
        { label: 'base -> candidate', share: 0.28, right: true },
        { label: 'difference', share: 0.3, right: true },
        { label: 'outcome', share: 0.22 },
      ],
      model.metrics.map(comparison => [
        metricLabel(comparison),
        values(comparison),
        comparison.difference === null ? '' : formatDifference(comparison.difference),
        comparison.outcome.kind.replace('-', ' '),
      ]),
    );
  }
  const latency = metricOf(model, 'latency');
  if (latency !== undefined) dotPlot(page, latency);
  for (const change of (model.contract?.changes ?? []).slice(0, 30)) {
    page.text(plain(`${change.effect}: ${shortenText(change.message, 400)}`));
  }
  page.text(measurementWords(model.measurement), { colour: SOFT, after: 12 });
}

/** The measured launches as dots in two rows, a bar at each median. */
function dotPlot(page: PdfPage, { samples: given, unit }: MetricComparison): void {
  const samples = { base: plottable(given?.base ?? []), candidate: plottable(given?.candidate ?? []) };
  const all = [...samples.base, ...samples.candidate];
  if (all.length === 0) return;
  page.reserve(70);
  const low = Math.min(...all);
  const high = Math.max(...all);
  const spread = high - low || Math.abs(high) * 0.1 || 1;
  const [from, to] = [low - spread * 0.05, high + spread * 0.05];
  const x = (value: number): number => page.left + 60 + ((value - from) / (to - from)) * (page.width - 80);
  const top = page.y + 4;
  const ticks = axisTicks(from, to, 5);
  for (const [index, label] of formatTicks(ticks, unit).entries()) {
    const at = x(ticks[index] ?? from);
    page.line(at, top, at, top + 40, LINE, 0.5);
    page.label(label, at, top + 50, 'center');
  }
  for (const [row, { name, points, colour }] of [
    { name: 'base', points: samples.base, colour: BASE },
    { name: 'candidate', points: samples.candidate, colour: CANDIDATE },
  ].entries()) {
    const middle = top + 10 + row * 20;
    page.label(name, page.left, middle + 3, 'left');
    for (const value of points.slice(0, 400)) page.dot(x(value), middle, colour);
    if (points.length > 0)
      page.line(x(median(points)), middle - 8, x(median(points)), middle + 8, colour, 1.5);
  }
  page.skip(62);
}
