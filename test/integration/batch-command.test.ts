import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attribute, node } from '../../fixtures/generator/onnx-writer.ts';
import { encodeNpy } from '../../src/cases/npy.ts';
import { makeZip } from '../../src/cases/zip.ts';
import { type BatchOptions, batchCommand } from '../../src/commands/batch.ts';
import { smallModel } from '../support/model-bytes.ts';
import { lacks, projectRoot } from '../support/requirements.ts';
import { testSurroundings } from '../support/surroundings.ts';

const fraud = join(projectRoot, 'fixtures/models/fraud/model.onnx');

interface Line {
  readonly record: number;
  readonly id?: string | number;
  readonly outputs?: { readonly label: number; readonly probabilities: readonly number[] };
  readonly error?: { readonly code: string; readonly message: string };
}

const linesOf = (text: string): readonly Line[] =>
  text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Line);

describe.skipIf(lacks('runtime'))('batch', { timeout: 120_000 }, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'quickserveml-batch-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const features = (seed: number): readonly number[] =>
    Array.from({ length: 12 }, (_, index) => Math.sin(seed + index));

  async function run(
    options: Partial<BatchOptions>,
    input = '',
  ): Promise<{
    readonly lines: readonly Line[];
    readonly document: Record<string, unknown>;
    readonly exitCode: number;
  }> {
    const stdout = new PassThrough();
    const pieces: Buffer[] = [];
    stdout.on('data', piece => pieces.push(piece as Buffer));
    const stdin = (async function* () {
      yield Buffer.from(input);
    })();
    const result = await batchCommand(
      {
        model: fraud,
        parallel: 1,
        threads: 1,
        provider: 'cpu',
        cwd: folder,
        runtimePath: join(projectRoot, 'node_modules/onnxruntime-node'),
        ...options,
      },
      testSurroundings(),
      { stdin, stdout },
    );
    return {
      lines: linesOf(Buffer.concat(pieces).toString()),
      document: result.document as Record<string, unknown>,
      exitCode: result.exitCode,
    };
  }

  it('gives the same results in batches over two processes as one by one, in the order of the records', async () => {
    const input = Array.from({ length: 60 }, (_, index) =>
      JSON.stringify({ id: `r${index}`, inputs: { features: features(index) } }),
    ).join('\n');
    const single = await run({ data: '-', batch: 1 }, input);
    const many = await run({ data: '-', batch: 16, parallel: 2 }, input);
    expect(many.lines.map(({ record, id }) => [record, id])).toEqual(
      Array.from({ length: 60 }, (_, index) => [index + 1, `r${index}`]),
    );
    for (const [index, line] of many.lines.entries()) {
      expect(line.outputs?.label).toBe(single.lines[index]?.outputs?.label);
      for (const [place, value] of (line.outputs?.probabilities ?? []).entries())
        expect(value).toBeCloseTo(single.lines[index]?.outputs?.probabilities[place] ?? Number.NaN, 5);
    }
    expect(many.exitCode).toBe(0);
  });

  it('runs record by record where the model normalises over the rows, and says so', async () => {
    const model = join(folder, 'over-rows.onnx');
    const shared = smallModel({ nodes: [node('Softmax', ['x'], ['y'], { axis: attribute.int(0) })] });
    writeFileSync(model, shared);
    const input = Array.from({ length: 20 }, (_, index) => JSON.stringify({ x: [index, 1, -index] })).join(
      '\n',
    );
    const { lines, document } = await run({ model, data: '-', parallel: 2 }, input);
    expect(lines.map(({ outputs }) => outputs)).toEqual(Array.from({ length: 20 }, () => ({ y: [1, 1, 1] })));
    expect(document).toMatchObject({ batch: 1 });
  });

  it('reports bad records by their number, runs the rest, and ends with 1', async () => {
    writeFileSync(
      join(folder, 'rows.json'),
      JSON.stringify([{ features: features(1) }, { features: [1] }, { features: features(2) }]),
    );
    const { document, exitCode } = await run({ data: 'rows.json', output: 'out.ndjson', json: true });
    const lines = linesOf(readFileSync(join(folder, 'out.ndjson'), 'utf8'));
    expect(lines.map(({ record, error }) => [record, error?.code])).toEqual([
      [1, undefined],
      [2, 'RECORD_INVALID'],
      [3, undefined],
    ]);
    expect(document).toMatchObject({ records: 3, done: 2, failed: 1, failures: [{ record: 2 }] });
    expect(exitCode).toBe(1);
    expect(existsSync(join(folder, 'out.ndjson.partial'))).toBe(false);
  });

  it('gives the same results for the same rows in NDJSON, JSON, CSV and npz', async () => {
    const rows = [1, 2, 3].map(features);
    const table = new Float32Array(rows.flat());
    writeFileSync(join(folder, 'same.ndjson'), rows.map(row => JSON.stringify(row)).join('\n'));
    writeFileSync(join(folder, 'same.json'), JSON.stringify(rows.map(row => ({ features: row }))));
    const header = rows[0]?.map((_, index) => `features[${index}]`).join(',');
    writeFileSync(join(folder, 'same.csv'), [header, ...rows.map(row => row.join(','))].join('\n'));
    const array = encodeNpy({ dtype: 'float32', shape: [3, 12], data: new Uint8Array(table.buffer) });
    writeFileSync(join(folder, 'same.npz'), makeZip([{ name: 'features.npy', bytes: array }]));
    const results = [];
    for (const kind of ['ndjson', 'json', 'csv', 'npz'])
      results.push((await run({ data: `same.${kind}`, parallel: 2, batch: 2 })).lines);
    expect(results[0]?.map(({ outputs }) => outputs?.probabilities.length)).toEqual([2, 2, 2]);
    for (const lines of results) expect(lines).toEqual(results[0]);
  });

  it('refuses a model that the runtime cannot run before it reads any data', async () => {
    const aborts = join(projectRoot, 'fixtures/models/aborts/model.onnx');
    await expect(run({ model: aborts, data: '-' }, '{}')).rejects.toMatchObject({
      code: 'RUNTIME_UNSUPPORTED_MODEL',
    });
  });

  it('finds a batch size within a latency limit by measuring', async () => {
    const free = await run({ optimize: true });
    const { points, chosen } = free.document['optimize'] as {
      readonly points: readonly { readonly batch: number; readonly throughput: number }[];
      readonly chosen: number;
    };
    expect(points.length).toBeGreaterThan(3);
    const best = Math.max(...points.map(({ throughput }) => throughput));
    expect(points.find(({ batch }) => batch === chosen)?.throughput).toBe(best);
  });

  it('falls back to single rows and says so where no batch keeps the limit', async () => {
    const { document } = await run({ optimize: true, latencyLimit: '0.000001ms' });
    expect(document).toMatchObject({ batch: 1, optimize: { chosen: 1 } });
    expect(JSON.stringify(document['optimize'])).toContain('no batch keeps 0.000001ms');
  });

  it('waits for a slow reader without leaving listeners behind', async () => {
    let most = 0;
    let pieces = 0;
    const slow: Writable = new Writable({
      highWaterMark: 1024,
      write: (_piece, _encoding, done) => {
        pieces += 1;
        most = Math.max(most, slow.listenerCount('close') + slow.listenerCount('drain'));
        setTimeout(done, 1);
      },
    });
    const line = `${JSON.stringify(features(3))}\n`;
    const stdin = (async function* () {
      for (let index = 0; index < 20_000; index += 1) yield Buffer.from(line);
    })();
    const options = {
      model: fraud,
      data: '-',
      batch: 64,
      parallel: 1,
      threads: 1,
      provider: 'cpu',
      cwd: folder,
      runtimePath: join(projectRoot, 'node_modules/onnxruntime-node'),
    };
    const result = await batchCommand(options, testSurroundings(), { stdin, stdout: slow });
    expect(result.document).toMatchObject({ records: 20_000, failed: 0, cut: false });
    expect(pieces).toBeGreaterThan(10);
    expect(most).toBeLessThanOrEqual(4);
  });

  it('stops when the reader of the results has gone, without an error', async () => {
    const gone = new Writable({
      write: (_piece, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    });
    const line = `${JSON.stringify(features(3))}\n`;
    let given = 0;
    const stdin = (async function* () {
      for (; given < 100_000; given += 1) yield Buffer.from(line);
    })();
    const world = testSurroundings();
    const options = {
      model: fraud,
      data: '-',
      parallel: 1,
      threads: 1,
      provider: 'cpu',
      cwd: folder,
      runtimePath: join(projectRoot, 'node_modules/onnxruntime-node'),
    };
    const result = await batchCommand(options, world, { stdin, stdout: gone });
    expect(result.document).toMatchObject({ cut: true });
    expect(given).toBeLessThan(100_000);
  });

  it.each([
    [{}, 'no --data'],
    [{ data: '-', json: true }, 'prints one document'],
    [{ data: '-', latencyLimit: '5ms' }, 'search for a batch size'],
  ])('refuses %j', async (options, message) => {
    await expect(run(options)).rejects.toThrow(message);
  });
});
