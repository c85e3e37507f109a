import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { benchmarkCommand } from '../../src/commands/benchmark.ts';
import { givenInputs } from '../../src/commands/check/given-inputs.ts';
import { checkCommand } from '../../src/commands/check-command.ts';
import { interfaceOf } from '../../src/model/model-interface.ts';
import { readModel } from '../../src/model/model-reader.ts';
import { REPORT_FORMATS } from '../../src/report/formats.ts';
import type { ModelReport, Report } from '../../src/report/report.ts';
import { parseReport } from '../../src/report/report-parsing.ts';
import { createTestRemote, fixtureModel, type TestRemote } from '../support/pull-request.ts';
import { lacks, projectRoot } from '../support/requirements.ts';
import { testSurroundings } from '../support/surroundings.ts';

const digits = join(fixtureModel('digits'), 'model.onnx');

const config = (profiles: string): string => `
models:
  digits:
    path: models/digits.onnx
    profiles: ${profiles}
    policy:
      throughput: { min: 1000000000 }
`;

describe.skipIf(lacks('runtime'))('a check with several input profiles', () => {
  let remote: TestRemote;
  let report: Report;
  let model: ModelReport;

  beforeAll(async () => {
    remote = createTestRemote();
    remote.commit('main', {
      'quickserveml.yml': { text: config('{ typical: { dims: { batch: 4 } }, gone: {} }') },
      'rows.npz': { file: join(projectRoot, 'fixtures/datasets/digits.npz') },
      'models/digits.onnx': { file: digits },
    });
    remote.commit(
      'change',
      {
        'quickserveml.yml': {
          text: config(
            '{ typical: { dims: { batch: 4 }, dataset: rows.npz }, large: { dims: { batch: [1, 8] } } }',
          ),
        },
        'models/digits.onnx': { file: join(fixtureModel('digits-equivalent'), 'model.onnx') },
      },
      { from: 'main' },
    );
    const { document } = await checkCommand(
      {
        cwd: remote.checkout('refs/heads/change'),
        base: 'main',
        model: [],
        accept: [],
        record: 'never',
        budget: '24s',
        color: false,
      },
      { ...testSurroundings(), env: { PATH: process.env['PATH'], HOME: remote.folder } },
    );
    report = document as Report;
    const [first] = report.models;
    if (first === undefined) throw new Error('no model was checked');
    model = first;
  });
  afterAll(() => remote[Symbol.dispose]());

  const of = (metric: string) => model.metrics.filter(each => each.metric === metric);

  it('measures each profile with each of its sizes, and what the inputs do not change once', () => {
    const all = ['typical', 'large, batch=1', 'large, batch=8', 'gone'];
    expect(of('latency').map(({ workload }) => workload)).toEqual(all);
    expect(of('memory').map(({ workload }) => workload)).toEqual(all);
    expect(of('load-time').map(({ workload }) => workload)).toEqual([undefined]);
    const [, one, eight] = of('latency');
    expect(eight?.candidate ?? 0).toBeGreaterThan(2 * (one?.candidate ?? Number.POSITIVE_INFINITY));
  });

  it('says what they were fed with, the same bytes for base and candidate', () => {
    if (model.measurement.kind !== 'interleaved') throw new Error('it was not measured');
    const { inputs } = model.measurement;
    expect(inputs?.map(({ feedOrigin }) => feedOrigin)).toEqual(['dataset', 'synthetic', 'synthetic']);
    expect(new Set(inputs?.map(({ feedDigest }) => feedDigest)).size).toBe(3);
    expect(inputs?.every(({ baseFeedDigest }) => baseFeedDigest === undefined)).toBe(true);
    expect(model.measurement.noise?.trust).toMatch(/can be told|too few launches/);
  });

  it('names a profile that is not measured any more, as a warning', () => {
    expect(of('latency').at(-1)?.outcome.kind).toBe('disappeared');
    const text = REPORT_FORMATS.text.render(report, { commentKey: 'x', color: false, reportUrl: null });
    expect(text).toContain('disappeared-latency');
  });

  it('fails a throughput under its smallest value, and names the inputs in every format', () => {
    expect(model.gate).toBe('failed');
    expect(of('throughput').map(({ outcome }) => outcome.kind)).toContain('under-limit');
    expect(of('throughput')[0]?.candidate).toBeCloseTo(4000 / (of('latency')[0]?.candidate ?? 0), 6);
    const parsed = parseReport(JSON.stringify(report));
    for (const [name, format] of Object.entries(REPORT_FORMATS)) {
      const text = format.render(parsed, { commentKey: 'x', color: false, reportUrl: null });
      expect(text.replaceAll('\\', ''), name).toMatch(/large, batch=8|under-limit/);
      if (!['sarif', 'codequality'].includes(name))
        expect(text.replaceAll('\\', ''), name).toContain('batch=8');
    }
  });
});

describe('rows of a dataset as inputs', () => {
  const model = interfaceOf(readModel(digits));
  const read = (file: string, batch: number) =>
    givenInputs({ casesPath: null, datasetPath: file, dims: { batch } }, model, {
      root: '/',
      modelPath: 'unused.onnx',
    });

  it('are as many as the first dimension has, in the order of the file', async () => {
    const file = join(projectRoot, 'fixtures/datasets/digits.npz');
    const [two, three] = await Promise.all([read(file, 2), read(file, 3)]);
    const rows = (given: typeof two) => (given !== null && 'rows' in given ? given.rows : []);
    expect(rows(two)).toMatchObject([{ name: 'image', shape: [2, 1, 28, 28] }]);
    const [small, large] = [rows(two)[0]?.data as Uint8Array, rows(three)[0]?.data as Uint8Array];
    expect(large.subarray(0, small.length)).toEqual(small);
  });

  it('are an error where there are too few or one cannot be read', async () => {
    const file = join(projectRoot, 'fixtures/datasets/digits.npz');
    await expect(read(file, 10_000)).rejects.toMatchObject({ code: 'INPUTS_UNAVAILABLE' });
    const folder = mkdtempSync(join(tmpdir(), 'quickserveml-rows-'));
    try {
      const bad = join(folder, 'bad.ndjson');
      writeFileSync(bad, '{"inputs": {"image": "no"}}\n');
      await expect(read(bad, 1)).rejects.toMatchObject({ code: 'INPUTS_UNAVAILABLE' });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe.skipIf(lacks('runtime'))('benchmark', () => {
  const options = { model: digits, budget: '3s', threads: 1, provider: 'cpu', seed: 7, cwd: projectRoot };

  it('measures every size of --batch', async () => {
    const { document, text } = await benchmarkCommand({ ...options, batch: '1,8' }, testSurroundings());
    expect(document).toMatchObject({ workloads: [{ name: 'batch=1' }, { name: 'batch=8', rows: 8 }] });
    expect(text).toContain('latency, median (batch=8)');
  });

  it('compares a model with its base under load and in memory, each by its own statistic', async () => {
    const { document, text } = await benchmarkCommand(
      { ...options, against: digits, scenario: ['memory', 'throughput'], duration: '1s', concurrency: 1 },
      testSurroundings(),
    );
    const { comparedScenarios } = document as {
      comparedScenarios: readonly { scenario: string; comparisons: readonly { statistic: string }[] }[];
    };
    expect(comparedScenarios.map(({ comparisons }) => comparisons.map(({ statistic }) => statistic))).toEqual(
      [['memory', 'growth'], ['response']],
    );
    // The same file on both sides: whatever the machine does meanwhile, it is no regression of memory.
    expect(text).toMatch(/growth .*unchanged/);
    expect(text).not.toMatch(/^ {2}memory .*regressed/m);
  });

  it('refuses sizes that are none, and a batch where the model has none', async () => {
    await expect(benchmarkCommand({ ...options, batch: '1,x' }, testSurroundings())).rejects.toMatchObject({
      code: 'USAGE',
    });
    await expect(
      benchmarkCommand({ ...options, dim: ['batch=0'] }, testSurroundings()),
    ).rejects.toMatchObject({
      code: 'USAGE',
    });
  });
});
