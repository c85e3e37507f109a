import { describe, expect, test } from 'vitest';
import { type FileIds, type ModelLocation, modelChanges } from '../../../src/git/model-changes.ts';

const files = (entries: Readonly<Record<string, string | null>>): FileIds => new Map(Object.entries(entries));
const model = (name: string, path = `${name}.onnx`, externalPaths?: string[]): ModelLocation =>
  externalPaths === undefined ? { name, path } : { name, path, externalPaths };

test('the same blob is identical, another one changed, and one that no commit has counts as changed', () => {
  const models = [model('a'), model('b'), model('c')];
  const changes = modelChanges({
    headModels: models,
    headFiles: files({ 'a.onnx': '1', 'b.onnx': '3', 'c.onnx': null }),
    baseModels: models,
    baseFiles: files({ 'a.onnx': '1', 'b.onnx': '2', 'c.onnx': '4' }),
  });
  expect(changes.map(({ name, kind }) => [name, kind])).toEqual([
    ['a', 'identical'],
    ['b', 'changed'],
    ['c', 'changed'],
  ]);
});

describe('external data', () => {
  const models = [model('a', 'm/a.onnx', ['m/a.bin'])];
  test('that changed makes the model changed', () => {
    const [change] = modelChanges({
      headModels: models,
      headFiles: files({ 'm/a.onnx': '1', 'm/a.bin': '8' }),
      baseModels: models,
      baseFiles: files({ 'm/a.onnx': '1', 'm/a.bin': '9' }),
    });
    expect(change?.kind).toBe('changed');
  });

  test('that moved with its model leaves it identical', () => {
    const [change] = modelChanges({
      headModels: models,
      headFiles: files({ 'm/a.onnx': '1', 'm/a.bin': '9' }),
      baseModels: [model('a', 'old/a.onnx')],
      baseFiles: files({ 'old/a.onnx': '1', 'old/a.bin': '9' }),
    });
    expect(change).toEqual({
      kind: 'moved',
      name: 'a',
      path: 'm/a.onnx',
      basePath: 'old/a.onnx',
      identical: true,
    });
  });
});

describe('a model that is elsewhere', () => {
  const changesOf = (head: ModelLocation[], headFiles: FileIds, base: ModelLocation[], baseFiles: FileIds) =>
    modelChanges({ headModels: head, headFiles, baseModels: base, baseFiles });

  test('is found by its name in the configuration, whatever its bytes', () => {
    expect(
      changesOf(
        [model('a', 'new/x.onnx')],
        files({ 'new/x.onnx': '2' }),
        [model('a', 'y.onnx')],
        files({ 'y.onnx': '1' }),
      ),
    ).toEqual([{ kind: 'moved', name: 'a', path: 'new/x.onnx', basePath: 'y.onnx', identical: false }]);
  });

  test('is found by its bytes under a new name', () => {
    expect(
      changesOf(
        [model('b', 'b.onnx')],
        files({ 'b.onnx': '1' }),
        [model('a', 'a.onnx')],
        files({ 'a.onnx': '1' }),
      ),
    ).toEqual([{ kind: 'moved', name: 'b', path: 'b.onnx', basePath: 'a.onnx', identical: true }]);
  });

  test('is found by its file name where it was changed on the way', () => {
    expect(
      changesOf(
        [model('v2/a', 'v2/a.onnx')],
        files({ 'v2/a.onnx': '2' }),
        [model('v1/a', 'v1/a.onnx')],
        files({ 'v1/a.onnx': '1' }),
      ),
    ).toMatchObject([{ kind: 'moved', basePath: 'v1/a.onnx', identical: false }]);
  });

  test('is not guessed where two could be meant', () => {
    expect(
      changesOf(
        [model('n', 'new/a.onnx')],
        files({ 'new/a.onnx': '3' }),
        [model('x', 'x/a.onnx'), model('y', 'y/a.onnx')],
        files({ 'x/a.onnx': '1', 'y/a.onnx': '2' }),
      ).map(({ kind }) => kind),
    ).toEqual(['added', 'deleted', 'deleted']);
  });

  test('is a copy, and so added, where the first one is still there', () => {
    expect(
      changesOf(
        [model('a'), model('copy')],
        files({ 'a.onnx': '1', 'copy.onnx': '1' }),
        [model('a')],
        files({ 'a.onnx': '1' }),
      ).map(({ kind }) => kind),
    ).toEqual(['identical', 'added']);
  });
});

test('a file that was there before anyone configured it is compared, not added', () => {
  const [change] = modelChanges({
    headModels: [model('a')],
    headFiles: files({ 'a.onnx': '2' }),
    baseModels: [],
    baseFiles: files({ 'a.onnx': '1' }),
  });
  expect(change?.kind).toBe('changed');
});

test('a model that is only no longer configured is not deleted', () => {
  expect(
    modelChanges({
      headModels: [],
      headFiles: files({ 'a.onnx': '1' }),
      baseModels: [model('a')],
      baseFiles: files({ 'a.onnx': '1' }),
    }),
  ).toEqual([]);
});
