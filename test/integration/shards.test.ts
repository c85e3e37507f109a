import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkCommand } from '../../src/commands/check-command.ts';
import { mergeCommand } from '../../src/commands/merge.ts';
import { REPORT_FORMATS } from '../../src/report/formats.ts';
import { GITHUB_COMMENT_MAX_CHARACTERS } from '../../src/report/host-limits.ts';
import type { Report } from '../../src/report/report.ts';
import { parseReport } from '../../src/report/report-parsing.ts';
import { runtimePath } from '../support/installed-copy.ts';
import { createTestRemote, git, type TestRemote } from '../support/pull-request.ts';
import { lacks } from '../support/requirements.ts';
import { sampleModel, sampleReport } from '../support/sample-reports.ts';
import { testSurroundings } from '../support/surroundings.ts';

const NAMES = ['digits', 'reader', 'same', 'young'];
const CONFIG = `version: 1\nmodels:\n${NAMES.map(name => `  ${name}: { path: models/${name}.onnx }\n`).join('')}`;

describe.skipIf(lacks('runtime'))('a check in shards', () => {
  let remote: TestRemote;
  let clone: string;
  let base: string;
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'shards '));
    remote = createTestRemote();
    const digits = { model: 'digits' };
    base = remote.commit('main', {
      'quickserveml.yml': { text: CONFIG.replace(/ {2}young.*\n/, '') },
      'models/digits.onnx': digits,
      'models/reader.onnx': digits,
      'models/same.onnx': digits,
    });
    remote.commit(
      'change',
      {
        'quickserveml.yml': { text: CONFIG },
        'models/digits.onnx': { model: 'digits-equivalent' },
        'models/reader.onnx': { model: 'digits-renamed-input' },
        'models/young.onnx': { model: 'digits' },
      },
      { from: 'main' },
    );
    clone = remote.checkout('refs/heads/change');
  });
  afterAll(() => {
    remote[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const world = () => ({ ...testSurroundings(), env: { PATH: process.env['PATH'], HOME: folder } });
  const shard = async (text: string): Promise<Report> => {
    const reportDir = join(folder, text.replace('/', '-of-'));
    const options = { cwd: clone, base, shard: text, reportDir, runtimePath, budget: '1s', color: false };
    const { exitCode } = await checkCommand(options, world());
    expect(exitCode).toBe(0);
    return parseReport(readFileSync(join(reportDir, 'report.json'), 'utf8'));
  };
  const merge = (...reports: readonly string[]) =>
    mergeCommand({ reports: reports.map(name => join(folder, name)), cwd: clone, color: false }, world());

  it('judges every model once, by errors planned for the whole, and has the verdict of a whole check', async () => {
    const parts = [await shard('1/2'), await shard('2/2')];
    expect(parts.flatMap(({ models }) => models.map(({ name }) => name)).sort()).toEqual(NAMES);
    const [first, second] = parts.map(({ shard }) => shard);
    expect(first?.assignment).toEqual(second?.assignment);
    expect(first?.comparisons).toBe(second?.comparisons);
    const whole = await checkCommand({ cwd: clone, base, runtimePath, budget: '1s', color: false }, world());
    const merged = await merge('1-of-2', '2-of-2');
    expect(merged.exitCode).toBe(1);
    expect(whole.exitCode).toBe(1);
    const [one, other] = [merged.document, whole.document] as [Report, Report];
    expect(one.models.map(({ name, gate, state }) => [name, gate, state.kind])).toEqual(
      other.models
        .toSorted((a, b) => (a.name < b.name ? -1 : 1))
        .map(({ name, gate, state }) => [name, gate, state.kind]),
    );
    expect(one.shard).toBeUndefined();
  });

  it('fails where a shard is missing, and names it with the models that nobody judged', async () => {
    const report = parseReport(readFileSync(join(folder, '1-of-2/report.json'), 'utf8'));
    const { exitCode, document, text } = await merge('1-of-2');
    expect(exitCode).not.toBe(0);
    const missing = (document as Report).findings.find(({ code }) => code === 'SHARD_MISSING');
    expect(missing?.message).toContain('Shard 2 of 2');
    for (const name of report.shard?.assignment[1] ?? []) expect(missing?.message).toContain(name);
    expect(text).toContain('Shard 2 of 2');
  });

  it('says in each part that it is one, for people too', async () => {
    const report = parseReport(readFileSync(join(folder, '2-of-2/report.json'), 'utf8'));
    const words = 'Shard 2 of 2: the verdict is left to the merge.';
    const format = { commentKey: 'default', color: false, reportUrl: null };
    expect(REPORT_FORMATS.text.render(report, format)).toContain(words);
    expect(REPORT_FORMATS.html.render(report, format)).toContain(words);
    const { text } = await merge('1-of-2', '2-of-2');
    expect(text).not.toContain('left to the merge');
  });

  it('refuses reports of another commit than the one that is checked out, where no CI says which is checked', async () => {
    const elsewhere = remote.checkout('refs/heads/main');
    const reports = ['1-of-2', '2-of-2'].map(name => join(folder, name));
    await expect(mergeCommand({ reports, cwd: elsewhere, color: false }, world())).rejects.toMatchObject({
      code: 'SHARDS_MISMATCHED',
      message: expect.stringContaining(base),
    });
  });

  it.each([
    ['one part twice', (report: Report) => report, 'are both of shard'],
    [
      'another commit',
      (report: Report) => ({ ...report, head: { sha: 'f'.repeat(40), role: 'head' } }),
      'commit',
    ],
    [
      'a division of its own',
      (report: Report) => ({ ...report, shard: { ...report.shard!, index: 2, comparisons: 1 } }),
      'division',
    ],
    [
      'a model twice',
      (report: Report) => ({
        ...report,
        shard: { ...report.shard!, index: 2 },
        models: [...report.models, report.models[0]!],
      }),
      'twice',
    ],
    ['no shard at all', ({ shard: _, ...report }: Report) => report, 'whole check'],
    [
      'a model that is not its own',
      (report: Report) => ({ ...report, shard: { ...report.shard!, index: 2 } }),
      'not of its shard',
    ],
  ] as const)('refuses a report with %s', async (_name, change, said) => {
    const report = parseReport(readFileSync(join(folder, '1-of-2/report.json'), 'utf8'));
    mkdirSync(join(folder, 'forged'), { recursive: true });
    writeFileSync(join(folder, 'forged/report.json'), JSON.stringify(change(report)));
    await expect(merge('1-of-2', 'forged')).rejects.toMatchObject({
      code: 'SHARDS_MISMATCHED',
      message: expect.stringContaining(said),
    });
  });

  it('records once, in the merge, what the shards left to it', async () => {
    remote.commit('clean', { 'models/same.onnx': { model: 'digits-equivalent' } }, { from: 'main' });
    const own = remote.checkout('refs/heads/clean');
    const options = { cwd: own, base, record: 'always' as const, runtimePath, budget: '1s', color: false };
    for (const text of ['1/2', '2/2']) {
      const reportDir = join(folder, 'recorded', text.replace('/', '-of-'));
      await checkCommand({ ...options, shard: text, reportDir }, world());
    }
    expect(remote.registryFiles()).toEqual([]);
    const { document } = await mergeCommand(
      { reports: [join(folder, 'recorded')], record: 'always', cwd: own, color: false },
      world(),
    );
    expect((document as Report).registry).toMatchObject({ recording: 'recorded' });
    expect(remote.registryFiles()).toContain('models/same/versions/1.0.0.json');
  });

  it('records nothing that its own configuration and flag do not ask for, whatever the reports claim', async () => {
    const own = remote.checkout('refs/heads/clean');
    for (const part of ['1-of-2', '2-of-2']) {
      const file = join(folder, 'recorded', part, 'report.json');
      const report = parseReport(readFileSync(file, 'utf8'));
      expect(report.registry.recording).toBe('planned');
      const claimed = { ...report, registry: { ...report.registry, branch: 'chosen-by-report' } };
      mkdirSync(join(folder, 'claimed', part), { recursive: true });
      writeFileSync(join(folder, 'claimed', part, 'report.json'), JSON.stringify(claimed));
    }
    const reports = [join(folder, 'claimed')];
    const never = await mergeCommand({ reports, record: 'never', cwd: own, color: false }, world());
    expect((never.document as Report).registry).toMatchObject({
      recording: 'skipped',
      branch: 'quickserveml',
    });
    const always = await mergeCommand({ reports, record: 'always', cwd: own, color: false }, world());
    expect((always.document as Report).registry.branch).toBe('quickserveml');
    expect(git(remote.bare, 'branch', '--list', 'chosen-by-report')).toBe('');
  });

  it('makes one comment within the limit of 100 models in 10 shards', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `model-${String(index).padStart(3, '0')}`);
    const assignment = Array.from({ length: 10 }, (_, index) => names.slice(index * 10, index * 10 + 10));
    for (const [position, own] of assignment.entries()) {
      const target = join(folder, 'hundred', String(position));
      mkdirSync(target, { recursive: true });
      const report = {
        ...sampleReport(own.map(name => sampleModel(name))),
        head: { sha: git(clone, 'rev-parse', 'HEAD'), role: 'head' },
        shard: { index: position + 1, assignment, comparisons: 300, acceptances: [] },
      };
      writeFileSync(join(target, 'report.json'), JSON.stringify(report));
    }
    cpSync(join(folder, 'hundred'), join(folder, 'artifacts'), { recursive: true });
    const reportDir = join(folder, 'hundred-merged');
    const { document } = await mergeCommand(
      { reports: [join(folder, 'artifacts')], cwd: clone, reportDir, color: false },
      world(),
    );
    expect((document as Report).models.map(({ name }) => name)).toEqual(names);
    const comment = readFileSync(join(reportDir, 'report.md'), 'utf8');
    expect(comment.length).toBeLessThanOrEqual(GITHUB_COMMENT_MAX_CHARACTERS);
    expect(comment).toContain('100 models');
  });
});
