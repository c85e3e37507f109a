import { expect, test } from 'vitest';
import { namingAsGiven } from '../../../src/commands/given-paths.ts';

test('files in the working folder are named as they were given', () => {
  const named = namingAsGiven('/srv/models', ['inspect', 'a.onnx']);
  expect(named('There is no model file at /srv/models/a.onnx.')).toBe('There is no model file at a.onnx.');
  expect(named('"/srv/models/a b/c.onnx" and /srv/models/d')).toBe('"a b/c.onnx" and d');
});

test('other folders keep their names, also those that end alike', () => {
  const named = namingAsGiven('/srv/models', ['inspect', 'a.onnx']);
  for (const text of ['/srv/models-2/a.onnx', '/mnt/srv/models/a.onnx', '/srv/a.onnx', 'in /srv/models'])
    expect(named(text)).toBe(text);
});

test('what was given as an absolute path is shown as one', () => {
  const named = namingAsGiven('/srv/models', ['inspect', '/srv/models/a.onnx']);
  expect(named('/srv/models/a.onnx is empty.')).toBe('/srv/models/a.onnx is empty.');
});
