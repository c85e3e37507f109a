import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DatasetChunk } from '../../../src/cases/dataset.ts';
import { encodeNpy } from '../../../src/cases/npy.ts';
import { openDataset } from '../../../src/cases/open-dataset.ts';
import { makeZip } from '../../../src/cases/zip.ts';
import { modelOf, tensor } from '../contract/payload-fixtures.ts';
import { numbers } from './case-fixtures.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'quickserveml-datasets-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const model = modelOf([tensor('x', 'float32', ['N', 2])]);

async function read(
  name: string,
  content: string | Uint8Array,
  rowsPerChunk = 2,
  options = { label: null as string | null },
  of = model,
): Promise<DatasetChunk[]> {
  const path = join(folder, name);
  writeFileSync(path, content);
  const chunks: DatasetChunk[] = [];
  for await (const chunk of (await openDataset(path, of, options)).chunks(rowsPerChunk)) chunks.push(chunk);
  return chunks;
}

const floats = (chunk: DatasetChunk | undefined): number[] => [
  ...new Float32Array(new Uint8Array(chunk?.inputs[0]?.data as Uint8Array).buffer),
];

const labels = (chunk: DatasetChunk | undefined): readonly (number | string)[] => [
  ...(chunk?.labels.values ?? []),
];

describe('datasets', () => {
  it('are read in chunks from .npz, compressed or not', async () => {
    const arrays = [
      { name: 'x.npy', bytes: encodeNpy(numbers('float32', [3, 2], [1, 2, 3, 4, 5, 6])) },
      { name: 'y.npy', bytes: encodeNpy(numbers('int64', [3], [0n, 1n, 0n])) },
    ];
    const chunks = await read('a.npz', makeZip(arrays));
    expect(chunks.map(({ rows }) => rows)).toEqual([2, 1]);
    expect(chunks.flatMap(floats)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(chunks.flatMap(labels)).toEqual([0, 1, 0]);
    expect(chunks[0]?.inputs[0]?.shape).toEqual([2, 2]);
  });

  it('may be read from the start again', async () => {
    const path = join(folder, 'again.csv');
    writeFileSync(path, 'x[0],x[1],label\n1,2,0\n3,4,1\n');
    const dataset = await openDataset(path, model, { label: null });
    for (let time = 0; time < 2; time++) {
      const rows: number[] = [];
      for await (const chunk of dataset.chunks(10)) rows.push(...floats(chunk));
      expect(rows).toEqual([1, 2, 3, 4]);
    }
  });

  it('are read from CSV by names, and by place where a single input has other names', async () => {
    const byName = await read('b.csv', 'label,x[1],x[0]\n1,2,1\n0,4,3\n1,6,5\n');
    expect(byName.flatMap(floats)).toEqual([1, 2, 3, 4, 5, 6]);
    const byPlace = await read('c.csv', 'amount,age,label\n1,2,cat\n3,4,dog\n');
    expect(byPlace.flatMap(floats)).toEqual([1, 2, 3, 4]);
    expect(byPlace.flatMap(labels)).toEqual(['cat', 'dog']);
  });

  it('are read from JSON lines, nested or flat, with blank lines between', async () => {
    const chunks = await read(
      'd.jsonl',
      '{"inputs": {"x": [1, 2]}, "label": 1}\n\n{"x": [3, 4], "label": 0}\n{"x": [5, "NaN"], "label": 1}',
    );
    expect(chunks.map(({ rows }) => rows)).toEqual([2, 1]);
    expect(chunks.flatMap(floats)).toEqual([1, 2, 3, 4, 5, Number.NaN]);
    expect(chunks.flatMap(labels)).toEqual([1, 0, 1]);
  });

  it.each([
    ['no-label.csv', 'x[0],x[1]\n1,2\n', 'no column of labels'],
    ['empty.csv', '', 'has no records'],
    ['text.csv', 'x[0],x[1],label\n1,two,0\n', 'record 1, column "x": "two" is no float32'],
    ['short.csv', 'x[0],x[1],label\n1,2\n', 'record 1 has 2 fields'],
    ['odd-label.csv', 'x[0],x[1],label\n1,2,0\n1,2,cat\n', 'record 2: the label "cat" is no number'],
    ['wide.csv', 'x[0],x[1],x[2],label\n1,2,3,0\n', '3 columns where 2'],
    ['broken.jsonl', '{"x": [1, 2], "label": 1}\n{"x": [1]', 'line 2'],
    ['ragged.jsonl', '{"x": [1], "label": 1}\n', 'expected 2 numbers, got 1'],
    ['a.npz', 'no zip', 'is no zip archive'],
    ['a.parquet', '', 'no kind of dataset'],
    ['lfs.npz', 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n', 'Git LFS pointer'],
  ])('%s says where it is wrong', async (name, content, message) => {
    await expect(read(name, content)).rejects.toMatchObject({
      code: 'DATASET_INVALID',
      message: expect.stringContaining(message),
    });
  });

  it('refuse arrays of another type, another number of rows, or column by column', async () => {
    const npz = (x: Uint8Array): Uint8Array =>
      makeZip([
        { name: 'x.npy', bytes: x },
        { name: 'y.npy', bytes: encodeNpy(numbers('int64', [3], [0n, 1n, 0n])) },
      ]);
    const wrong = (message: string) =>
      expect.objectContaining({ code: 'DATASET_INVALID', message: expect.stringContaining(message) });
    await expect(
      read('e.npz', npz(encodeNpy(numbers('float64', [3, 2], [1, 2, 3, 4, 5, 6])))),
    ).rejects.toEqual(wrong('is of float64'));
    await expect(read('f.npz', npz(encodeNpy(numbers('float32', [2, 2], [1, 2, 3, 4]))))).rejects.toEqual(
      wrong('2 rows, the labels have 3'),
    );
    const columns = Buffer.from(encodeNpy(numbers('float32', [3, 2], [1, 2, 3, 4, 5, 6])));
    columns.write('True, ', columns.indexOf('False,'), 'latin1');
    await expect(read('g.npz', npz(columns))).rejects.toEqual(wrong('column by column'));
    const cut = encodeNpy(numbers('float32', [3, 2], [1, 2, 3, 4, 5, 6])).subarray(0, 140);
    await expect(read('h.npz', npz(cut))).rejects.toEqual(wrong('ends before its last row'));
  });

  it('cannot feed an input that has no rows', async () => {
    const scalar = modelOf([tensor('x', 'float32', ['N', 2]), tensor('rate', 'int64', [])]);
    await expect(read('i.csv', 'x[0],x[1],label\n1,2,0\n', 2, { label: null }, scalar)).rejects.toMatchObject(
      { code: 'DATASET_INVALID' },
    );
  });
});
