import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { importedId } from '../src/registry/imported-records.ts';
import { digestPath, measurementPath, modelPath, versionPath } from '../src/registry/layout.ts';

const MODELS = 10;
const MACHINES = 10;
const VERSIONS = 5;
const RECORDS_A_COMMIT = 10;
/** Months over which the records are spread, the current one last. */
const MONTHS = 24;

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

function measurement(index: number, atMs: number): { readonly path: string; readonly text: string } {
  const model = `model-${index % MODELS}`;
  const key = `machine-${Math.floor(index / MODELS) % MACHINES}`;
  const createdAt = new Date(atMs).toISOString();
  const id = importedId(atMs, String(index));
  const record = {
    id,
    model,
    sha256: digestOf(`${model} ${VERSIONS - 1}`),
    version: `1.${VERSIONS - 1}.0`,
    commit: digestOf(`commit ${index}`).slice(0, 40),
    createdAt,
    fingerprint: {
      key,
      cpuModel: 'bench',
      isa: 'avx2',
      cores: 4,
      provider: 'cpu',
      runtimeVersion: '1.30.0',
      threads: 1,
    },
    metrics: { latency: 10 + (index % 17) / 10, memory: 123_456_789 + index, 'load-time': 40.5 },
    samples: {},
    runUrl: `https://ci.example.com/runs/${index}`,
  };
  return { path: measurementPath(model, key, createdAt, id), text: `${JSON.stringify(record, null, 2)}\n` };
}

function* firstFiles(nowMs: number): Generator<readonly [string, string]> {
  const createdAt = new Date(nowMs).toISOString();
  yield [
    'registry.json',
    JSON.stringify({ format: 1, createdAt, tool: { name: 'quickserveml', version: '0' } }),
  ];
  for (let model = 0; model < MODELS; model += 1) {
    const name = `model-${model}`;
    yield [modelPath(name), JSON.stringify({ name, createdAt, description: null, owners: [], tags: [] })];
    for (let minor = 0; minor < VERSIONS; minor += 1) {
      const sha256 = digestOf(`${name} ${minor}`);
      const version = `1.${minor}.0`;
      const record = {
        model: name,
        version,
        previous: minor === 0 ? null : `1.${minor - 1}.0`,
        bump: 'minor',
        sha256,
        sizeBytes: 1_000_000,
        parts: [{ path: 'model.onnx', sha256, sizeBytes: 1_000_000 }],
        interface: { inputs: [], outputs: [], opsets: { 'ai.onnx': 17 }, optionalInputs: [] },
        inspection: null,
        bytes: { kind: 'commit', repository: null, commit: 'a'.repeat(40), path: 'model.onnx' },
        source: { commit: 'a'.repeat(40), path: 'model.onnx' },
        createdAt,
        author: { name: 'Ada', email: 'ada@example.com' },
        runUrl: null,
      };
      yield [versionPath(name, version), JSON.stringify(record)];
      yield [digestPath(name, sha256), JSON.stringify({ sha256, version })];
    }
  }
}

/** Writes a registry branch with so many measurements into a bare repository, ten a commit, by `git fast-import`. */
export async function writeLargeBranch(bare: string, records: number, nowMs: number): Promise<void> {
  const child = spawn('git', ['fast-import', '--quiet', '--done'], {
    cwd: bare,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ended = new Promise<number | null>(done => child.once('close', done));
  const write = async (text: string): Promise<void> => {
    if (!child.stdin.write(text)) await new Promise(drained => child.stdin.once('drain', drained));
  };
  const file = (path: string, text: string): string =>
    `M 100644 inline ${path}\ndata ${Buffer.byteLength(text)}\n${text}\n`;
  const commit = (message: string, atMs: number): string =>
    `commit refs/heads/quickserveml\ncommitter Ada <ada@example.com> ${Math.floor(atMs / 1000)} +0000\ndata ${message.length}\n${message}\n`;
  const trailer = '\n\nRegistry-Format: 1\n';
  const spanMs = MONTHS * 30 * 24 * 3600 * 1000;
  await write(commit(`Create${trailer}`, nowMs - spanMs));
  for (const [path, text] of firstFiles(nowMs - spanMs)) await write(file(path, text));
  for (let index = 0; index < records; index += 1) {
    const atMs = nowMs - spanMs + Math.floor((spanMs * (index + 1)) / (records + 1));
    if (index % RECORDS_A_COMMIT === 0) await write(commit(`Record ${index}${trailer}`, atMs));
    const { path, text } = measurement(index, atMs);
    await write(file(path, text));
  }
  child.stdin.end('done\n');
  if ((await ended) !== 0) throw new Error('git fast-import failed');
}

/** The same records as github-action-benchmark keeps them: one data.js on a branch, rewritten by every append. */
export async function writeSingleFile(bare: string, records: number, nowMs: number): Promise<void> {
  const entries = Array.from({ length: records }, (_, index) => ({
    commit: {
      author: { name: 'Ada', email: 'ada@example.com', username: 'ada' },
      committer: { name: 'Ada', email: 'ada@example.com', username: 'ada' },
      id: digestOf(`commit ${index}`).slice(0, 40),
      message: `change ${index}`,
      timestamp: new Date(nowMs + index).toISOString(),
      url: `https://example.com/commit/${index}`,
    },
    date: nowMs + index,
    tool: 'customSmallerIsBetter',
    benches: [
      { name: 'latency', value: 10 + (index % 17) / 10, unit: 'ms' },
      { name: 'memory', value: 123_456_789 + index, unit: 'bytes' },
      { name: 'load-time', value: 40.5, unit: 'ms' },
    ],
  }));
  const text = `window.BENCHMARK_DATA = ${JSON.stringify({ lastUpdate: nowMs, repoUrl: '', entries: { Benchmark: entries } }, null, 2)}`;
  const child = spawn('git', ['fast-import', '--quiet', '--done'], {
    cwd: bare,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ended = new Promise<number | null>(done => child.once('close', done));
  child.stdin.write('commit refs/heads/gh-pages\ncommitter Ada <ada@example.com> 1 +0000\ndata 1\nx\n');
  child.stdin.write(`M 100644 inline dev/bench/data.js\ndata ${Buffer.byteLength(text)}\n`);
  child.stdin.write(text);
  child.stdin.end('\ndone\n');
  if ((await ended) !== 0) throw new Error('git fast-import failed');
}
