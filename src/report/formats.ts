import { renderCodeQuality } from './code-quality.ts';
import { renderComment } from './comment.ts';
import { renderCsv } from './csv.ts';
import { GITHUB_COMMENT_MAX_CHARACTERS } from './host-limits.ts';
import { renderHtml } from './html.ts';
import { renderJson } from './json.ts';
import { renderJunit } from './junit.ts';
import { renderOpenMetrics } from './open-metrics.ts';
import type { Report } from './report.ts';
import { renderSarif } from './sarif.ts';
import { renderText } from './text.ts';

export interface FormatOptions {
  /** Key of the sticky comment; only markdown uses it. */
  readonly commentKey: string;
  /** Only the text for terminals is coloured. */
  readonly color: boolean;
  /** Where the whole report is, or null. */
  readonly reportUrl: string | null;
}

export interface ReportFormat {
  /** For a file's name, without the dot. */
  readonly extension: string;
  readonly mediaType: string;
  readonly render: (report: Report, options: FormatOptions) => string;
}

export type TextFormatName =
  | 'markdown'
  | 'html'
  | 'json'
  | 'junit'
  | 'sarif'
  | 'csv'
  | 'openmetrics'
  | 'codequality'
  | 'text';

export type ReportFormatName = TextFormatName | 'pdf';

/** The formats that are text: pure functions of the report. */
export const REPORT_FORMATS: Readonly<Record<TextFormatName, ReportFormat>> = {
  markdown: {
    extension: 'md',
    mediaType: 'text/markdown',
    render: (report, { commentKey, reportUrl }) =>
      renderComment(report, { key: commentKey, budgetBytes: GITHUB_COMMENT_MAX_CHARACTERS, reportUrl }),
  },
  html: { extension: 'html', mediaType: 'text/html', render: report => renderHtml(report) },
  json: { extension: 'json', mediaType: 'application/json', render: report => renderJson(report) },
  junit: { extension: 'xml', mediaType: 'application/xml', render: report => renderJunit(report) },
  sarif: {
    extension: 'sarif',
    mediaType: 'application/sarif+json',
    render: report => renderSarif(report),
  },
  csv: { extension: 'csv', mediaType: 'text/csv', render: report => renderCsv(report) },
  openmetrics: {
    extension: 'metrics.txt',
    mediaType: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
    render: report => renderOpenMetrics(report),
  },
  codequality: {
    extension: 'codequality.json',
    mediaType: 'application/json',
    render: report => renderCodeQuality(report),
  },
  text: {
    extension: 'txt',
    mediaType: 'text/plain',
    render: (report, { color }) => renderText(report, { color }),
  },
};

/** Every format that `quickserveml report --format` knows. */
export const REPORT_FORMAT_NAMES: readonly ReportFormatName[] = [
  ...(Object.keys(REPORT_FORMATS) as TextFormatName[]),
  'pdf',
];

export const isReportFormat = (name: string): name is ReportFormatName =>
  REPORT_FORMAT_NAMES.some(known => known === name);

/** A report in any format. The library that draws PDF is loaded only for that. */
export async function renderReport(
  name: ReportFormatName,
  report: Report,
  options: FormatOptions,
): Promise<string | Uint8Array> {
  if (name !== 'pdf') return REPORT_FORMATS[name].render(report, options);
  const { renderPdf } = await import('./pdf.ts');
  return renderPdf(report);
}
