import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFormats, writeReportFiles } from '../../src/commands/check/report-files.ts';
import { reportCommand } from '../../src/commands/report.ts';
import { REPORT_FORMAT_NAMES } from '../../src/report/formats.ts';
import { SAMPLE_REPORTS } from '../support/sample-reports.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'quickserveml-report-'));
  writeFileSync(join(folder, 'report.json'), JSON.stringify(SAMPLE_REPORTS.regressed));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const report = (format: string, output?: string): ReturnType<typeof reportCommand> =>
  reportCommand({
    report: join(folder, 'report.json'),
    format,
    cwd: folder,
    color: false,
    ...(output === undefined ? {} : { output }),
  });

describe('report --format', () => {
  it.each(REPORT_FORMAT_NAMES)('writes %s into a file', async format => {
    const { document } = await report(format, `out.${format}`);
    expect(document).toEqual({ written: join(folder, `out.${format}`) });
    expect(readFileSync(join(folder, `out.${format}`)).length).toBeGreaterThan(100);
  });

  it('prints text, and refuses to print what is none', async () => {
    expect((await report('csv')).text).toContain('\r\ndigits,models/digits.onnx,changed,failed,');
    await expect(report('pdf')).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining('-o report.pdf'),
    });
  });

  it('names the formats where it does not know one', async () => {
    await expect(report('xls')).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining('openmetrics'),
    });
  });
});

describe('the folder of reports', () => {
  it('has four formats always, and those that were asked for', async () => {
    const target = join(folder, 'new/folder');
    const files = await writeReportFiles(SAMPLE_REPORTS.regressed, target, {
      commentKey: 'default',
      color: false,
      reportUrl: null,
      formats: readFormats('sarif, pdf\nopenmetrics,json'),
    });
    expect(files.json).toBe(join(target, 'report.json'));
    const written = [
      'junit.xml',
      'metrics.txt',
      'report.html',
      'report.json',
      'report.md',
      'report.pdf',
      'report.sarif',
    ];
    expect(readdirSync(target).sort()).toEqual(written);
  });

  it('is not begun for a format that does not exist', () => {
    expect(readFormats('')).toEqual([]);
    expect(() => readFormats('sarif,xls')).toThrow('"xls" is not a format');
  });
});
