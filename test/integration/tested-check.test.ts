import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CheckArguments, checkCommand } from '../../src/commands/check-command.ts';
import { validateCommand } from '../../src/commands/validate.ts';
import { renderJobSummary } from '../../src/report/comment.ts';
import type { ModelReport, Report } from '../../src/report/report.ts';
import { parseReport } from '../../src/report/report-parsing.ts';
import { type Contents, createTestRemote, fixtureModel, type TestRemote } from '../support/pull-request.ts';
import { lacks, projectRoot } from '../support/requirements.ts';
import { testSurroundings } from '../support/surroundings.ts';

const CONFIG = `
models:
  digits:
    path: models/digits.onnx
    cases: cases
    contract: digits.contract.json
    dataset:
      path: digits.npz
      metrics: { top-1: { min: 0.9, max-drop: 0.01 }, f1: {} }
`;

const digitsCase = (folder = 'cases'): Contents =>
  Object.fromEntries(
    ['input_0.pb', 'output_0.pb'].map(file => [
      `${folder}/test_data_set_0/${file}`,
      { file: join(fixtureModel('digits'), 'test_data_set_0', file) },
    ]),
  );

const modelFile = (name: string): Contents => ({
  'models/digits.onnx': { file: join(fixtureModel(name), 'model.onnx') },
});

describe.skipIf(lacks('runtime'))('check with cases, a dataset and a contract', () => {
  let remote: TestRemote;
  let contract: string;

  beforeAll(async () => {
    remote = createTestRemote();
    const { document } = await validateCommand({
      model: join(fixtureModel('digits'), 'model.onnx'),
      contract: join(remote.folder, 'digits.contract.json'),
      update: true,
      cwd: remote.folder,
    });
    expect(document).toMatchObject({ contractVersion: 1 });
    contract = readFileSync(join(remote.folder, 'digits.contract.json'), 'utf8');
    remote.commit('main', {
      'quickserveml.yml': { text: CONFIG },
      'digits.contract.json': { text: contract },
      'digits.npz': { file: join(projectRoot, 'fixtures/datasets/digits.npz') },
      ...modelFile('digits'),
      ...digitsCase(),
    });
  });
  afterAll(() => remote[Symbol.dispose]());

  async function check(
    branch: string,
    contents: Contents,
    given: Partial<CheckArguments> = {},
  ): Promise<{ model: ModelReport; report: Report; exitCode: number }> {
    remote.commit(branch, contents, { from: 'main' });
    const cwd = remote.checkout(`refs/heads/${branch}`);
    const world = { ...testSurroundings(), env: { PATH: process.env['PATH'], HOME: remote.folder } };
    const options: CheckArguments = {
      cwd,
      base: 'main',
      model: [],
      accept: [],
      record: 'never',
      budget: '1s',
      color: false,
      ...given,
    };
    const { document, exitCode } = await checkCommand(options, world);
    const report = document as Report;
    const [model] = report.models;
    if (model === undefined) throw new Error('no model was checked');
    return { model, report, exitCode };
  }

  const codes = ({ findings }: ModelReport): readonly string[] =>
    findings.filter(({ severity }) => severity === 'error').map(({ code }) => code);

  it('lets an equivalent model through and shows what was tested', async () => {
    const { model, report } = await check('equivalent', modelFile('digits-equivalent'));
    expect(codes(model)).toEqual([]);
    expect(model.cases?.cases).toMatchObject([{ kind: 'passed', name: 'test_data_set_0' }]);
    expect(model.cases?.accuracy).toMatchObject({
      rows: 300,
      metrics: [{ metric: 'top-1', outcome: { kind: 'passed' } }, { metric: 'f1' }],
    });
    expect(model.cases?.drift).toMatchObject({ cause: 'model', inputs: 'case', runs: 1 });
    expect(renderJobSummary(report, null)).toContain('Cases: 1 of 1 case passed');
  });

  it('takes the cases beside a model that has a folder of its own, and not its contract', async () => {
    const files = (name: string): Contents => ({
      'quickserveml.yml': {
        text: 'models:\n  own: { path: models/own/model.onnx, contract: models/own/model.contract.json }\n',
      },
      'models/own/model.contract.json': { text: contract },
      'models/own/model.onnx': { file: join(fixtureModel(name), 'model.onnx') },
      ...digitsCase('models/own'),
    });
    remote.commit('own-base', files('digits'), { from: 'main' });
    const { model } = await check('own', files('digits-equivalent'), { base: 'own-base' });
    expect(codes(model)).toEqual([]);
    expect(model.cases?.cases).toMatchObject([{ kind: 'passed', name: 'test_data_set_0' }]);
  });

  it('fails a model whose outputs and accuracy are worse', async () => {
    const { model, exitCode, report } = await check('damaged', modelFile('digits-damaged'));
    expect(codes(model)).toEqual(expect.arrayContaining(['CASE_FAILED']));
    expect(model.gate).toBe('failed');
    expect(exitCode).toBe(1);
    expect(renderJobSummary(report, null)).toContain('elements differ');
    expect(parseReport(JSON.stringify(report)).models[0]?.cases).toEqual(model.cases);
    const hostile = JSON.stringify(report).replace('"topOneAgreement":', '"topOneAgreement":"x","was":');
    expect(() => parseReport(hostile)).toThrow(expect.objectContaining({ code: 'REPORT_INVALID' }));
  });

  it('lets failed cases and a lower accuracy through where both are accepted by name', async () => {
    const strict = CONFIG.replace('min: 0.9,', 'min: 0.999,');
    remote.commit('exact-base', { 'quickserveml.yml': { text: strict } }, { from: 'main' });
    remote.commit('exact', { ...modelFile('digits-damaged') }, { from: 'exact-base' });
    const against = (accept: readonly string[]) => check('exact', {}, { base: 'exact-base', accept });
    const one = await against(['failed-case:digits']);
    expect(one.exitCode).toBe(1);
    expect(codes(one.model)).toEqual(['ACCURACY_BELOW_MINIMUM']);
    const both = await against(['failed-case:digits', 'less-accurate:digits']);
    expect(codes(both.model)).toEqual([]);
    expect(both.model).toMatchObject({
      gate: 'warned',
      accepted: [
        { finding: 'failed-case:digits', by: 'flag' },
        { finding: 'less-accurate:digits', by: 'flag' },
      ],
    });
    expect(both.exitCode).toBe(0);
    const text = renderJobSummary(both.report, null);
    expect(text).toContain('accepted on purpose');
    expect(text).toContain('Accepted on purpose: failed-case:digits');
  });

  it('says of a new model that its accuracy has no baseline', async () => {
    remote.commit(
      'bare',
      { 'models/digits.onnx': null, 'quickserveml.yml': { text: CONFIG } },
      { from: 'main' },
    );
    const { model, exitCode } = await check('new', {}, { base: 'bare' });
    expect(exitCode).toBe(0);
    expect(model.cases?.accuracy?.metrics).toMatchObject([
      { metric: 'top-1', outcome: { kind: 'no-baseline', maxDrop: 0.01 } },
      { metric: 'f1', outcome: { kind: 'passed' } },
    ]);
    expect(model.findings).toContainEqual(
      expect.objectContaining({ code: 'ACCURACY_NO_BASELINE', severity: 'info' }),
    );
  });

  it('holds the accuracy against the limits of the base, whatever the change says', async () => {
    const strict = CONFIG.replace('min: 0.9,', 'min: 0.999,');
    const { model } = await check('strict', {
      ...modelFile('digits-equivalent'),
      'quickserveml.yml': { text: strict },
    });
    expect(codes(model)).toEqual([]);
    remote.commit('strict-base', { 'quickserveml.yml': { text: strict } }, { from: 'main' });
    const lax = await check(
      'lax',
      { ...modelFile('digits-equivalent'), 'quickserveml.yml': { text: CONFIG } },
      { base: 'strict-base' },
    );
    expect(codes(lax.model)).toEqual(['ACCURACY_BELOW_MINIMUM']);
  });

  it('fails a break of the contract file, also where that is changed in the same change', async () => {
    const renamed = JSON.parse(contract.replaceAll('"image"', '"renamed"')) as object;
    const { model, exitCode } = await check('renamed', {
      ...modelFile('digits-renamed-input'),
      'digits.contract.json': { text: JSON.stringify(renamed) },
    });
    expect(model.contract?.kind).toBe('breaking');
    expect(exitCode).toBe(1);
  });

  it('runs the prepare command without tokens, and checks what it made', async () => {
    const script = 'env > env.txt && cp other.onnx models/digits.onnx';
    const text = `${CONFIG}    prepare: "${script}"\n`;
    remote.commit(
      'prepared',
      {
        'quickserveml.yml': { text },
        'other.onnx': { file: join(fixtureModel('digits-damaged'), 'model.onnx') },
      },
      { from: 'main' },
    );
    const cwd = remote.checkout('refs/heads/prepared');
    const env = {
      PATH: process.env['PATH'],
      HOME: remote.folder,
      GITHUB_TOKEN: 'ghs_secret',
      NPM_TOKEN: 'secret',
      MY_API_KEY: 'secret',
      PLAIN: 'kept',
    };
    const { document } = await checkCommand(
      { cwd, base: 'main', model: [], accept: [], record: 'never', budget: '1s', color: false },
      { ...testSurroundings(), env },
    );
    const seen = readFileSync(join(cwd, 'env.txt'), 'utf8');
    expect(seen).toContain('PLAIN=kept');
    expect(seen).not.toMatch(/secret/i);
    const [model] = (document as Report).models;
    expect(model?.findings.map(({ code }) => code)).toContain('CASE_FAILED');
  });

  it('checks a model that is never in git, only made by the prepare command', async () => {
    const text =
      'models:\n  built:\n    path: build/digits.onnx\n    cases: cases\n    prepare: "mkdir -p build && cp other.onnx build/digits.onnx"\n';
    const other = join(fixtureModel('digits-equivalent'), 'model.onnx');
    const contents: Contents = {
      'quickserveml.yml': { text },
      '.gitignore': { text: 'build/\n' },
      'other.onnx': { file: other },
    };
    const { model } = await check('built', contents);
    expect(model).toMatchObject({ name: 'built', path: 'build/digits.onnx' });
    expect(codes(model)).toEqual([]);
    expect(model.cases?.cases).toMatchObject([{ kind: 'passed' }]);
  });

  it('stops where the prepare command fails, with what it wrote', async () => {
    const text = `${CONFIG}    prepare: "echo no torch here >&2; exit 3"\n`;
    const failing = check('unprepared', { 'quickserveml.yml': { text } });
    await expect(failing).rejects.toMatchObject({
      code: 'PREPARE_FAILED',
      message: expect.stringContaining('no torch here'),
    });
  });
});
