import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderJson } from '../../../src/report/json.ts';
import { DEFAULT_REPORT_LIMITS, parseReport } from '../../../src/report/report-parsing.ts';
import { REPORT_SCHEMA } from '../../../src/report/report-schema.ts';
import { ACTIVE_CHARACTERS } from '../../support/control-characters.ts';
import { projectRoot } from '../../support/requirements.ts';
import { SAMPLE_REPORTS, sampleReport } from '../../support/sample-reports.ts';

const codeOf = (text: string, limits = DEFAULT_REPORT_LIMITS): unknown => {
  try {
    parseReport(text, limits);
    return 'accepted';
  } catch (thrown) {
    return (thrown as { code?: unknown }).code;
  }
};
const changed = (fields: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ ...SAMPLE_REPORTS.regressed, ...fields });

describe('the published schema', () => {
  it('is the one that reports are checked with (scripts/generate-docs.ts)', () => {
    const published: unknown = JSON.parse(
      readFileSync(join(projectRoot, 'schemas/report.schema.json'), 'utf8'),
    );
    expect(published).toEqual(JSON.parse(JSON.stringify(REPORT_SCHEMA)));
  });
});

describe('a saved report', () => {
  it.each(Object.entries(SAMPLE_REPORTS))('comes back as it was: %s', (_, report) => {
    // A lone surrogate does not survive UTF-8; the samples have none.
    expect(parseReport(renderJson(report))).toEqual(report);
  });

  it('has nothing in it that a terminal or an editor acts upon', () => {
    expect(renderJson(SAMPLE_REPORTS.hostile)).not.toMatch(ACTIVE_CHARACTERS);
  });

  it('may have fields that a later version added', () => {
    expect(codeOf(changed({ later: { anything: true } }))).toBe('accepted');
  });

  it.each([
    ['no JSON', '{"schemaVersion": 1'],
    ['another document', '{"hello": "world"}'],
    ['an array', '[]'],
    ['another schema version', changed({ schemaVersion: 2 })],
    ['an unknown gate', changed({ gate: 'great' })],
    [
      'a pull request number as text',
      changed({ change: { ...SAMPLE_REPORTS.regressed.change, pullRequest: '12' } }),
    ],
    ['a commit that is none', changed({ head: { sha: '$(id)', role: '' } })],
    ['a string that is far too long', changed({ tool: { name: 'quickserveml', version: 'x'.repeat(2000) } })],
    ['an infinite depth', '['.repeat(100_000)],
  ])('is REPORT_INVALID for %s', (_, text) => {
    expect(codeOf(text)).toBe('REPORT_INVALID');
  });

  it('is REPORT_TOO_LARGE over the limit of bytes or models', () => {
    expect(codeOf(' '.repeat(2000), { ...DEFAULT_REPORT_LIMITS, maxBytes: 1000 })).toBe('REPORT_TOO_LARGE');
    const model = SAMPLE_REPORTS.identical.models[0]!;
    const many = JSON.stringify(sampleReport(Array.from({ length: 12 }, () => model)));
    expect(codeOf(many, { ...DEFAULT_REPORT_LIMITS, maxModels: 10 })).toBe('REPORT_TOO_LARGE');
  });

  it('cannot reach a prototype', () => {
    const text = JSON.stringify(SAMPLE_REPORTS.regressed).replace('{', '{"__proto__":{"polluted":true},');
    const report = parseReport(text) as unknown as Record<string, unknown>;
    expect(report['polluted']).toBeUndefined();
  });

  it('is quoted by no error: its text may be hostile', () => {
    try {
      parseReport('\u001B[31m::error::{');
      expect.unreachable();
    } catch (thrown) {
      expect((thrown as Error).message).toBe('The report is not JSON.');
    }
  });
});
