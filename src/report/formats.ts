import { GITHUB_COMMENT_BYTES, renderComment } from './comment.ts';
import { renderHtml } from './html.ts';
import { renderJson } from './json.ts';
import { renderJunit } from './junit.ts';
import type { Report } from './report.ts';
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

export type ReportFormatName = 'markdown' | 'html' | 'json' | 'junit' | 'text';

/** Every format that `quickserveml report --format` knows: a pure function of the report. */
export const REPORT_FORMATS: Readonly<Record<ReportFormatName, ReportFormat>> = {
  markdown: {
    extension: 'md',
    mediaType: 'text/markdown',
    render: (report, { commentKey, reportUrl }) =>
      renderComment(report, { key: commentKey, budgetBytes: GITHUB_COMMENT_BYTES, reportUrl }),
  },
  html: { extension: 'html', mediaType: 'text/html', render: report => renderHtml(report) },
  json: { extension: 'json', mediaType: 'application/json', render: report => renderJson(report) },
  junit: { extension: 'xml', mediaType: 'application/xml', render: report => renderJunit(report) },
  text: {
    extension: 'txt',
    mediaType: 'text/plain',
    render: (report, { color }) => renderText(report, { color }),
  },
};

export const isReportFormat = (name: string): name is ReportFormatName => Object.hasOwn(REPORT_FORMATS, name);
