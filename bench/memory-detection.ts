/**
 * Peak memory: how often an unchanged model raises an alarm, and how often a larger peak is found, with the real
 * procedure. `node bench/memory-detection.ts --trials 200 --larger 40 --minutes 10`; a comparison takes about 2 s.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildModel, node, tensor, tensorValue } from '../fixtures/generator/onnx-writer.ts';
import { measurePair } from '../src/benchmark/interleaved.ts';
import type { FeedSet, PairEvidence } from '../src/benchmark/measurement.ts';
import { median, standardDeviation, wilsonInterval } from '../src/benchmark/statistics.ts';
import { createLauncher } from '../src/runtime/launcher.ts';
import { PINNED_RUNTIME_VERSION } from '../src/runtime/runtime-location.ts';
import { megabytes, table } from './table.ts';

const root = resolve(import.meta.dirname, '..');
const ROWS = 1024;

/** A product with a weight of so many megabytes, all of which stays in memory. */
function writeModel(weightMegabytes: number): Uint8Array {
  const columns = Math.round((weightMegabytes * 1e6) / 4 / ROWS);
  return buildModel({
    graph: {
      name: 'memory',
      nodes: [
        node('MatMul', ['x', 'w'], ['product'], {}, { name: 'product' }),
        node('ReduceSum', ['product'], ['y'], {}, { name: 'sum' }),
      ],
      inputs: [tensorValue('x', 'float32', [1, ROWS])],
      outputs: [tensorValue('y', 'float32', [1, 1])],
      initializers: [tensor('w', 'float32', [ROWS, columns], new Float32Array(ROWS * columns).fill(0.001))],
    },
  });
}

const feeds: FeedSet = {
  origin: 'synthetic',
  digest: 'ones',
  tensors: [
    {
      name: 'x',
      dtype: 'float32',
      shape: [1, ROWS],
      data: new Uint8Array(new Float32Array(ROWS).fill(1).buffer),
    },
  ],
};

const launcher = createLauncher({
  runtime: {
    packageFolder: join(root, 'node_modules/onnxruntime-node'),
    version: PINNED_RUNTIME_VERSION,
    pinned: true,
    origin: 'package',
  },
  // What is installed: the sources would be stripped of their types in every process.
  workerPath: join(root, 'dist/worker.js'),
  limits: { timeMs: 60_000, memoryBytes: null },
  environment: process.env,
});

async function compare(basePath: string, candidatePath: string, seed: number): Promise<PairEvidence> {
  const result = await measurePair({
    plan: {
      budgetMs: 30_000,
      threads: 1,
      provider: 'cpu',
      seed,
      dims: {},
      casesPath: null,
      tolerance: 0.05,
      alpha: 0.01,
      memoryTolerance: 0.1,
      metrics: ['memory'],
    },
    basePath,
    candidatePath,
    feeds: { base: feeds, candidate: feeds },
    launcher,
    now: () => performance.now(),
  });
  return result.memory;
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

function shareOf(found: readonly PairEvidence[], kind: string): string {
  const count = found.filter(({ decision }) => decision.kind === kind).length;
  const { low, high } = wilsonInterval(count, found.length);
  return `${count} of ${found.length} (${percent(low)} to ${percent(high)})`;
}

const spreadOf = (found: readonly PairEvidence[]): number =>
  standardDeviation(found.flatMap(({ logRatios }) => logRatios));

export async function memoryDetection({
  trials = 8,
  larger = 4,
  minutes = 2,
  parallel = 2,
} = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'quickserveml-memory-'));
  const until = performance.now() + minutes * 60_000;
  try {
    const write = async (weightMegabytes: number): Promise<string> => {
      const path = join(folder, `${weightMegabytes.toFixed(1)}.onnx`);
      await writeFile(path, writeModel(weightMegabytes));
      return path;
    };
    const base = await write(20);
    // The weight that makes the whole process 10 % larger: a first comparison tells what a megabyte of weight costs.
    const heavier = await write(40);
    const first = await compare(base, heavier, 1);
    const [small, large] = [first.base ?? 0, first.candidate ?? 0];
    const weightMegabytes = 20 + (20 * 0.1 * small) / (large - small);
    const tenPercent = await write(weightMegabytes);
    const groups: Record<'same' | 'larger', PairEvidence[]> = { same: [], larger: [] };
    const waiting = Array.from({ length: Math.max(trials, larger) }, (_, trial) => trial);
    const work = async (): Promise<void> => {
      for (let trial = waiting.shift(); trial !== undefined; trial = waiting.shift()) {
        if (performance.now() > until) return;
        if (trial < trials) groups.same.push(await compare(base, base, trial));
        if (trial < larger) groups.larger.push(await compare(base, tenPercent, 1000 + trial));
        process.stderr.write(`${trial + 1} of ${Math.max(trials, larger)}\n`);
      }
    };
    await Promise.all(Array.from({ length: parallel }, work));
    const estimates = groups.larger.flatMap(({ difference }) => difference?.estimate ?? []);
    // 4 % of the base: the margin beyond which a difference counts.
    const smallest = 0.04 * small;
    return table(
      ['peak memory', 'result (95 % Wilson)', 'goal'],
      [
        ['alarms, same bytes', shareOf(groups.same, 'regressed'), '0 of 200'],
        ['inconclusive, same bytes', shareOf(groups.same, 'inconclusive'), ''],
        [
          `found, peak larger by ${estimates.length === 0 ? '10 %' : percent(median(estimates))}`,
          shareOf(groups.larger, 'regressed'),
          '≥ 95 %',
        ],
        ['spread of a pair of processes', percent(spreadOf(groups.same)), ''],
        [`smallest difference that counts, of ${megabytes(small)}`, megabytes(smallest), ''],
      ],
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      trials: { type: 'string', default: '8' },
      larger: { type: 'string', default: '4' },
      minutes: { type: 'string', default: '2' },
    },
  });
  process.stdout.write(
    `${await memoryDetection({
      trials: Number(values.trials),
      larger: Number(values.larger),
      minutes: Number(values.minutes),
    })}\n`,
  );
}
