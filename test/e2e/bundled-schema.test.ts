import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Report } from '../../src/report/report.ts';
import { parseReport } from '../../src/report/report-parsing.ts';
import { handOver, type InstalledCopy, installCopy } from '../support/installed-copy.ts';
import { runCli } from '../support/run-cli.ts';
import { SAMPLE_REPORTS } from '../support/sample-reports.ts';

/** The bundle has the schema as a program; the sources compile it. Both have to say the same of the same report. */
let copy: InstalledCopy;
let folder: string;
beforeAll(() => {
  copy = installCopy();
  folder = mkdtempSync(join(tmpdir(), 'bundled-schema-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  copy[Symbol.dispose]();
});

const [model] = SAMPLE_REPORTS.regressed.models;
const changed = (changes: object): unknown => ({ ...SAMPLE_REPORTS.regressed, ...changes });

const REPORTS: Readonly<Record<string, unknown>> = {
  'a whole report': SAMPLE_REPORTS.regressed,
  'another gate': changed({ gate: 'perhaps' }),
  'a model of an unknown state': changed({ models: [{ ...model, state: { kind: 'melted' } }] }),
  'a field that nobody knows': changed({ models: [{ ...model, extra: 1 }] }),
  'a name that is too long': changed({ models: [{ ...model, name: 'x'.repeat(100_000) }] }),
  'a shard without its acceptances': changed({ shard: { index: 1, assignment: [['a']], comparisons: 1 } }),
  'no models': changed({ models: undefined }),
};

it.each(Object.keys(REPORTS))('%s is taken, or refused with the same words', async name => {
  const text = JSON.stringify(REPORTS[name]);
  const path = join(folder, `${Object.keys(REPORTS).indexOf(name)}.json`);
  writeFileSync(path, text);
  handOver(folder);
  let expected: Report | string;
  try {
    expected = parseReport(text);
  } catch (thrown) {
    expected = (thrown as Error).message;
  }
  const args = ['report', path, '--format', 'json', '--json'];
  const result = await runCli({ cli: copy.cli, args, cwd: folder });
  if (typeof expected === 'string') {
    expect(result.exitCode).toBe(2);
    expect(result.json<{ error: { message: string } }>().error.message).toBe(expected);
  } else expect(result.exitCode, result.stderr).toBe(0);
});

it('has reports of both kinds to try', () => {
  const refused = Object.values(REPORTS).filter(report => {
    try {
      parseReport(JSON.stringify(report));
      return false;
    } catch {
      return true;
    }
  });
  expect(refused.length).toBeGreaterThan(3);
  expect(refused.length).toBeLessThan(Object.keys(REPORTS).length);
});
