import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isReportFormat, REPORT_FORMAT_NAMES, renderReport } from '../report/formats.ts';
import type { Report } from '../report/report.ts';
import { DEFAULT_REPORT_LIMITS, parseReport } from '../report/report-parsing.ts';
import { fileReason, QuickServeError } from '../shared/errors.ts';
import { writeWholeFile } from './check/report-files.ts';
import type { CommandResult } from './command-result.ts';

export interface ReportOptions {
  readonly report: string;
  readonly format: string;
  readonly output?: string;
  readonly cwd: string;
  readonly color: boolean;
}

/** Reads a saved report that may come from anybody. @throws QuickServeError FILE_UNREADABLE, REPORT_INVALID, REPORT_TOO_LARGE. */
export async function readReport(path: string): Promise<Report> {
  try {
    const { size } = await stat(path);
    if (size > DEFAULT_REPORT_LIMITS.maxBytes) {
      throw new QuickServeError({
        code: 'REPORT_TOO_LARGE',
        message: `${path} has ${size} bytes; a report has at most ${DEFAULT_REPORT_LIMITS.maxBytes}.`,
        hint: 'Name the report.json that `quickserveml check --report-dir` wrote.',
      });
    }
    return parseReport(await readFile(path, 'utf8'));
  } catch (thrown) {
    if (thrown instanceof QuickServeError) throw thrown;
    throw new QuickServeError({
      code: 'FILE_UNREADABLE',
      message: `The report ${path} cannot be read: ${fileReason(thrown)}`,
      hint: 'Name the report.json that `quickserveml check --report-dir` wrote.',
      cause: thrown,
    });
  }
}

/** `report F --format …`: a saved report in another format. */
export async function reportCommand(options: ReportOptions): Promise<CommandResult> {
  const report = await readReport(options.report);
  if (!isReportFormat(options.format)) {
    throw new QuickServeError({
      code: 'USAGE',
      message: `"${options.format}" is not a format.`,
      hint: `The formats are ${REPORT_FORMAT_NAMES.join(', ')}.`,
    });
  }
  const content = await renderReport(options.format, report, {
    commentKey: 'default',
    color: options.color && options.output === undefined,
    reportUrl: null,
  });
  if (options.output === undefined) {
    if (typeof content === 'string') return { document: report, text: content, exitCode: 0 };
    throw new QuickServeError({
      code: 'USAGE',
      message: `The format ${options.format} is no text.`,
      hint: `Name a file for it: -o report.${options.format}.`,
    });
  }
  const path = resolve(options.cwd, options.output);
  await writeWholeFile(path, content);
  return { document: { written: path }, text: `Written: ${path}`, exitCode: 0 };
}
