import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckPlan } from '../../src/commands/check.ts';
import { type CheckArguments, checkCommand } from '../../src/commands/check-command.ts';
import { REPORT_FORMATS } from '../../src/report/formats.ts';
import type { Report } from '../../src/report/report.ts';
import { parseReport } from '../../src/report/report-parsing.ts';
import { type Contents, createTestRemote, git, type TestRemote } from '../support/pull-request.ts';
import { lacks } from '../support/requirements.ts';
import { testSurroundings } from '../support/surroundings.ts';

const configured = (models: string): Contents => ({
  'quickserveml.yml': { text: `version: 1\nmodels:\n${models}` },
});

/** A repository on a laptop, checked as a person does who has just made the mistake. */
describe('a mistake of a new user', () => {
  let remote: TestRemote;
  beforeAll(() => {
    remote = createTestRemote();
    remote.commit('main', {
      'models/digits.onnx': { model: 'digits' },
      'models/fraud.onnx': { model: 'fraud' },
    });
  });
  afterAll(() => remote[Symbol.dispose]());

  let branches = 0;
  function laptop(contents: Contents): string {
    const branch = `mistake-${++branches}`;
    remote.commit(branch, contents, { from: 'main' });
    const clone = join(remote.folder, branch);
    git(remote.folder, 'clone', '--quiet', remote.bare, clone);
    git(clone, 'checkout', '--quiet', branch);
    return clone;
  }
  async function check(cwd: string, given: Partial<CheckArguments> = {}) {
    const world = { ...testSurroundings(), env: { PATH: process.env['PATH'], HOME: remote.folder } };
    const result = await checkCommand({ cwd, color: false, budget: '2s', ...given }, world);
    return { ...result, report: result.document as Report };
  }
  const planned = async (cwd: string, given: Partial<CheckArguments> = {}) => {
    const { document, text } = await check(cwd, { ...given, dryRun: true });
    return { plan: (document as { plan: CheckPlan }).plan, text };
  };
  const findingsOf = ({ models }: Report) =>
    models.flatMap(({ findings }) => findings.map(({ code, message, hint }) => ({ code, message, hint })));

  it('a wrong path is said by the plan and by the check, with the path that is meant', async () => {
    const cwd = laptop(configured('  digits:\n    path: model/digits.onnx\n'));
    const { plan, text } = await planned(cwd);
    const hint = 'There is models/digits.onnx. Correct the path of digits in quickserveml.yml.';
    expect(plan.models[0]).toMatchObject({ change: 'missing', measured: false, hint });
    expect(text).toContain(`digits: missing, there is no file model/digits.onnx. ${hint}`);
    const { report, exitCode } = await check(cwd);
    expect(exitCode).toBe(1);
    expect(findingsOf(report)).toContainEqual({
      code: 'MODEL_NOT_FOUND',
      message: 'There is no model file at model/digits.onnx.',
      hint,
    });
  });

  it('a pattern instead of a path is said to be none', async () => {
    const { plan } = await planned(laptop(configured('  all:\n    path: models/*.onnx\n')));
    expect(plan.models[0]?.hint).toContain('A path names one file, not a pattern');
  });

  it('a model that moved away from its configuration is one model, and its new path is named', async () => {
    const cwd = laptop(configured('  fraud:\n    path: models/fraud.onnx\n'));
    renameSync(join(cwd, 'models/fraud.onnx'), join(cwd, 'models/scam.onnx'));
    git(cwd, 'add', '--all');
    git(cwd, 'commit', '--quiet', '-m', 'Rename');
    const { report } = await check(cwd);
    expect(report.models.map(({ name }) => name)).toEqual(['fraud']);
    expect(findingsOf(report)[0]?.hint).toBe(
      'Its file is now models/scam.onnx. Correct the path of fraud in quickserveml.yml.',
    );
  });

  it('a deleted model is called deleted, and is a warning', async () => {
    const cwd = laptop({ 'models/fraud.onnx': null });
    const { report, text, exitCode } = await check(cwd);
    expect(exitCode).toBe(0);
    expect(text).toContain('! models/fraud was deleted · nothing fails for it');
    expect(text).toMatch(/! models\/fraud {3}deleted/);
    expect(
      REPORT_FORMATS.markdown.render(report, { commentKey: 'default', color: false, reportUrl: null }),
    ).toContain('was deleted');
  });

  it.each([
    ['quickserveml.yaml', '.', 'quickserveml.yaml'],
    ['models/quickserveml.yml', 'models', 'quickserveml.yml'],
  ])('a configuration at %s is not passed over', async (path, folder, shown) => {
    const cwd = join(laptop({ [path]: { text: 'version: 1\n' } }), folder);
    await expect(check(cwd)).rejects.toMatchObject({
      code: 'CONFIG_NOT_FOUND',
      message: expect.stringContaining(`${shown} is not read`),
      hint: expect.stringContaining(`--config ${shown}`),
    });
    await expect(planned(cwd, { config: shown })).resolves.toBeDefined();
  });

  it.each([
    ['slow:models/digits', 'there is no finding "slow"; did you mean "slower"?'],
    ['slower:models/digit', 'there is no model "models/digit".'],
    ['slower', 'it names no model.'],
  ])('--accept %s could let nothing through', async (accept, words) => {
    const cwd = laptop({});
    await expect(planned(cwd, { accept: [accept] })).rejects.toMatchObject({
      code: 'USAGE',
      message: `--accept ${accept}: ${words}`,
    });
    await expect(planned(cwd, { accept: ['slower:models/digits'] })).resolves.toBeDefined();
  });

  it('--model takes a path as the shell completes it, and says which name is meant', async () => {
    const cwd = join(laptop({}), 'models');
    expect((await planned(cwd, { model: ['digits.onnx'] })).plan.models).toMatchObject([
      { name: 'models/digits' },
    ]);
    await expect(planned(cwd, { model: ['models/digts'] })).rejects.toMatchObject({
      hint: 'Did you mean "models/digits"?',
    });
  });

  it('an edit of another file does not hide what the pushed branch did', async () => {
    const cwd = laptop({ 'models/fraud.onnx': null, README: { text: 'models' } });
    appendFileSync(join(cwd, 'README'), 'more');
    expect((await planned(cwd)).plan.models).toMatchObject([
      { name: 'models/digits', change: 'identical' },
      { name: 'models/fraud', change: 'deleted' },
    ]);
  });

  it('a laptop is told how to record from there', async () => {
    const { text } = await planned(laptop({}));
    expect(text).toContain('only checks in CI are recorded; `--record always` records from here');
  });

  it('a Git LFS pointer in a clone without a remote is told what brings its model', async () => {
    const oid = '0'.repeat(64);
    const cwd = laptop({
      'models/digits.onnx': {
        text: `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize 9\n`,
      },
    });
    git(cwd, 'remote', 'remove', 'origin');
    const { report, exitCode } = await check(cwd, { base: 'HEAD~1', model: ['models/digits'] });
    expect(exitCode).toBe(3);
    expect(findingsOf(report)).toMatchObject([
      { code: 'LFS_OBJECT_UNAVAILABLE', hint: expect.stringContaining('git remote add origin ADDRESS') },
    ]);
  });

  it('a version is not recorded of a model that its commit does not have', async () => {
    const cwd = laptop({});
    appendFileSync(join(cwd, 'models/digits.onnx'), 'x');
    await expect(planned(cwd, { record: 'always' })).rejects.toMatchObject({
      code: 'REGISTRY_WRITE_REFUSED',
      message: expect.stringContaining('models/digits.onnx has changes that are not committed'),
    });
    git(cwd, 'commit', '--quiet', '-am', 'Change');
    expect((await planned(cwd, { record: 'always' })).plan.record.planned).toBe(true);
  });

  it('a check that cannot be made leaves a report that says why, for a job that posts it', async () => {
    const cwd = laptop(configured('  digits:\n    pth: models/digits.onnx\n'));
    await expect(check(cwd, { reportDir: 'report' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    const report = parseReport(readFileSync(join(cwd, 'report/report.json'), 'utf8'));
    expect(report).toMatchObject({ gate: 'no-verdict', models: [], findings: [{ code: 'CONFIG_INVALID' }] });
    const comment = (): string => readFileSync(join(cwd, 'models/report/report.md'), 'utf8');
    writeFileSync(join(cwd, 'quickserveml.yml'), 'version: 1\ncomment: { key: ours }\nmodel: {}\n');
    await expect(check(join(cwd, 'models'), { reportDir: 'report' })).rejects.toThrow();
    expect(comment()).toContain('key=ours');
    await expect(check(cwd, { reportDir: 'shard', shard: '1/2' })).rejects.toThrow();
    expect(existsSync(join(cwd, 'shard'))).toBe(false);
  });

  it('a folder that does not exist is a mistake of usage', async () => {
    const cwd = join(laptop({}), 'model');
    await expect(planned(cwd)).rejects.toMatchObject({
      code: 'NOT_A_REPOSITORY',
      message: `There is no folder ${cwd}.`,
    });
  });

  it.skipIf(lacks('runtime'))(
    'sizes, ranges, cases and datasets that are not there are each said once',
    async () => {
      const cwd = laptop(
        configured(
          '  digits:\n    path: models/digits.onnx\n    dims: { bach: 8 }\n    ranges: { imag: { min: 0, max: 1 } }\n',
        ),
      );
      const { report, exitCode } = await check(cwd);
      expect(exitCode).toBe(0);
      expect(findingsOf(report).filter(({ code }) => code === 'SETTING_UNUSED')).toEqual([
        {
          code: 'SETTING_UNUSED',
          message: '`dims` of digits sets "bach", and no input has such a dimension without a size.',
          hint: 'Did you mean "batch"?',
        },
        {
          code: 'SETTING_UNUSED',
          message: '`ranges` of digits has "imag", which is no input.',
          hint: 'Did you mean "image"?',
        },
      ]);
      const other = laptop({
        ...configured('  digits:\n    path: models/digits.onnx\n    cases: cases\n'),
        'models/digits.onnx': { model: 'digits-wide' },
      });
      const { report: withCases } = await check(other);
      expect(findingsOf(withCases).filter(({ code }) => /UNREADABLE|NOT_FOUND/.test(code))).toEqual([
        expect.objectContaining({ code: 'CASES_NOT_FOUND', message: 'The test cases cases do not exist.' }),
      ]);
      const third = laptop(
        configured(
          '  digits:\n    path: models/digits.onnx\n    dataset: { path: d.npz, metrics: { top-1: {} } }\n    contract: c.json\n',
        ),
      );
      const { report: withData } = await check(third);
      expect(findingsOf(withData).map(({ message }) => message)).toEqual([
        'The contract c.json cannot be read: there is no such file or folder.',
        'The dataset d.npz does not exist.',
      ]);
      expect(JSON.stringify(withData)).not.toContain('ENOENT');
    },
  );
});
