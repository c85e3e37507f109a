import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { writeLargeModel, writeManyNodes } from '../fixtures/generator/large-models.ts';
import { builtCli, sampleNode } from './process-sample.ts';
import { against, median, megabytes, milliseconds, table } from './table.ts';

const RUNS = 5;
const GOAL_MS = 200;
const GOAL_BYTES = 120e6;
const NODES_GOAL_MS = 1000;
const GOAL_RATIO = 20;

interface Sample {
  /** From the start of the process to its end. */
  readonly processMs: number;
  /** The reading call alone, warm imports. */
  readonly callMs: number;
  readonly peakRssBytes: number | null;
}

/** Another reader of the same file. null where it cannot be had, or cannot read the file. */
type Reader = (path: string) => Sample | null;

const PYTHON_SCRIPT = `
import resource, sys, time, onnx
start = time.perf_counter()
model = onnx.load(sys.argv[1])
assert len(model.graph.node) >= 0
print((time.perf_counter() - start) * 1000, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
`;

/** onnx-proto of npm is old; the definitions that matter here are few, so they are written down for protobufjs. */
const PROTOBUFJS_SCRIPT = `
const { readFileSync } = require('node:fs');
const protobuf = require('protobufjs');
const source = \`syntax = "proto2"; package onnx;
message Tensor { repeated int64 dims = 1 [packed=true]; optional int32 data_type = 2; repeated float float_data = 4 [packed=true]; optional string name = 8; optional bytes raw_data = 9; }
message Attribute { optional string name = 1; optional float f = 2; optional int64 i = 3; optional bytes s = 4; optional Tensor t = 5; optional Graph g = 6; repeated int64 ints = 8; optional int32 type = 20; }
message Node { repeated string input = 1; repeated string output = 2; optional string name = 3; optional string op_type = 4; repeated Attribute attribute = 5; optional string domain = 7; }
message ValueInfo { optional string name = 1; optional bytes type = 2; }
message Graph { repeated Node node = 1; optional string name = 2; repeated Tensor initializer = 5; repeated ValueInfo input = 11; repeated ValueInfo output = 12; repeated ValueInfo value_info = 13; }
message Model { optional int64 ir_version = 1; optional string producer_name = 2; optional Graph graph = 7; }\`;
const Model = protobuf.parse(source).root.lookupType('onnx.Model');
const start = performance.now();
const model = Model.decode(readFileSync(process.argv[2]));
if (!model.graph) throw new Error('no graph');
const took = performance.now() - start;
const peak = /VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'latin1'));
console.log(took, peak ? Number(peak[1]) * 1024 : 0);
`;

function numbersOf(command: string, args: readonly string[], cwd: string): Sample | null {
  const startMs = performance.now();
  const { stdout, status } = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 300_000 });
  const processMs = performance.now() - startMs;
  const [callMs, peakRssBytes] = stdout?.trim().split(/\s+/).map(Number) ?? [];
  return status !== 0 || callMs === undefined || peakRssBytes === undefined
    ? null
    : { processMs, callMs, peakRssBytes };
}

/** `onnx.load` in a virtual environment of its own. */
function pythonReader(folder: string): Reader {
  try {
    execFileSync('python3', ['-m', 'venv', join(folder, 'venv')], { stdio: 'ignore', timeout: 120_000 });
    const python = join(folder, 'venv/bin/python');
    execFileSync(python, ['-m', 'pip', 'install', '--quiet', 'onnx'], { stdio: 'ignore', timeout: 300_000 });
    return path => numbersOf(python, ['-c', PYTHON_SCRIPT, path], folder);
  } catch {
    process.stderr.write('onnx of Python cannot be had: its column stays empty\n');
    return () => null;
  }
}

/** protobufjs, installed for the bench alone. */
function protobufjsReader(folder: string): Reader {
  try {
    execFileSync('npm', ['install', '--no-audit', '--no-fund', 'protobufjs'], {
      cwd: folder,
      stdio: 'ignore',
      timeout: 300_000,
    });
    writeFileSync(join(folder, 'decode.cjs'), PROTOBUFJS_SCRIPT);
    return path =>
      numbersOf(process.execPath, ['--max-old-space-size=8192', join(folder, 'decode.cjs'), path], folder);
  } catch {
    process.stderr.write('protobufjs cannot be had: its column stays empty\n');
    return () => null;
  }
}

/**
 * Time and memory of `inspect` beside those of onnx.load and protobufjs in the same run: whole processes with their
 * start, and the reading calls alone.
 */
export async function inspect(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'quickserveml-bench-'));
  try {
    const file = (name: string): string => join(folder, name);
    // A copy: a build in the meantime would change what is measured.
    cpSync(dirname(builtCli()), file('dist'), { recursive: true });
    const cli = file('dist/cli.js');
    writeFileSync(file('package.json'), '{"private": true, "type": "module"}');
    const load = pythonReader(folder);
    const decode = protobufjsReader(folder);
    const call: Reader = path =>
      numbersOf(process.execPath, [join(import.meta.dirname, 'inspect-call.ts'), path], folder);
    const rows: string[][] = [];
    const sized = (sizeBytes: number, initializerCount: number) => (): string =>
      writeLargeModel(file('m.onnx'), sizeBytes, { initializerCount }).path;
    const models: readonly BenchModel[] = [
      { name: '1 MB of weights', write: sized(1e6, 10), goalMs: null, goalBytes: null },
      { name: '100 MB of weights', write: sized(1e8, 50), goalMs: null, goalBytes: null },
      { name: '1 GB of weights', write: sized(1e9, 100), goalMs: null, goalBytes: null },
      { name: '1.9 GB of weights', write: sized(1.9e9, 200), goalMs: GOAL_MS, goalBytes: GOAL_BYTES },
      {
        name: '100,000 nodes',
        write: () => writeManyNodes(file('m.onnx'), 100_000).path,
        goalMs: NODES_GOAL_MS,
        goalBytes: null,
      },
    ];
    for (const model of models) rows.push(await measure(model, cli, call, load, decode));
    return table(
      [
        `median of ${RUNS}`,
        '`inspect`: process',
        'call',
        'memory',
        '`onnx.load`: process',
        'call',
        'memory',
        'ratio of processes',
        'of calls',
        'protobufjs: process',
        'call',
        'memory',
        'ratio of processes',
        'of calls',
      ],
      rows,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface BenchModel {
  readonly name: string;
  readonly write: () => string;
  readonly goalMs: number | null;
  readonly goalBytes: number | null;
}

async function measure(
  model: BenchModel,
  cli: string,
  call: Reader,
  load: Reader,
  decode: Reader,
): Promise<string[]> {
  const path = model.write();
  const args = [cli, 'inspect', path, '--json'];
  const processesMs: number[] = [];
  const calls: Sample[] = [];
  const loads: Sample[] = [];
  const decodes: Sample[] = [];
  for (let run = -1; run < RUNS; run += 1) {
    const { wallMs, stdout } = await sampleNode(args);
    if (typeof JSON.parse(stdout).nodeCount !== 'number') throw new Error(`no inspection of ${model.name}`);
    if (run < 0) continue;
    processesMs.push(wallMs);
    for (const [reader, samples] of [
      [call, calls],
      [load, loads],
      [decode, decodes],
    ] as const) {
      const sample = reader(path);
      if (sample !== null) samples.push(sample);
    }
  }
  const memory = (await sampleNode(args, { memory: true })).peakRssBytes ?? Number.NaN;
  rmSync(path);
  const own = { processMs: median(processesMs), callMs: median(calls.map(({ callMs }) => callMs)) };
  const goal = (value: number, limit: number | null, format: (value: number) => string): string =>
    limit === null ? format(value) : `${format(value)} (${against(value, limit, format(limit))})`;
  return [
    model.name,
    goal(own.processMs, model.goalMs, milliseconds),
    milliseconds(own.callMs),
    goal(memory, model.goalBytes, megabytes),
    ...describe(loads, own, model.name.startsWith('1 GB') ? GOAL_RATIO : null),
    ...describe(decodes, own, null),
  ];
}

function describe(
  samples: readonly Sample[],
  own: Pick<Sample, 'processMs' | 'callMs'>,
  goalRatio: number | null,
): readonly string[] {
  if (samples.length === 0) return ['cannot', '', '', '', ''];
  const processMs = median(samples.map(sample => sample.processMs));
  const callMs = median(samples.map(sample => sample.callMs));
  const peak = median(samples.map(sample => sample.peakRssBytes ?? Number.NaN));
  const goal =
    goalRatio === null ? '' : ` (≥ ${goalRatio}${callMs / own.callMs < goalRatio ? ': **missed**' : ''})`;
  return [
    milliseconds(processMs),
    milliseconds(callMs),
    megabytes(peak),
    `${(processMs / own.processMs).toFixed(1)}×`,
    `${(callMs / own.callMs).toFixed(1)}×${goal}`,
  ];
}
