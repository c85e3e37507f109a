import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { parse as parseCsv } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ReportFormatName, renderReport } from '../../src/report/formats.ts';
import type { Report } from '../../src/report/report.ts';
import { ACTIVE_CHARACTERS } from '../support/control-characters.ts';
import { lacks } from '../support/requirements.ts';
import {
  HOSTILE,
  SAMPLE_REPORTS,
  type SampleName,
  sampleModel,
  sampleReport,
} from '../support/sample-reports.ts';

/** Every format is read by somebody who was not written here. */
const names = Object.keys(SAMPLE_REPORTS) as SampleName[];
const options = { commentKey: 'default', color: false, reportUrl: null };
const render = (format: ReportFormatName, report: Report): Promise<string | Uint8Array> =>
  renderReport(format, report, options);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'quickserveml-formats-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('SARIF', () => {
  // The schema of OASIS as Microsoft's matchers ship it. It is draft 04, whose only difference here is the name of `$id`.
  const { $schema, id, ...schema } = JSON.parse(
    readFileSync(
      createRequire(import.meta.url).resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json'),
      'utf8',
    ),
  ) as { $schema: string; id: string };
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true, unicodeRegExp: false });
  const validate = ajv.compile(schema);

  it.each(names)('of %s is valid by the schema of SARIF 2.1.0', async name => {
    const log: unknown = JSON.parse(String(await render('sarif', SAMPLE_REPORTS[name])));
    expect(validate(log) ? [] : validate.errors).toEqual([]);
  });

  it('is held against the schema that it names', () => {
    expect($schema).toContain('draft-04');
    expect(id).toContain('sarif-2.1.0');
  });

  it('is refused by that schema when it is wrong', () => {
    expect(validate({ version: '2.1.0', runs: [{ results: [] }] })).toBe(false);
  });

  it('puts a finding on the path of its model, with the level that the gate gives it', async () => {
    const { runs } = JSON.parse(String(await render('sarif', SAMPLE_REPORTS.regressed)));
    const slower = runs[0].results.find((result: { ruleId: string }) => result.ruleId === 'slower');
    expect(slower.level).toBe('error');
    expect(slower.locations[0].physicalLocation.artifactLocation.uri).toBe('models/digits.onnx');
    expect(runs[0].tool.driver.rules[slower.ruleIndex].id).toBe('slower');
  });

  it('never leads out of the repository, and has no link in a message', async () => {
    const text = String(await render('sarif', SAMPLE_REPORTS.hostile));
    const { runs } = JSON.parse(text);
    for (const { locations, message } of runs[0].results) {
      expect(locations[0].physicalLocation.artifactLocation.uri).toBe('quickserveml.yml');
      expect(message.text).not.toContain('](');
    }
    expect(text).not.toMatch(ACTIVE_CHARACTERS);
  });
});

describe('code quality', () => {
  // What GitLab demands of an entry (documentation of the code quality report format).
  const validate = new Ajv({ strict: true, strictTypes: false }).compile({
    type: 'array',
    items: {
      type: 'object',
      required: ['description', 'check_name', 'fingerprint', 'severity', 'location'],
      properties: {
        description: { type: 'string', minLength: 1 },
        check_name: { type: 'string', minLength: 1 },
        fingerprint: { type: 'string', minLength: 1 },
        severity: { enum: ['info', 'minor', 'major', 'critical', 'blocker'] },
        location: {
          type: 'object',
          required: ['path', 'lines'],
          properties: {
            path: { type: 'string', pattern: '^(?!\\./|/)' },
            lines: {
              type: 'object',
              required: ['begin'],
              properties: { begin: { type: 'integer', minimum: 1 } },
            },
          },
        },
      },
    },
  });

  it.each(names)('of %s is what GitLab takes, each fingerprint once', async name => {
    const entries = JSON.parse(String(await render('codequality', SAMPLE_REPORTS[name])));
    expect(validate(entries) ? [] : validate.errors).toEqual([]);
    const fingerprints = entries.map(({ fingerprint }: { fingerprint: string }) => fingerprint);
    expect(new Set(fingerprints).size).toBe(fingerprints.length);
  });

  it('keeps a fingerprint when only the numbers change', async () => {
    const [first, second] = await Promise.all(
      [SAMPLE_REPORTS.regressed, { ...SAMPLE_REPORTS.regressed, durationMs: 1 }].map(async report =>
        String(await render('codequality', report)),
      ),
    );
    expect(first).toBe(second);
  });
});

describe('CSV', () => {
  const read = (text: string): readonly Record<string, string>[] =>
    parseCsv(text, { columns: true, record_delimiter: '\r\n' }) as Record<string, string>[];

  it.each(names)('of %s has one row a model and metric for any reader', async name => {
    const report: Report = SAMPLE_REPORTS[name];
    const rows = read(String(await render('csv', report)));
    expect(rows).toHaveLength(
      report.models.reduce((sum, { metrics }) => sum + Math.max(1, metrics.length), 0),
    );
  });

  it('gives the numbers back as they were', async () => {
    const rows = read(String(await render('csv', SAMPLE_REPORTS.regressed)));
    const latency = rows.find(({ model, metric }) => model === 'digits' && metric === 'latency');
    expect(Number(latency?.['base'])).toBe(1.84);
    expect(Number(latency?.['candidate'])).toBe(2.21);
    expect(Number(latency?.['difference'])).toBeCloseTo(2.21 / 1.84 - 1, 12);
    const faster = rows.find(({ model, metric }) => model === 'fraud' && metric === 'latency');
    expect(Number(faster?.['difference'])).toBeLessThan(0);
  });

  it.each([
    '=1+1',
    '+1',
    '-1',
    '@SUM(A1)',
    '\t=1',
    '"quoted", with comma',
    'line\r\nbreak',
    `=cmd|'/c calc'!A1`,
    HOSTILE,
    '\u202Etxt',
    '',
  ])('keeps the cell %j in one cell, and no formula at its start', async name => {
    const text = String(await render('csv', sampleReport([sampleModel('x', { name, path: name })])));
    const rows = read(text);
    expect(rows).toHaveLength(6);
    for (const row of rows) {
      expect(Object.keys(row)).toHaveLength(27);
      for (const cell of [row['model'], row['path']]) expect(cell).not.toMatch(/^\s*[=+\-@]/u);
    }
    expect(text.replaceAll('\r\n', '')).not.toMatch(ACTIVE_CHARACTERS);
  });
});

describe('OpenMetrics', () => {
  it.skipIf(lacks('promtool')).each(names)('of %s is read by promtool, without a complaint', async name => {
    const checked = spawnSync('promtool', ['check', 'metrics'], {
      input: String(await render('openmetrics', SAMPLE_REPORTS[name])),
      encoding: 'utf8',
    });
    expect(`${checked.stdout}${checked.stderr}`).toBe('');
    expect(checked.status).toBe(0);
  });

  it.skipIf(lacks('promtool'))('is refused by promtool when it is damaged', async () => {
    const text = String(await render('openmetrics', SAMPLE_REPORTS.improved));
    const [series = ''] = /^quickserveml_latency_seconds.*$/m.exec(text) ?? [];
    const checked = spawnSync('promtool', ['check', 'metrics'], {
      input: text.replace(series, series.replaceAll('"', '')),
    });
    expect(checked.status).not.toBe(0);
  });

  it('ends in # EOF, gives seconds and bytes, and names a series once', async () => {
    const twins = [sampleModel('digits'), sampleModel('digits')];
    const text = String(await render('openmetrics', sampleReport(twins)));
    expect(text.endsWith('\n# EOF\n')).toBe(true);
    expect(text).toContain('quickserveml_latency_seconds{model="digits"} 0.00185\n');
    const series = text.split('\n').filter(line => line !== '' && !line.startsWith('#'));
    const keys = series.map(line => line.slice(0, line.lastIndexOf(' ')));
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe.skipIf(lacks('python') || lacks('xmllint'))('JUnit', () => {
  let schema: string;
  beforeAll(() => {
    // Jenkins' own schema comes with the sources of pytest, which tests itself with it.
    const cache = join(tmpdir(), 'quickserveml-test-pytest-8.4.2');
    schema = join(cache, 'junit-10.xsd');
    if (existsSync(schema)) return;
    mkdirSync(cache, { recursive: true });
    const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--no-binary', ':all:', 'pytest==8.4.2'];
    execFileSync('python3', [...pip, '--dest', folder], { stdio: 'pipe', timeout: 240_000 });
    const inside = 'pytest-8.4.2/testing/example_scripts/junit-10.xsd';
    const text = execFileSync('tar', ['-xzOf', join(folder, 'pytest-8.4.2.tar.gz'), inside]);
    writeFileSync(schema, text);
  }, 300_000);

  it.each(names)('of %s is valid by the schema of Jenkins (junit-10.xsd)', async name => {
    const file = join(folder, `${name}.xml`);
    writeFileSync(file, await render('junit', SAMPLE_REPORTS[name]));
    const checked = spawnSync('xmllint', ['--noout', '--nonet', '--schema', schema, file], {
      encoding: 'utf8',
    });
    expect(checked.stderr).toContain('validates');
    expect(checked.status).toBe(0);
  });
});

describe('PDF', () => {
  it('is the same for the same report', async () => {
    const digests = await Promise.all(
      [1, 2].map(async () =>
        createHash('sha256')
          .update(await render('pdf', SAMPLE_REPORTS.regressed))
          .digest('hex'),
      ),
    );
    expect(digests[0]).toBe(digests[1]);
  });

  it.skipIf(lacks('poppler')).each(names)(
    'of %s is drawn by pdftoppm, and its text can be read',
    async name => {
      const file = join(folder, `${name}.pdf`);
      writeFileSync(file, await render('pdf', SAMPLE_REPORTS[name]));
      const drawn = spawnSync('pdftoppm', ['-r', '40', '-png', file, join(folder, name)], {
        encoding: 'utf8',
      });
      expect(drawn.stderr).toBe('');
      expect(drawn.status).toBe(0);
      const text = execFileSync('pdftotext', [file, '-'], { encoding: 'utf8' });
      expect(text).toContain('QuickServeML');
      expect(text).not.toContain('\u202E');
      const [model] = SAMPLE_REPORTS[name].models;
      if (model !== undefined && name !== 'hostile') expect(text).toContain(model.name);
    },
  );

  it.skipIf(lacks('poppler'))('shows what its fonts lack by code point', async () => {
    const file = join(folder, 'names.pdf');
    writeFileSync(file, await render('pdf', sampleReport([sampleModel('数字')])));
    expect(execFileSync('pdftotext', [file, '-'], { encoding: 'utf8' })).toContain('‹U+6570›‹U+5B57›');
  });
});
