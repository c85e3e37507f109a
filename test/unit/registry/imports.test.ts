import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, test } from 'vitest';
import { parseBenchmarkData } from '../../../src/registry/import-benchmark-data.ts';
import { readSqlite } from '../../../src/registry/import-sqlite.ts';
import { openIndexCache } from '../../../src/registry/index-cache.ts';
import { createRecordReader, serialiseRecord } from '../../../src/registry/schemas.ts';
import { signVerdict, verifyVerdict } from '../../../src/registry/ssh-signatures.ts';

const folder = mkdtempSync(join(tmpdir(), 'quickserveml-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("github-action-benchmark's data.js", () => {
  const entry = (id: string, date: unknown, benches: unknown) => ({
    commit: { id, url: `https://x/${id}` },
    date,
    tool: 'cargo',
    benches,
  });
  const text = (entries: object): string => `window.BENCHMARK_DATA = ${JSON.stringify({ entries })};\n`;
  test('becomes measurements that fit the schema, with the same ids every time', () => {
    const source = text({
      Suite: [
        entry('abc', 1_600_000_000_000, [{ name: 'a::b', value: 12.5, unit: 'ns/iter', range: '± 3' }]),
      ],
    });
    const [record] = parseBenchmarkData('data.js', source, suite => suite).measurements;
    expect(record).toMatchObject({
      model: 'Suite',
      commit: 'abc',
      metrics: { 'a::b': 12.5 },
      units: { 'a::b': 'ns/iter' },
      createdAt: '2020-09-13T12:26:40.000Z',
    });
    expect(createRecordReader().read('measurement', 'x', serialiseRecord(record!))).toBeTruthy();
    expect(parseBenchmarkData('data.js', source, suite => suite).measurements[0]!.id).toBe(record!.id);
  });
  test('leaves out entries without a date or values, and says so', () => {
    const source = text({
      Suite: [entry('a', 'yesterday', []), entry('b', 1, [{ name: 'x', value: null }])],
    });
    expect(parseBenchmarkData('data.js', source, suite => suite).skipped).toHaveLength(2);
  });
  test.each(['', 'window.BENCHMARK_DATA = {', '{}', '{"entries": {"s": 1}}'])('"%s" is refused', source => {
    expect(() => parseBenchmarkData('data.js', source, suite => suite)).toThrow(/not the data.js/);
  });
});

describe("the Python QuickServeML's SQLite file", () => {
  const context = {
    createdAt: '2026-01-01T00:00:00.000Z',
    author: { name: 'Ada', email: '' },
    nameOf: (name: string) => name,
  };
  test('becomes versions and measurements that fit the schemas', async () => {
    const path = join(folder, 'old.db');
    const database = new DatabaseSync(path);
    database.exec(
      'CREATE TABLE models (name TEXT, version TEXT, description TEXT, tags TEXT, author TEXT, created_at TEXT, updated_at TEXT, status TEXT, model_path TEXT, model_hash TEXT, file_size INTEGER, accuracy REAL, latency_ms REAL, throughput_rps REAL, input_shape TEXT, output_shape TEXT, notes TEXT)',
    );
    database.exec(
      'CREATE TABLE benchmarks (model_version TEXT, dataset_version TEXT, run_params TEXT, metrics TEXT, resource_usage TEXT, run_time TEXT, hardware_info TEXT, tags TEXT)',
    );
    const add = database.prepare(
      'INSERT INTO models VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    );
    add.run(
      'resnet',
      'v1.2',
      'd',
      '["a","b"]',
      'Bob',
      '2024-01-01T10:00:00',
      '',
      'Production',
      'C:\\m\\resnet.onnx',
      'ab'.repeat(32),
      100,
      0.9,
      3.5,
      null,
      '[1,3]',
      '[1]',
      'n',
    );
    add.run('resnet', 'v2', 'd', '', 'Bob', '', '', '', 'r.onnx', 'md5', 1, null, null, null, '', '', '');
    database
      .prepare('INSERT INTO benchmarks VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        'v1.2',
        'd1',
        '{}',
        '{"latency_ms": 3, "p": {"p95": 4}}',
        '{"cpu": 50}',
        '2024-01-02 10:00:00',
        '{"cpu": "x"}',
        'q, r',
      );
    database.close();
    const { versions, measurements, skipped } = await readSqlite(path, context);
    expect(versions).toHaveLength(1);
    expect(versions[0]).toMatchObject({
      version: '1.2.0',
      status: 'production',
      tags: ['a', 'b'],
      metrics: { accuracy: 0.9, latency: 3.5 },
      createdAt: '2024-01-01T10:00:00.000Z',
      bytes: { kind: 'none' },
      parts: [{ path: 'resnet.onnx' }],
    });
    expect(measurements[0]).toMatchObject({
      version: '1.2.0',
      metrics: { latency_ms: 3, 'p.p95': 4, 'resource.cpu': 50 },
    });
    expect(skipped).toEqual([expect.stringContaining('no sha256')]);
    const reader = createRecordReader();
    reader.read('version', 'v', serialiseRecord(versions[0]!));
    reader.read('measurement', 'm', serialiseRecord(measurements[0]!));
  });
  test('anything else is refused', async () => {
    const path = join(folder, 'other.db');
    new DatabaseSync(path).close();
    await expect(readSqlite(path, context)).rejects.toMatchObject({ code: 'IMPORT_INVALID' });
  });
});

test('the cache gives back what was written for the same tree, and nothing once it is damaged', async () => {
  const cache = openIndexCache(join(folder, 'cache'), 'https://example.com/r.git', 'b');
  await cache.write('m', 'tree1', { x: 1 });
  expect(await cache.read('m', 'tree1')).toEqual({ x: 1 });
  expect(await cache.read('m', 'tree2')).toBeNull();
  expect(await cache.readStale('m')).toEqual({ x: 1 });
  const [file] = readdirSync(join(folder, 'cache'), { recursive: true, encoding: 'utf8' }).filter(name =>
    name.endsWith('.json'),
  );
  const path = join(folder, 'cache', file!);
  writeFileSync(path, readFileSync(path, 'utf8').replace('"x":1', '"x":2'));
  expect(await cache.read('m', 'tree1')).toBeNull();
  expect(await cache.readStale('m')).toBeNull();
});

const hasKeygen = spawnSync('ssh-keygen', ['-Y', 'find-principals'], { stdio: 'ignore' }).error === undefined;
test.skipIf(!hasKeygen)(
  "a verdict's signature holds for its signer and its bytes only (needs ssh-keygen)",
  async () => {
    const key = join(folder, 'key');
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const [type, value] = readFileSync(`${key}.pub`, 'utf8').split(' ');
    const signers = join(folder, 'signers');
    writeFileSync(signers, `ada@example.com namespaces="quickserveml-verdict" ${type} ${value}\n`);
    const verdict = {
      id: 'x',
      model: 'm',
      sha256: 'ab'.repeat(32),
      gate: 'passed',
      policyDigest: 'p',
      baseCommit: null,
      commit: null,
      toolVersion: '0',
      createdAt: '2026-01-01',
      runUrl: null,
    } as const;
    const signed = await signVerdict(verdict, key, 'ada@example.com');
    expect(await verifyVerdict(signed, signers, folder)).toEqual({
      kind: 'valid',
      identity: 'ada@example.com',
    });
    expect(await verifyVerdict({ ...signed, gate: 'failed' }, signers, folder)).toMatchObject({
      kind: 'invalid',
    });
    expect(
      await verifyVerdict(
        { ...signed, signature: { ...signed.signature!, identity: 'eve@example.com' } },
        signers,
        folder,
      ),
    ).toMatchObject({ kind: 'invalid' });
    expect(await verifyVerdict(verdict, signers, folder)).toEqual({ kind: 'none' });
  },
);
