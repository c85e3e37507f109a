import { expect, test } from 'vitest';
import { namingAsGiven } from '../../../src/commands/given-paths.ts';

test('files in the working folder are named as they were given', () => {
  const named = namingAsGiven('/work/models', ['inspect', 'a.onnx']);
  expect(named('There is no model file at /work/models/a.onnx.')).toBe('There is no model file at a.onnx.');
  expect(named('"/work/models/a b/c.onnx" and /work/models/d')).toBe('"a b/c.onnx" and d');
});

test('other folders keep their names, also those that end alike', () => {
  const named = namingAsGiven('/work/models', ['inspect', 'a.onnx']);
  for (const text of ['/work/models-2/a.onnx', '/mnt/work/models/a.onnx', '/work/a.onnx', 'in /work/models'])
    expect(named(text)).toBe(text);
});

test('what was given as an absolute path is shown as one', () => {
  const named = namingAsGiven('/work/models', ['inspect', '/work/models/a.onnx']);
  expect(named('/work/models/a.onnx is empty.')).toBe('/work/models/a.onnx is empty.');
});
