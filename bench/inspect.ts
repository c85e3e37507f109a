import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeLargeModel, writeManyNodes } from '../fixtures/generator/large-models.ts';
import { builtCli, sampleNode } from './process-sample.ts';
import { against, median, megabytes, milliseconds, table } from './table.ts';

const RUNS = 7;
const GOAL_MS = 200;
const GOAL_BYTES = 120e6;

/** Time and memory of `inspect`: they follow the structure of a model, not the size of its weights. */
export async function inspect(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'quickserveml-bench-'));
  try {
    const file = (name: string): string => join(folder, name);
    const models = [
      { name: '1 MB of weights', path: writeLargeModel(file('small.onnx'), 1e6).path, goal: false },
      { name: '1 GB of weights', path: writeLargeModel(file('large.onnx'), 1e9).path, goal: true },
      {
        name: '1 GB in 1,000 initializers',
        path: writeLargeModel(file('many.onnx'), 1e9, { initializerCount: 1000, sparse: true }).path,
        goal: false,
      },
      {
        name: '10,000 nodes, no weights',
        path: writeManyNodes(file('nodes.onnx'), 10_000).path,
        goal: false,
      },
    ];
    const rows: string[][] = [];
    for (const { name, path, goal } of models) {
      const args = [builtCli(), 'inspect', path, '--json'];
      const timesMs: number[] = [];
      for (let run = -1; run < RUNS; run += 1) {
        const { wallMs, stdout } = await sampleNode(args);
        if (typeof JSON.parse(stdout).nodeCount !== 'number') throw new Error(`no inspection of ${name}`);
        if (run >= 0) timesMs.push(wallMs);
      }
      const { peakRssBytes } = await sampleNode(args, { memory: true });
      const [timeMs, memory] = [median(timesMs), peakRssBytes ?? Number.NaN];
      rows.push([
        name,
        milliseconds(timeMs),
        milliseconds(Math.min(...timesMs)),
        goal ? against(timeMs, GOAL_MS, milliseconds(GOAL_MS)) : '',
        megabytes(memory),
        goal ? against(memory, GOAL_BYTES, megabytes(GOAL_BYTES)) : '',
      ]);
    }
    return table([`\`inspect\`, ${RUNS} runs`, 'median', 'fastest', 'goal', 'peak memory', 'goal'], rows);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
