import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type FormatOptions, REPORT_FORMATS, type ReportFormatName } from '../../report/formats.ts';
import type { Report } from '../../report/report.ts';
import { messageOf, QuickServeError } from '../../shared/errors.ts';

/** Absolute paths of what was written. */
export type ReportFiles = Readonly<Record<'json' | 'html' | 'markdown' | 'junit', string>>;

const FILE_NAMES: ReportFiles = {
  json: 'report.json',
  html: 'report.html',
  markdown: 'report.md',
  junit: 'junit.xml',
};

/** Writes a text by way of a temporary file beside it, so that nobody ever reads half of it. */
export async function writeTextFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, text);
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new QuickServeError({
      code: 'OUTPUT_UNWRITABLE',
      message: `${path} cannot be written: ${messageOf(thrown)}`,
      hint: 'Name a folder that can be written, and check the free space.',
      cause: thrown,
    });
  }
}

/** Writes the report in every format into a folder. @throws QuickServeError OUTPUT_UNWRITABLE. */
export async function writeReportFiles(
  report: Report,
  folder: string,
  options: FormatOptions,
): Promise<ReportFiles> {
  const written: Record<string, string> = {};
  for (const [format, name] of Object.entries(FILE_NAMES)) {
    const path = join(folder, name);
    await writeTextFile(path, REPORT_FORMATS[format as ReportFormatName].render(report, options));
    written[format] = path;
  }
  return written as ReportFiles;
}
