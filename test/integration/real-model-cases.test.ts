import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { CasesReport } from '../../src/cases/cases-report.ts';
import type { CommandResult } from '../../src/commands/command-result.ts';
import { schemaCommand } from '../../src/commands/schema.ts';
import { type TestOptions, testCommand } from '../../src/commands/test-cases.ts';
import { validateCommand } from '../../src/commands/validate.ts';
import { fixtureModel } from '../support/pull-request.ts';
import { lacks, modelsFolder, projectRoot } from '../support/requirements.ts';
import { testSurroundings } from '../support/surroundings.ts';

interface ManifestModel {
  readonly name: string;
  readonly file: string;
  readonly data: { readonly dir: string } | null;
  readonly ort: { readonly load: string; readonly run: string | null; readonly matchesExpected?: boolean };
}

const test = (options: Partial<TestOptions> & { readonly model: string }): Promise<CommandResult> =>
  testCommand(
    { metric: [], seed: 7, provider: 'cpu', threads: 1, cwd: projectRoot, ...options },
    testSurroundings(),
  );

describe.skipIf(lacks('models') || lacks('runtime'))('cases of real models', () => {
  const manifest = lacks('models')
    ? []
    : (JSON.parse(readFileSync(join(modelsFolder, 'manifest.json'), 'utf8')) as ManifestModel[]);
  const withReference = manifest.filter(({ data }) => data?.dir === 'test_data_set_0');

  it('are there', () => expect(withReference.length).toBeGreaterThan(10));

  it.each(withReference)(
    '$name passes, differs or is not run as the manifest says',
    async ({ file, data, ort }) => {
      const model = join(modelsFolder, file);
      const { document, exitCode } = await test({ model, cases: join(model, '..', data?.dir ?? '') });
      const [outcome] = (document as CasesReport).cases;
      if (ort.run !== 'ok') {
        // What the reader can foresee is not run; what only the runtime knows (a locale) is an error with its words.
        expect(['not-runnable', 'error']).toContain(outcome?.kind);
        return;
      }
      expect(outcome?.kind).toBe(ort.matchesExpected === true ? 'passed' : 'failed');
      expect(exitCode).toBe(ort.matchesExpected === true ? 0 : 1);
    },
  );

  it('say plainly that node_dft differs only near zero', async () => {
    const folder = join(modelsFolder, 'node_dft');
    const { text, document } = await test({ model: join(folder, 'model.onnx'), cases: folder });
    expect(text).toContain('20 of 200 elements differ (10 %');
    expect(text).toContain('first at [0][0][0][1] expected 0');
    expect(text).toContain('all of them near zero');
    const suggested = /an absolute tolerance of (\S+) takes it/.exec(text)?.[1];
    const again = await test({ model: join(folder, 'model.onnx'), cases: folder, atol: String(suggested) });
    expect(again.exitCode).toBe(0);
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  });
});

describe.skipIf(lacks('runtime'))('commands on the fixtures', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quickserveml-commands-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const digits = join(fixtureModel('digits'), 'model.onnx');
  const dataset = join(projectRoot, 'fixtures/datasets/digits.npz');

  it('judge a damaged model against a good one on labelled rows', async () => {
    const damaged = join(fixtureModel('digits-damaged'), 'model.onnx');
    const { document, exitCode } = await test({
      model: damaged,
      against: digits,
      dataset,
      metric: ['top-1 drop<=0.01', 'f1'],
    });
    const { accuracy } = document as CasesReport;
    const [top] = accuracy?.metrics ?? [];
    expect(top?.outcome.kind).toBe(
      (top?.drop ?? 0) > 0.01 && (top?.test?.pValue ?? 1) <= 0.01 ? 'dropped' : top?.outcome.kind,
    );
    expect(exitCode).toBe(accuracy?.metrics.some(({ outcome }) => outcome.kind === 'dropped') ? 1 : 0);
    expect(accuracy?.rows).toBe(300);
  });

  it('tell that the same bytes in the same runtime do not drift', async () => {
    const { document } = await test({ model: digits, against: digits, cases: join(digits, '..') });
    expect((document as CasesReport).drift).toMatchObject({
      cause: 'nothing',
      outputs: [{ cosine: expect.closeTo(1, 12), statistics: { largestAbsolute: null, differing: 0 } }],
    });
  });

  it('tell a difference that comes from another runtime from one of the model', async () => {
    const other = join(folder, 'other-runtime');
    cpSync(join(projectRoot, 'node_modules/onnxruntime-node'), other, {
      recursive: true,
      filter: path => !path.endsWith('package.json'),
    });
    cpSync(
      join(projectRoot, 'node_modules/onnxruntime-common'),
      join(folder, 'node_modules/onnxruntime-common'),
      { recursive: true },
    );
    const manifest = JSON.parse(
      readFileSync(join(projectRoot, 'node_modules/onnxruntime-node/package.json'), 'utf8'),
    ) as object;
    writeFileSync(join(other, 'package.json'), JSON.stringify({ ...manifest, version: '1.29.0' }));
    const { document } = await test({ model: digits, againstRuntimePath: other });
    expect((document as CasesReport).drift).toMatchObject({ cause: 'runtime', inputs: 'case' });
  });

  it('give a schema whose example the model takes, and refuse a payload with the place of the mistake', async () => {
    const schema = await schemaCommand({ model: digits, cwd: folder, output: 'schema.json' });
    expect(JSON.parse(readFileSync(join(folder, 'schema.json'), 'utf8'))).toEqual(schema.document);
    await expect(schemaCommand({ model: digits, cwd: folder, output: 'digits.ONNX' })).rejects.toMatchObject({
      code: 'OUTPUT_UNWRITABLE',
      message: expect.stringContaining('is named like a model'),
    });
    const { document: example } = await schemaCommand({ model: digits, cwd: folder, example: true });
    writeFileSync(join(folder, 'good.json'), JSON.stringify(example));
    expect((await validateCommand({ model: digits, input: 'good.json', cwd: folder })).exitCode).toBe(0);
    const image = (example as { inputs: { image: number[][][][] } }).inputs.image;
    image[0]![0]![3]!.pop();
    writeFileSync(join(folder, 'bad.json'), JSON.stringify({ inputs: { image } }));
    const refused = await validateCommand({ model: digits, input: 'bad.json', cwd: folder });
    expect(refused).toMatchObject({
      exitCode: 1,
      text: 'inputs.image[0][0][3]: expected 28 numbers, got 27',
    });
  });

  it('refuse what they are asked for wrongly', async () => {
    const usage = expect.objectContaining({ code: 'USAGE' });
    await expect(test({ model: join(fixtureModel('hang-run'), 'model.onnx') })).rejects.toEqual(usage);
    await expect(test({ model: digits, dataset, update: true })).rejects.toEqual(usage);
    await expect(test({ model: digits, metric: ['f1'] })).rejects.toMatchObject({
      code: 'USAGE',
      hint: 'Give it with --dataset FILE.',
    });
    await expect(test({ model: digits, dataset, metric: ['accuracy drop<=0.01'] })).rejects.toMatchObject({
      code: 'USAGE',
      hint: 'Name the model from before: --against MODEL.',
    });
    await expect(validateCommand({ model: digits, cwd: folder })).rejects.toEqual(usage);
    await expect(validateCommand({ model: digits, input: 'none.json', cwd: folder })).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
    });
    writeFileSync(join(folder, 'nan.json'), '{"inputs": {"image": [NaN]}}');
    await expect(validateCommand({ model: digits, input: 'nan.json', cwd: folder })).rejects.toMatchObject({
      code: 'PAYLOAD_INVALID',
    });
    expect(existsSync(join(folder, 'none.json'))).toBe(false);
  });
});
