import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeCaseProto } from '../../../src/cases/case-proto.ts';
import { casesBeside, readCases } from '../../../src/cases/case-reader.ts';
import type { ModelRunner, NamedTensor } from '../../../src/cases/case-value.ts';
import { writeExpected } from '../../../src/cases/case-writer.ts';
import { encodeNpy } from '../../../src/cases/npy.ts';
import { runCases } from '../../../src/cases/run-cases.ts';
import { makeZip } from '../../../src/cases/zip.ts';
import { QuickServeError } from '../../../src/shared/errors.ts';
import { silentProgress } from '../../../src/shared/progress.ts';
import { encodeTensorProto } from '../../../src/shared/tensor-proto.ts';
import { modelOf, tensor } from '../contract/payload-fixtures.ts';
import { named, numbers } from './case-fixtures.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quickserveml-cases-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const model = modelOf([tensor('x', 'float32', ['N', 2])], [tensor('y', 'float32', ['N', 2])]);
const x = numbers('float32', [1, 2], [1, 2]);
const y = numbers('float32', [1, 2], [2, 4]);

/** Doubles its input. */
const doubling: ModelRunner = {
  run: async feeds =>
    feeds.map(feed => ({
      ...feed,
      name: 'y',
      data: new Uint8Array(
        Float32Array.from(
          new Float32Array(new Uint8Array(feed.data as Uint8Array).buffer),
          value => value * 2,
        ).buffer,
      ),
    })),
  runMany: () => Promise.reject(new Error('not used')),
};
const runAll = (runner: ModelRunner, update = false) =>
  runCases({
    cases: readCases(folder, model),
    runner,
    tolerances: {},
    update: update ? (test, outputs) => writeExpected(test, outputs, model) : null,
    progress: silentProgress,
  });

function put(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}

/** The same case in every layout that is read. */
const layouts: readonly (readonly [string, (expected: typeof y) => void])[] = [
  [
    'test_data_set_0',
    expected => {
      put('test_data_set_0/input_0.pb', encodeTensorProto(x, 'x'));
      put('test_data_set_0/output_0.pb', encodeTensorProto(expected, 'y'));
    },
  ],
  [
    'numbered',
    expected => {
      put('numbered/input_0.npy', encodeNpy(x));
      put('numbered/output_0.npy', encodeNpy(expected));
    },
  ],
  [
    'two',
    expected => {
      put('two/inputs.npz', makeZip([{ name: 'x.npy', bytes: encodeNpy(x) }]));
      put('two/outputs.npz', makeZip([{ name: 'y.npy', bytes: encodeNpy(expected) }]));
    },
  ],
  [
    'one.npz',
    expected =>
      put(
        'one.npz',
        makeZip([
          { name: 'x.npy', bytes: encodeNpy(x) },
          { name: 'y.npy', bytes: encodeNpy(expected) },
        ]),
      ),
  ],
  [
    'one.json',
    expected =>
      put(
        'one.json',
        JSON.stringify({
          inputs: { x: [[1, 2]] },
          outputs: { y: [[...new Float32Array((expected.data as Uint8Array).slice().buffer)]] },
        }),
      ),
  ],
  [
    'one.csv',
    expected =>
      put(
        'one.csv',
        `x[0],x[1],y[0],y[1]\n1,2,${[...new Float32Array((expected.data as Uint8Array).slice().buffer)].join(',')}\n`,
      ),
  ],
];

describe('cases in files', () => {
  it.each(layouts)(
    '%s: passes where it is right, fails where it is not, and passes after --update',
    async (name, write) => {
      write(y);
      expect(await runAll(doubling)).toMatchObject([{ kind: 'passed', name }]);
      write(numbers('float32', [1, 2], [2, 5]));
      expect(await runAll(doubling)).toMatchObject([
        {
          kind: 'failed',
          name,
          outputs: [
            {
              output: 'y',
              statistics: { differing: 1, first: { index: [0, 1], expected: '5', actual: '4' } },
            },
          ],
        },
      ]);
      expect(await runAll(doubling, true)).toMatchObject([
        { kind: 'updated', name, changed: [{ output: 'y' }] },
      ]);
      expect(await runAll(doubling)).toMatchObject([{ kind: 'passed', name }]);
    },
  );

  it('are read in the order of their numbers, with hidden and foreign files left out', () => {
    for (const number of [10, 2]) put(`test_data_set_${number}/input_0.pb`, encodeTensorProto(x, 'x'));
    put('.hidden/input_0.pb', 'no');
    put('README.md', 'about');
    put('package.json', '{}');
    expect([...readCases(folder, model)].map(({ name }) => name)).toEqual([
      'test_data_set_2',
      'test_data_set_10',
    ]);
  });

  it('beside a model are those in the layout of ONNX: its contract, labels and tables are none', () => {
    const file = join(folder, 'model.onnx');
    put('model.contract.json', '{"contractVersion": 1, "inputs": [], "outputs": []}');
    expect(() => [...readCases(folder, model)]).toThrow(expect.objectContaining({ code: 'CASES_NOT_FOUND' }));
    put('labels.csv', 'class,name\n0,zero\n');
    put('inputs.json', '{"x": [[1, 2]]}');
    put('preprocessing/inputs.json', '{"mean": [[1, 2]]}');
    expect(casesBeside(file)).toBeNull();
    put('test_data_set_0/input_0.pb', encodeTensorProto(x, 'x'));
    expect([...readCases(casesBeside(file)!, model)].map(({ name }) => name)).toEqual(['test_data_set_0']);
  });

  it('match inputs by name where every file has one, else by number', () => {
    const two = modelOf([tensor('a', 'float32', [1]), tensor('b', 'float32', [1])]);
    const one = (value: number) => numbers('float32', [1], [value]);
    put('named/input_0.pb', encodeTensorProto(one(1), 'b'));
    put('named/input_1.pb', encodeTensorProto(one(2), 'a'));
    put('plain/input_0.pb', encodeTensorProto(one(1), ''));
    put('plain/input_1.pb', encodeTensorProto(one(2), 'whatever'));
    const names = [...readCases(folder, two)].map(({ inputs }) => inputs.map(({ name }) => name));
    expect(names).toEqual([
      ['b', 'a'],
      ['a', 'b'],
    ]);
  });

  it('have tolerances of their own, by output', async () => {
    put('near/input_0.pb', encodeTensorProto(x, 'x'));
    put('near/output_0.pb', encodeTensorProto(numbers('float32', [1, 2], [2.4, 4]), 'y'));
    expect(await runAll(doubling)).toMatchObject([{ kind: 'failed' }]);
    put('near/tolerance.json', '{"y": {"absolute": 0.5}}');
    expect(await runAll(doubling)).toMatchObject([{ kind: 'passed' }]);
    put('near/tolerance.json', '{"y": {"abs": 0.5}}');
    expect(() => [...readCases(folder, model)]).toThrow(expect.objectContaining({ code: 'CASE_INVALID' }));
  });

  it('without expected outputs are no failure, and say so', async () => {
    put('new/input_0.pb', encodeTensorProto(x, 'x'));
    expect(await runAll(doubling)).toEqual([{ kind: 'no-reference', name: 'new' }]);
    expect(await runAll(doubling, true)).toEqual([{ kind: 'updated', name: 'new', changed: [] }]);
    expect(await runAll(doubling)).toMatchObject([{ kind: 'passed' }]);
  });

  it('with sequences are read, and not run, since the runtime cannot be fed with them', async () => {
    const sequences = modelOf([
      { name: 's', kind: 'sequence', dtype: 'float32', shape: [2], type: 'seq(tensor(float))' },
    ]);
    put(
      'seq/input_0.pb',
      encodeCaseProto({ kind: 'sequence', elements: [{ kind: 'tensor', tensor: x }] }, 's'),
    );
    const outcomes = await runCases({
      cases: readCases(folder, sequences),
      runner: doubling,
      tolerances: {},
      update: null,
      progress: silentProgress,
    });
    expect(outcomes).toMatchObject([{ kind: 'not-runnable', reason: expect.stringContaining('sequence') }]);
  });

  it('that fail to run do not stop the others', async () => {
    put('a/input_0.pb', encodeTensorProto(x, 'x'));
    put('b/input_0.pb', encodeTensorProto(x, 'x'));
    let calls = 0;
    const flaky: ModelRunner = {
      ...doubling,
      run: (feeds: readonly NamedTensor[]) => {
        calls += 1;
        if (calls > 1) return doubling.run(feeds);
        throw new QuickServeError({ code: 'MODEL_RUN_FAILED', message: 'wrong shape', hint: '' });
      },
    };
    expect(await runAll(flaky)).toMatchObject([
      { kind: 'error', name: 'a', error: { code: 'MODEL_RUN_FAILED' } },
      { kind: 'no-reference', name: 'b' },
    ]);
  });

  it.each([
    ['a/input_0.pb', Buffer.from('not a tensor'), 'CASE_INVALID'],
    ['a/input_5.pb', encodeTensorProto(x, 'q'), 'CASE_INVALID'],
    ['a.json', '{"inputs": {"z": [1]}}', 'CASE_INVALID'],
    ['a.json', '{"inputs": {"x": [[1, 2, 3]]}}', 'CASE_INVALID'],
    ['a.json', '{"inputs": {}}', 'CASE_INVALID'],
    ['a.npz', 'no zip', 'CASE_INVALID'],
    ['a.csv', 'x[0],x[1]\n', 'CASE_INVALID'],
    ['nothing.txt', '', 'CASES_NOT_FOUND'],
  ])('%s that is wrong is an error that names it', (path, content, code) => {
    put(path, content);
    expect(() => [...readCases(folder, model)]).toThrow(expect.objectContaining({ code }));
  });

  it('that are Git LFS pointers say so', () => {
    put('a/input_0.pb', 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n');
    expect(() => [...readCases(folder, model)]).toThrow('Git LFS pointer');
  });

  it('that are given as one file or one folder are read alone', () => {
    put('one/input_0.pb', encodeTensorProto(x, 'x'));
    put('two/input_0.pb', encodeTensorProto(x, 'x'));
    expect([...readCases(join(folder, 'one'), model)].map(({ name }) => name)).toEqual(['one']);
    expect(() => [...readCases(join(folder, 'three'), model)]).toThrow(
      expect.objectContaining({ code: 'CASES_NOT_FOUND' }),
    );
  });

  it('of which an output disappeared from the model lose its file on --update', async () => {
    put('a/input_0.pb', encodeTensorProto(x, 'x'));
    put('a/output_0.pb', encodeTensorProto(y, 'y'));
    cpSync(join(folder, 'a/output_0.pb'), join(folder, 'a/output_1.pb'));
    const test = {
      ...[...readCases(folder, { ...model, outputs: [...model.outputs, tensor('z', 'float32', [1])] })][0]!,
    };
    writeExpected(test, [{ name: 'y', value: { kind: 'tensor', tensor: named('y', y) } }], model);
    expect(() => readFileSync(join(folder, 'a/output_1.pb'))).toThrow();
    expect(readFileSync(join(folder, 'a/output_0.pb')).length).toBeGreaterThan(0);
  });
});
