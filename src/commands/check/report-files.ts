import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type FormatOptions,
  isReportFormat,
  REPORT_FORMAT_NAMES,
  type ReportFormatName,
  renderReport,
} from '../../report/formats.ts';
import type { Report } from '../../report/report.ts';
import { fileReason, QuickServeError } from '../../shared/errors.ts';

/** Absolute paths of what was written. */
export type ReportFiles = Readonly<Record<'json' | 'html' | 'markdown' | 'junit', string>>;

const ALWAYS: readonly ReportFormatName[] = ['json', 'html', 'markdown', 'junit'];
const FILE_NAMES: Readonly<Record<ReportFormatName, string>> = {
  json: 'report.json',
  html: 'report.html',
  markdown: 'report.md',
  junit: 'junit.xml',
  sarif: 'report.sarif',
  csv: 'report.csv',
  openmetrics: 'metrics.txt',
  codequality: 'codequality.json',
  pdf: 'report.pdf',
  text: 'report.txt',
};

/** Names of formats with commas, spaces or line breaks between them. @throws QuickServeError USAGE. */
export function readFormats(given: string): readonly ReportFormatName[] {
  return given
    .split(/[\s,]+/u)
    .filter(name => name !== '')
    .map(name => {
      if (isReportFormat(name)) return name;
      throw new QuickServeError({
        code: 'USAGE',
        message: `"${name}" is not a format of the report.`,
        hint: `The formats are ${REPORT_FORMAT_NAMES.join(', ')}.`,
      });
    });
}

/** Writes a file by way of a temporary one beside it, so that nobody ever reads half of it. */
export async function writeWholeFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID()}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new QuickServeError({
      code: 'OUTPUT_UNWRITABLE',
      message: `${path} cannot be written: ${fileReason(thrown)}`,
      hint: 'Name a folder that can be written, and check the free space.',
      cause: thrown,
    });
  }
}

/** Writes the report into a folder: four formats always, `formats` beside them. @throws QuickServeError OUTPUT_UNWRITABLE. */
export async function writeReportFiles(
  report: Report,
  folder: string,
  options: FormatOptions & { readonly formats?: readonly ReportFormatName[] },
): Promise<ReportFiles> {
  const written: Record<string, string> = {};
  for (const format of new Set([...ALWAYS, ...(options.formats ?? [])])) {
    const path = join(folder, FILE_NAMES[format]);
    await writeWholeFile(path, await renderReport(format, report, options));
    written[format] = path;
  }
  return written as ReportFiles;
}
