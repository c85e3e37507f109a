import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot } from './process-sample.ts';
import { measureBareLoops } from './serving/bare-loops.ts';
import { generateLoad, type LoadResult } from './serving/load-generator.ts';
import { megabytes, table } from './table.ts';

/** Of each measurement; 60 is the long form (`SERVING_BENCH_SECONDS=60 npm run bench -- serving`). */
const SECONDS = Number(process.env['SERVING_BENCH_SECONDS'] ?? 4);
/** Parts to run, separated by commas: names of models, and `held`; all where it is not set. */
const ONLY = process.env['SERVING_BENCH_ONLY']?.split(',') ?? null;
/** A Python that has the packages already: saves installing them anew for every run. */
const PYTHON = process.env['SERVING_BENCH_PYTHON'];
const CONNECTIONS = 32;
const VOID_SHARE = 0.5;
const HELD_CONNECTIONS = 1000;
const modelsFolder = resolve(projectRoot, process.env['QUICKSERVEML_MODELS'] ?? '../shared/models');

interface BenchModel {
  readonly name: string;
  readonly path: string;
  readonly payload: () => unknown;
}

const nested = (shape: readonly number[], value: () => number): unknown =>
  shape.length === 0 ? value() : Array.from({ length: shape[0] ?? 0 }, () => nested(shape.slice(1), value));

const MODELS: readonly BenchModel[] = [
  {
    name: 'digits',
    path: join(projectRoot, 'fixtures/models/digits/model.onnx'),
    payload: () => ({ inputs: { image: nested([1, 1, 28, 28], () => Math.floor(Math.random() * 256)) } }),
  },
  {
    name: 'encoder',
    path: join(projectRoot, 'fixtures/models/encoder/model.onnx'),
    payload: () => ({
      inputs: {
        input_ids: nested([1, 128], () => Math.floor(Math.random() * 32)),
        attention_mask: nested([1, 128], () => 1),
      },
    }),
  },
  {
    name: 'mobilenet_v2_maui',
    path: join(modelsFolder, 'mobilenet_v2_maui/model.onnx'),
    payload: () => ({ inputs: { image: nested([1, 3, 244, 244], () => Number(Math.random().toFixed(4))) } }),
  },
];

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise(done => server.close(done));
  return address !== null && typeof address === 'object' ? address.port : 0;
}

interface Running {
  readonly child: ChildProcess;
  readonly url: string;
}

async function startProcess(command: string, args: readonly string[], port: number): Promise<Running> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const url = `http://127.0.0.1:${port}`;
  for (let waited = 0; waited < 60_000; waited += 100) {
    const answer = await fetch(`${url}/health`).catch(() => null);
    if (answer?.status === 200) return { child, url };
    if (child.exitCode !== null) break;
    await sleep(100);
  }
  child.kill('SIGKILL');
  throw new Error(`${command} ${args.join(' ')} did not become ready`);
}

async function stop({ child }: Running): Promise<void> {
  const ended = new Promise(done => child.once('exit', done));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(timer);
}

async function startOurs(model: BenchModel, folder: string, settings: object = {}): Promise<Running> {
  const port = await freePort();
  const file = join(folder, 'settings.json');
  writeFileSync(file, JSON.stringify({ watching: { requestLog: 'none' }, ...settings }));
  return startProcess(
    process.execPath,
    [
      join(projectRoot, 'dist/serve.js'),
      ...['--port', String(port), '--settings', file, `${model.name}@1.0.0=${model.path}`],
    ],
    port,
  );
}

/** FastAPI with uvicorn, in a virtual environment of the package index that pip is configured for; null: not to be had. */
function installFastApi(folder: string): string | null {
  if (PYTHON !== undefined) return PYTHON;
  try {
    execFileSync('python3', ['-m', 'venv', join(folder, 'venv')]);
    const python = join(folder, 'venv/bin/python');
    const packages = ['fastapi', 'uvicorn[standard]', 'onnxruntime', 'numpy'];
    execFileSync(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages]);
    return python;
  } catch {
    return null;
  }
}

/** The answer that ours gives, from a server that does nothing else, under the same load. */
async function bareHttp(answer: string, load: (url: string) => Promise<LoadResult>): Promise<LoadResult> {
  const port = await freePort();
  const script = join(projectRoot, 'bench/serving/bare-http.ts');
  const server = await startProcess(process.execPath, ['--no-warnings', script, answer, String(port)], port);
  try {
    return await load(server.url);
  } finally {
    await stop(server);
  }
}

const ratioText = (ours: LoadResult, other: number | null, otherShare = 0): string => {
  if (other === null) return '-';
  if (other === 0) return 'it answered nothing in time';
  const isVoid = Math.max(ours.cpuShare, otherShare) > VOID_SHARE;
  return isVoid ? 'void: the load generator was the limit' : `${(ours.perSecond / other).toFixed(2)} x`;
};

interface Compared {
  /** Of the table of servers. */
  readonly servers: readonly string[];
  /** Of the table of what bounds them. */
  readonly bounds: readonly string[];
}

async function compare(model: BenchModel, folder: string, python: string | null): Promise<Compared> {
  const payload = join(folder, `${model.name}.json`);
  writeFileSync(payload, JSON.stringify(model.payload()));
  const load = (url: string): Promise<LoadResult> =>
    generateLoad({ url: `${url}/predict`, payload, connections: CONNECTIONS, seconds: SECONDS, folder });
  const loops = await measureBareLoops(model.path, payload, SECONDS);
  const ceiling = loops.unbatchedPerSecond;
  const answer = join(folder, `${model.name}.answer.json`);
  const ours = await startOurs(model, folder);
  let measured: LoadResult;
  try {
    await load(ours.url);
    measured = await load(ours.url);
    const headers = { 'content-type': 'application/json' };
    const one = await fetch(`${ours.url}/predict`, { method: 'POST', headers, body: readFileSync(payload) });
    writeFileSync(answer, await one.text());
  } finally {
    await stop(ours);
  }
  const http = await bareHttp(answer, load);
  let plain: LoadResult | null = null;
  if (python !== null) {
    const port = await freePort();
    const script = join(projectRoot, 'bench/serving/fastapi-server.py');
    const server = await startProcess(python, [script, model.path, String(port)], port);
    try {
      plain = await load(server.url);
    } finally {
      await stop(server);
    }
  }
  const bound = 1 / (1 / loops.ceilingPerSecond + 1 / http.perSecond);
  const servers = [
    model.name,
    ceiling.toFixed(0),
    measured.perSecond.toFixed(0),
    `${measured.p50Ms.toFixed(1)} / ${measured.p99Ms.toFixed(1)} ms`,
    plain === null ? '-' : plain.perSecond.toFixed(0),
    plain === null ? '-' : `${plain.p50Ms.toFixed(1)} / ${plain.p99Ms.toFixed(1)} ms`,
    ratioText(measured, ceiling),
    ratioText(measured, plain?.perSecond ?? null, plain?.cpuShare ?? 0),
    `${(measured.cpuShare * 100).toFixed(0)} %`,
    String(measured.errors + Object.values(measured.refused).reduce((sum, count) => sum + count, 0)),
  ];
  const bounds = [
    model.name,
    ceiling.toFixed(0),
    `${loops.ceilingPerSecond.toFixed(0)} (batch ${loops.bestBatch})`,
    http.perSecond.toFixed(0),
    bound.toFixed(0),
    `${((100 * measured.perSecond) / bound).toFixed(0)} %`,
    plain === null || plain.perSecond === 0 ? '-' : `${(bound / plain.perSecond).toFixed(1)} x`,
  ];
  return { servers, bounds };
}

function residentBytes(pid: number | undefined): number {
  const [, pages = '0'] = readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ');
  return Number(pages) * 4096;
}

/** Times of GET /health beside the load, until it is over. */
async function watchHealth(url: string, isOver: () => boolean): Promise<number> {
  const times: number[] = [];
  while (!isOver()) {
    const begin = performance.now();
    const answer = await fetch(`${url}/health`).catch(() => null);
    times.push(answer === null ? Number.POSITIVE_INFINITY : performance.now() - begin);
    await answer?.arrayBuffer();
    await sleep(20);
  }
  times.sort((one, other) => one - other);
  return times[Math.floor(times.length * 0.99)] ?? 0;
}

/** A thousand connections that ask without a pause, then three times as many, then rest. */
async function hold(folder: string): Promise<string> {
  const [model] = MODELS;
  if (model === undefined) return '';
  const payload = join(folder, `${model.name}.json`);
  writeFileSync(payload, JSON.stringify(model.payload()));
  const server = await startOurs(model, folder, { limits: { queue: HELD_CONNECTIONS } });
  try {
    const rows: string[][] = [];
    for (const connections of [HELD_CONNECTIONS, 3 * HELD_CONNECTIONS]) {
      let over = false;
      const health = watchHealth(server.url, () => over);
      const resident = [residentBytes(server.child.pid)];
      const atHalf = setTimeout(() => resident.push(residentBytes(server.child.pid)), SECONDS * 500);
      const url = `${server.url}/predict`;
      const result = await generateLoad({ url, payload, connections, seconds: SECONDS, folder });
      clearTimeout(atHalf);
      resident.push(residentBytes(server.child.pid));
      over = true;
      const refused = Object.entries(result.refused).map(([status, count]) => `${count} x ${status}`);
      rows.push([
        `${connections} connections`,
        result.perSecond.toFixed(0),
        `${result.p99Ms.toFixed(0)} ms`,
        `${(await health).toFixed(0)} ms`,
        refused.length === 0 ? 'none' : refused.join(', '),
        String(result.errors),
        resident.map(megabytes).join(', '),
        `${(result.cpuShare * 100).toFixed(0)} %`,
      ]);
    }
    const begin = performance.now();
    let calmMs = 0;
    for (;;) {
      const start = performance.now();
      const answer = await fetch(`${server.url}/predict`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: readFileSync(payload),
      });
      await answer.arrayBuffer();
      calmMs = performance.now() - begin;
      if ((answer.status === 200 && performance.now() - start < 100) || calmMs > 30_000) break;
    }
    return `${table(
      [
        'held load',
        'answers/s',
        'p99',
        '/health p99',
        'refused',
        'errors',
        'front RSS: start, half, end',
        'wrk CPU',
      ],
      rows,
    )}\n\nA request alone was answered within 100 ms again after ${(calmMs / 1000).toFixed(1)} s (goal: 5 s).`;
  } finally {
    await stop(server);
  }
}

/** The server against a bare loop and a plain Python server, and under more than it can do. */
export async function serving(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'quickserveml-bench-'));
  try {
    const isWanted = (part: string): boolean => ONLY === null || ONLY.includes(part);
    const models = MODELS.filter(({ name, path }) => isWanted(name) && existsSync(path));
    const python = models.length === 0 ? null : installFastApi(folder);
    const rows: Compared[] = [];
    for (const model of models) rows.push(await compare(model, folder, python));
    const comparison = table(
      [
        `JSON /predict, ${CONNECTIONS} connections, ${SECONDS} s, ${cpus().length} cores`,
        'bare loop runs/s',
        'answers/s',
        'p50 / p99',
        'FastAPI answers/s',
        'its p50 / p99',
        'to the bare loop',
        'to FastAPI',
        'wrk CPU',
        'not 200',
      ],
      rows.map(({ servers }) => servers),
    );
    const bounds = table(
      [
        'what bounds a server on this machine, requests/s',
        'bare loop, one process',
        'batched ceiling, all processors',
        'bare HTTP',
        'both on the same processors',
        'ours of it',
        'it, to FastAPI',
      ],
      rows.map(row => row.bounds),
    );
    return [
      ...(rows.length === 0 ? [] : [comparison, bounds]),
      ...(isWanted('held') ? [await hold(folder)] : []),
    ].join('\n\n');
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
