import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { ModelRunner, NamedTensor } from '../../../src/cases/case-value.ts';
import { encodeNpy } from '../../../src/cases/npy.ts';
import { openRecords, recordsOfStream } from '../../../src/cases/records/open-records.ts';
import { type RecordForm, type RecordReading, recordFormOf } from '../../../src/cases/records/record.ts';
import { type RecordText, splitJsonArray, splitLines } from '../../../src/cases/records/record-text.ts';
import { type RecordResult, runRecords } from '../../../src/cases/records/run-records.ts';
import { makeZip } from '../../../src/cases/zip.ts';
import type { Dimension, ModelInterface } from '../../../src/model/inspection.ts';

const folder = mkdtempSync(join(tmpdir(), 'quickserveml-records-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const modelOf = (input: readonly Dimension[], output: readonly Dimension[]) =>
  ({
    inputs: [{ name: 'x', kind: 'tensor', dtype: 'float32', shape: input }],
    outputs: [{ name: 'y', kind: 'tensor', dtype: 'float32', shape: output }],
  }) as unknown as ModelInterface;

const form = recordFormOf(modelOf(['n', 2], ['n', 2]));

async function* piecesOf(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const textsOf = (records: readonly RecordText[]): readonly string[] =>
  records.map(record => (record.kind === 'text' ? record.bytes.toString() : `over ${record.limitBytes}`));

const floats = (tensor: NamedTensor | undefined): readonly number[] => [
  ...new Float32Array(new Uint8Array(tensor?.data as Uint8Array).buffer),
];

/** y = 2 x, and a run with a 13 in it fails; counts the rows of each run. */
function doubler(runs: number[]): ModelRunner {
  const run = async (feeds: readonly NamedTensor[]): Promise<readonly NamedTensor[]> => {
    const [x] = feeds;
    runs.push(x!.shape[0]!);
    await new Promise(resolve => setImmediate(resolve));
    const values = floats(x);
    if (values.includes(13)) throw new RangeError('13 is not wanted');
    return [{ ...x!, name: 'y', data: new Uint8Array(Float32Array.from(values, v => 2 * v).buffer) }];
  };
  return { run, runMany: sets => Promise.all(sets.map(run)) };
}

const isRecordFault = (error: unknown): boolean => error instanceof RangeError;
const summary = (results: readonly RecordResult[]): readonly unknown[] =>
  results.map(result =>
    result.kind === 'done' ? [result.number, ...floats(result.outputs[0])] : [result.number, result.message],
  );

describe('texts of records', () => {
  it.each([1, 3, 1000])('are lines without the blank ones, in pieces of %i bytes', async size => {
    const text = '{"a": 1}\n\n  \r\n"\u00e9"\nlast';
    expect(textsOf(await all(splitLines(piecesOf(text, size))))).toEqual(['{"a": 1}', '"\u00e9"', 'last']);
  });

  it('skips a line that is too long without holding it, and goes on', async () => {
    const text = `1\n${'x'.repeat(50)}\n2`;
    expect(textsOf(await all(splitLines(piecesOf(text, 7), 10)))).toEqual(['1', 'over 10', '2']);
  });

  it.each([1, 4, 1000])('are the elements of a JSON array, in pieces of %i bytes', async size => {
    const text = ' [ {"a": "],\\"["}, [1, [2]],3 ]\n';
    expect(textsOf(await all(splitJsonArray(piecesOf(text, size)))).map(each => JSON.parse(each))).toEqual([
      { a: '],"[' },
      [1, [2]],
      3,
    ]);
  });

  it('takes a document that is no array as one record', async () => {
    expect(textsOf(await all(splitJsonArray(piecesOf('{"a": [1, 2]}', 3))))).toEqual(['{"a": [1, 2]}']);
  });

  it.each([
    ['[1, 2', 'ends inside its array'],
    ['[1] 2', 'after the end of its array'],
  ])('refuses %s', async (text, message) => {
    await expect(all(splitJsonArray(piecesOf(text, 2)))).rejects.toThrow(message);
  });
});

describe('the form of records', () => {
  it.each([
    [['n', 2], ['n', 2], 'row', null],
    [[null, 2], ['n', 1], 'row', null],
    [[1, 2], [1, 2], 'row', 1],
    // The output does not follow the input: rows cannot be told apart afterwards.
    [['n', 2], [1], 'row', 1],
    [['n', 2], ['m', 2], 'row', 1],
    [[8, 2], [8, 2], 'whole', 1],
    [[], [], 'whole', 1],
  ] as const)('of %j to %j is %s, at most %s a run', (input, output, kind, largestBatch) => {
    expect(recordFormOf(modelOf(input, output))).toMatchObject({ kind, largestBatch });
  });
});

describe('readings of records', () => {
  const read = (lines: readonly string[]): Promise<readonly RecordReading[]> =>
    all(recordsOfStream('test', piecesOf(lines.join('\n'), 16), form).records);

  it('accept inputs under a key, the inputs themselves, a bare value and instances', async () => {
    const records = await read([
      '{"id": "a", "inputs": {"x": [1, 2]}}',
      '{"x": [3, 4]}',
      '[5, 6]',
      '{"instances": [[7, 8], {"x": [9, 10]}]}',
    ]);
    expect(records.map(record => (record.kind === 'record' ? floats(record.tensors[0]) : record))).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
      [9, 10],
    ]);
    expect(records.map(({ number, id }) => [number, id])).toEqual([
      [1, 'a'],
      [2, null],
      [3, null],
      [4, null],
      [5, null],
    ]);
  });

  it('report a bad record by its number and say nothing of its content where it is not JSON', async () => {
    const records = await read(['[1, 2]', 'secret!', '[1]', '{"y": 1}', '["a", 2]', '[3, 4]']);
    expect(records.map(record => (record.kind === 'bad' ? record.message : 'good'))).toEqual([
      'good',
      'it is not JSON',
      'x: expected 2 numbers, got 1',
      'it has no input "x"',
      'x[0]: expected a number of float32 (at most 3.4028234663852886e+38 in size), got the string "a"',
      'good',
    ]);
  });

  it('come from CSV, where a wrong field or a missing one spoils its record only', async () => {
    const path = join(folder, 'rows.csv');
    writeFileSync(path, 'a,b,label\n1,2,0\n3,oops,0\n4\n5,6,1\n');
    const { records } = await openRecords(path, form);
    expect(
      (await all(records)).map(record =>
        record.kind === 'record' ? floats(record.tensors[0]) : `${record.number}: ${record.message}`,
      ),
    ).toEqual([
      [1, 2],
      '2: column "x": "oops" is no float32',
      '3: it has 1 fields, the header has 3',
      [5, 6],
    ]);
  });

  it('come from npz row by row, without labels, and know how far they are', async () => {
    const path = join(folder, 'rows.npz');
    const data = new Uint8Array(Float32Array.from({ length: 6 }, (_, index) => index).buffer);
    writeFileSync(
      path,
      makeZip([{ name: 'x.npy', bytes: encodeNpy({ dtype: 'float32', shape: [3, 2], data }) }]),
    );
    const source = await openRecords(path, form);
    expect(source.fraction()).toBe(0);
    const records = await all(source.records);
    expect(records.map(record => (record.kind === 'record' ? floats(record.tensors[0]) : record))).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    expect(source.fraction()).toBe(1);
  });

  it('refuse a kind of file that is not known', async () => {
    const path = join(folder, 'rows.xml');
    writeFileSync(path, '');
    await expect(openRecords(path, form)).rejects.toMatchObject({ code: 'RECORDS_INVALID' });
    await expect(openRecords(join(folder, 'none.csv'), form)).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
    });
  });
});

describe('runs of records', () => {
  const run = (lines: readonly string[], runners: readonly ModelRunner[], batch: number, of = form) =>
    all(
      runRecords(recordsOfStream('test', piecesOf(lines.join('\n'), 64), of).records, runners, {
        form: of,
        batch,
        isRecordFault,
      }),
    );

  it('stack rows into batches and hand results back in the order of the records', async () => {
    const runs: number[] = [];
    const lines = Array.from({ length: 10 }, (_, index) => `[${index}, ${index}]`);
    const results = await run(lines, [doubler(runs), doubler(runs)], 4);
    expect(summary(results)).toEqual(lines.map((_, index) => [index + 1, 2 * index, 2 * index]));
    // Two of the first batch alone, to see that they give the same.
    expect(runs.toSorted()).toEqual([1, 1, 2, 4, 4]);
  });

  it('lose the guilty record only: its neighbours in the batch run again without it', async () => {
    const results = await run(['[1, 1]', '[13, 0]', 'oops', '[2, 2]'], [doubler([])], 4);
    expect(summary(results)).toEqual([
      [1, 2, 2],
      [2, '13 is not wanted'],
      [3, 'it is not JSON'],
      [4, 4, 4],
    ]);
  });

  it('stack only rows of the same sizes', async () => {
    const runs: number[] = [];
    const open = recordFormOf(modelOf(['n', 'm'], ['n', 'm']));
    const results = await run(['[1]', '[2]', '[3, 3]', '[4]'], [doubler(runs)], 8, open);
    expect(summary(results)).toEqual([
      [1, 2],
      [2, 4],
      [3, 6, 6],
      [4, 8],
    ]);
    expect(runs).toEqual([2, 1, 1, 1, 1]);
  });

  it('run one by one where outputs turn out not to have a row for each record', async () => {
    const runs: number[] = [];
    const summing: ModelRunner = {
      run: async ([x]) => {
        runs.push(x!.shape[0]!);
        const total = floats(x).reduce((sum, value) => sum + value, 0);
        return [
          { name: 'y', dtype: 'float32', shape: [1], data: new Uint8Array(Float32Array.of(total).buffer) },
        ];
      },
      runMany: () => Promise.reject(new Error('not used')),
    };
    const results = await run(['[1, 2]', '[3, 4]', '[5, 6]', '[7, 8]'], [summing], 2);
    expect(summary(results)).toEqual([
      [1, 3],
      [2, 7],
      [3, 11],
      [4, 15],
    ]);
    expect(runs).toEqual([2, 1, 1, 1, 1]);
  });

  it('run one by one where a row gets something else beside others than alone', async () => {
    const runs: number[] = [];
    /** As Softmax over the rows. */
    const sharing: ModelRunner = {
      run: async ([x]) => {
        const rows = x!.shape[0]!;
        runs.push(rows);
        const values = Float32Array.from(floats(x), value => value / rows);
        return [{ name: 'y', dtype: 'float32', shape: [rows, 2], data: new Uint8Array(values.buffer) }];
      },
      runMany: () => Promise.reject(new Error('not used')),
    };
    const said: string[] = [];
    const lines = ['[1, 1]', '[2, 2]', '[3, 3]', '[4, 4]', '[5, 5]'];
    const results = await all(
      runRecords(recordsOfStream('test', piecesOf(lines.join('\n'), 64), form).records, [sharing, sharing], {
        form,
        batch: 2,
        isRecordFault,
        onAlone: reason => said.push(reason),
      }),
    );
    expect(summary(results)).toEqual([1, 2, 3, 4, 5].map(value => [value, value, value]));
    expect(said).toEqual(['the output "y" of a row depends on the rows beside it']);
    // Batches that were under way by then are thrown away.
    expect(runs.filter(rows => rows > 1).length).toBeLessThanOrEqual(2);
  });

  it('end with what is not the fault of a record', async () => {
    const broken: ModelRunner = {
      run: () => Promise.reject(new Error('no runtime')),
      runMany: () => Promise.reject(new Error('no runtime')),
    };
    await expect(run(['[1, 2]', '[3, 4]'], [broken], 2)).rejects.toThrow('no runtime');
  });

  it('read ahead by a few batches only when nobody takes results', async () => {
    let read = 0;
    async function* endless(): AsyncGenerator<RecordReading> {
      for (;;) {
        read += 1;
        const data = new Uint8Array(Float32Array.of(1, 2).buffer);
        yield {
          kind: 'record',
          number: read,
          id: null,
          tensors: [{ name: 'x', dtype: 'float32', shape: [2], data }],
        };
      }
    }
    const results = runRecords(endless(), [doubler([])], { form, batch: 4, isRecordFault });
    await results.next();
    await new Promise(resolve => setTimeout(resolve, 50));
    expect(read).toBeLessThanOrEqual(4 * 3);
    await results.return(undefined);
  });

  it('need no more memory for a hundred megabytes than for one', { timeout: 120_000 }, async () => {
    const wide: RecordForm = recordFormOf(modelOf(['n', 1000], ['n', 1000]));
    const line = Buffer.from(`[${Array.from({ length: 1000 }, () => '0.12345678').join(',')}]\n`);
    const count = Math.ceil(100e6 / line.length);
    async function* stream(): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < count; index += 1) yield line;
    }
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    let most = 0;
    let records = 0;
    for await (const result of runRecords(recordsOfStream('test', stream(), wide).records, [doubler([])], {
      form: wide,
      batch: 16,
      isRecordFault,
    })) {
      expect(result.kind).toBe('done');
      records += 1;
      if (records % 100 !== 0) continue;
      const now = process.memoryUsage();
      most = Math.max(most, now.heapUsed + now.arrayBuffers - heapUsed - arrayBuffers);
    }
    expect(records).toBe(count);
    // What the collector has not got to yet; all of the parsed records would be more than 80 MB of numbers alone.
    expect(most).toBeLessThan(100e6);
  });
});
