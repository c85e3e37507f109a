/**
 * Peak memory: how often an unchanged model raises an alarm, and how often a larger peak is found, with the real
 * procedure. `node bench/memory-detection.ts --trials 200 --larger 40 --minutes 10`; a comparison takes about 2 s. Every trial is
 * appended to --log (bench/out/memory-detection.jsonl) and a further run goes on from there; `--summary` only prints.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildModel, node, tensor, tensorValue } from '../fixtures/generator/onnx-writer.ts';
import { measurePair } from '../src/benchmark/interleaved.ts';
import type { FeedSet, PairEvidence } from '../src/benchmark/measurement.ts';
import { standardDeviation } from '../src/benchmark/statistics.ts';
import { median } from '../src/shared/quantile.ts';
import { bundledLauncher } from './bundled-worker.ts';
import { megabytes, percent, shareWithInterval, table } from './table.ts';
import { openTrialLog, readTrials } from './trial-log.ts';

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

const launcher = bundledLauncher();

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

interface MemoryTrial {
  readonly kind: 'same' | 'larger';
  readonly number: number;
  readonly evidence: PairEvidence;
}

const shareOf = (trials: readonly MemoryTrial[], ...kinds: readonly string[]): string =>
  shareWithInterval(
    trials.filter(({ evidence }) => kinds.includes(evidence.decision.kind)).length,
    trials.length,
  );

/** The table of what was measured so far. */
export function memoryTable(trials: readonly MemoryTrial[]): string {
  const same = trials.filter(({ kind }) => kind === 'same');
  const larger = trials.filter(({ kind }) => kind === 'larger');
  const estimates = larger.flatMap(({ evidence }) => evidence.difference?.estimate ?? []);
  const bases = same.flatMap(({ evidence }) => evidence.base ?? []);
  const base = bases.length === 0 ? 0 : median(bases);
  const ratios = same.flatMap(({ evidence }) => evidence.logRatios);
  return table(
    ['peak memory', 'result (95 % Wilson)', 'goal'],
    [
      ['alarms, same bytes', shareOf(same, 'regressed', 'improved'), '0 of 200'],
      ['inconclusive, same bytes', shareOf(same, 'inconclusive'), ''],
      [
        `found, peak larger by ${estimates.length === 0 ? '10 %' : percent(median(estimates))}`,
        shareOf(larger, 'regressed'),
        '≥ 95 %',
      ],
      ['spread of a pair of processes', ratios.length < 2 ? '-' : percent(standardDeviation(ratios)), ''],
      // 0.4 of the tolerance of 10 %: the margin beyond which a difference counts.
      [`smallest difference that counts, of ${megabytes(base)}`, megabytes(0.04 * base), ''],
    ],
  );
}

/** Runs what the log does not have yet and returns the table of all. @param log null: none is kept. */
export async function memoryDetection({
  trials = 8,
  larger = 4,
  minutes = 2,
  parallel = 2,
  log = null as string | null,
} = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'quickserveml-memory-'));
  const until = performance.now() + minutes * 60_000;
  const done = openTrialLog<MemoryTrial>(log);
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
    const tenPercent = await write(20 + (20 * 0.1 * small) / (large - small));
    const planned = Array.from({ length: Math.max(trials, larger) }, (_, number) => [
      ...(number < trials ? [{ kind: 'same' as const, number }] : []),
      ...(number < larger ? [{ kind: 'larger' as const, number }] : []),
    ]).flat();
    const waiting = planned.filter(
      ({ kind, number }) => !done.trials.some(trial => trial.kind === kind && trial.number === number),
    );
    const work = async (): Promise<void> => {
      for (let trial = waiting.shift(); trial !== undefined; trial = waiting.shift()) {
        if (performance.now() > until) return;
        const { kind, number } = trial;
        const seed = kind === 'same' ? number : 1000 + number;
        done.add({
          kind,
          number,
          evidence: await compare(base, kind === 'same' ? base : tenPercent, seed),
        });
        process.stderr.write(`${done.trials.length} of ${planned.length}\n`);
      }
    };
    await Promise.all(Array.from({ length: parallel }, work));
    return memoryTable(done.trials);
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
      parallel: { type: 'string', default: '2' },
      log: { type: 'string', default: 'bench/out/memory-detection.jsonl' },
      summary: { type: 'boolean', default: false },
    },
  });
  const text = values.summary
    ? memoryTable(readTrials<MemoryTrial>(values.log))
    : await memoryDetection({
        trials: Number(values.trials),
        larger: Number(values.larger),
        minutes: Number(values.minutes),
        parallel: Number(values.parallel),
        log: values.log,
      });
  process.stdout.write(`${text}\n`);
}
