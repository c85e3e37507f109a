import { expect, test } from 'vitest';
import { resolveModels } from '../../../src/config/discovery.ts';
import { applyOverrides } from '../../../src/config/overrides.ts';
import { defaultConfig, parseConfig } from '../../../src/config/parse.ts';
import { encodeSegment } from '../../../src/registry/layout.ts';

const found = (files: readonly string[]) =>
  resolveModels(defaultConfig(), files).map(({ name, path }) => `${name} = ${path}`);

test('models are found by their ending, sorted, and named by their path', () => {
  expect(
    found(['z.ort', 'models/digits.onnx', 'models/encoder/model.onnx', 'README.md', 'model.onnx']),
  ).toEqual([
    'model = model.onnx',
    'models/digits = models/digits.onnx',
    'models/encoder = models/encoder/model.onnx',
    'z = z.ort',
  ]);
});

test('dependencies, hidden folders and test data are not models', () => {
  expect(
    found([
      'node_modules/a/m.onnx',
      '.cache/m.onnx',
      'a/.hidden.onnx',
      'cases/test_data_set_0/m.onnx',
      'm.onnx.bak',
    ]),
  ).toEqual([]);
});

test('each model has its own name, whatever the files are called', () => {
  expect(
    found([
      'a.onnx',
      'a.ort',
      'a/model.onnx',
      'A.onnx',
      'my model (v2).onnx',
      '模型.onnx',
      'x/versions/m.onnx',
      '_x.onnx',
    ]),
  ).toEqual([
    'A = A.onnx',
    'x = _x.onnx',
    'a.onnx = a.onnx',
    'a.ort = a.ort',
    'a/model = a/model.onnx',
    'my-model-v2 = my model (v2).onnx',
    'x/versions/m = x/versions/m.onnx',
    'model = 模型.onnx',
  ]);
});

test('configured models are taken as they are, whatever files there are', () => {
  const config = parseConfig({ text: 'models: { b: { path: b.onnx }, a: { path: a.bin } }', path: 'q.yml' });
  expect(resolveModels(config, ['c.onnx']).map(({ name }) => name)).toEqual(['b', 'a']);
});

test('found models have the defaults of the file', () => {
  const config = parseConfig({
    text: 'defaults: { policy: { latency: { max-regression: 9% } } }',
    path: 'q.yml',
  });
  expect(resolveModels(config, ['c.onnx'])[0]?.policy.latency.maxRegression).toBe(0.09);
});

test('flags win over the file, for every model, and leave the rest and the original alone', () => {
  const text =
    'models: { a: { path: a.onnx, benchmark: { budget: 10s, threads: 2 } } }\nregistry: { record: never }';
  const config = parseConfig({ text, path: 'q.yml' });
  const before = structuredClone(config);
  const overridden = applyOverrides(config, {
    budgetMs: 5000,
    record: 'always',
    comment: false,
    threads: undefined,
  });
  expect(overridden.models?.[0]?.benchmark).toEqual({ budgetMs: 5000, threads: 2, seed: 7 });
  expect(overridden.defaults.benchmark).toEqual({ budgetMs: 5000, threads: 1, seed: 7 });
  expect(overridden.registry).toEqual({ ...config.registry, record: 'always' });
  expect(overridden.comment).toEqual({ enabled: false, key: 'default' });
  expect(structuredClone(config)).toEqual(before);
  expect(applyOverrides(config, {})).toEqual(config);
});

test('names that are too long for the registry lose their beginning, and stay different', () => {
  const folder = Array(40).fill('A folder').join('/');
  const names = resolveModels(defaultConfig(), [
    `${folder}/a.onnx`,
    `${folder}/b.onnx`,
    `x${folder}/b.onnx`,
  ]).map(({ name }) => name);
  expect(new Set(names).size).toBe(3);
  expect(names.every(name => encodeSegment(name).length <= 200)).toBe(true);
  expect(names[0]).toMatch(/A-folder\/a$/);
});
