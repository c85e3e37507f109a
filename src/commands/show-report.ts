import { resolve } from 'node:path';
import type { CommentConfig } from '../config/config.ts';
import { REPORT_FORMATS } from '../report/formats.ts';
import type { Report } from '../report/report.ts';
import { type readFormats, writeReportFiles } from './check/report-files.ts';
import { type PullRequest, postReport } from './pull-request.ts';
import type { Surroundings } from './surroundings.ts';

/** Where a command line shows a report beside its own output. */
export interface ShowArguments {
  readonly cwd: string;
  readonly reportDir?: string;
  readonly comment?: boolean;
  readonly commentAuthor?: string;
  readonly color: boolean;
}

/** A report, and how its repository wants it shown. */
interface Shown {
  readonly report: Report;
  readonly comment: CommentConfig;
}

/**
 * Writes the files of a report, as far as they are wanted.
 * @returns the report as text
 * @throws QuickServeError OUTPUT_UNWRITABLE.
 */
export async function writeReport(
  shown: Shown,
  given: ShowArguments,
  formats: ReturnType<typeof readFormats>,
  world: Surroundings,
): Promise<string> {
  const format = { commentKey: shown.comment.key, color: given.color, reportUrl: null };
  if (given.reportDir !== undefined) {
    const folder = resolve(given.cwd, given.reportDir);
    const files = await writeReportFiles(shown.report, folder, { ...format, formats });
    world.progress.step(`Report: ${files.html}`);
  }
  return REPORT_FORMATS.text.render(shown.report, format);
}

/**
 * Writes the files of a report and posts its comment, as far as that is wanted.
 * @returns the report as text
 * @throws QuickServeError OUTPUT_UNWRITABLE.
 */
export async function showReport(
  shown: Shown,
  given: ShowArguments,
  formats: ReturnType<typeof readFormats>,
  pullRequest: PullRequest,
  world: Surroundings,
): Promise<string> {
  const text = await writeReport(shown, given, formats, world);
  const { report, comment } = shown;
  if (given.comment === true && comment.enabled) {
    const posted = await postReport(report, pullRequest, {
      key: comment.key,
      ...(given.commentAuthor === undefined ? {} : { author: given.commentAuthor }),
    });
    world.progress.step(posted.message);
  }
  return text;
}
