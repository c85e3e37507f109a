import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '../process-sample.ts';

const BATCHES = [8, 32];

export interface BareLoops {
  /** One process, one request a run. */
  readonly unbatchedPerSecond: number;
  /** A process for each processor at the best of the batch sizes: what no server on this machine can go beyond. */
  readonly ceilingPerSecond: number;
  /** Requests a run where the ceiling was reached. */
  readonly bestBatch: number;
}

async function rowsPerSecond(
  model: string,
  payload: string,
  batch: number,
  seconds: number,
): Promise<number> {
  const script = join(projectRoot, 'bench/serving/bare-loop.ts');
  const args = ['--no-warnings', script, model, payload, String(seconds), String(batch)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { encoding: 'utf8' });
  return Number(stdout);
}

/** @param model, payload paths. Where the runtime refuses a batch, that size counts as nothing. */
export async function measureBareLoops(model: string, payload: string, seconds: number): Promise<BareLoops> {
  const unbatchedPerSecond = await rowsPerSecond(model, payload, 1, seconds);
  let [ceilingPerSecond, bestBatch] = [0, 1];
  for (const batch of [1, ...BATCHES]) {
    const each = await Promise.all(
      cpus().map(() => rowsPerSecond(model, payload, batch, seconds).catch(() => 0)),
    );
    const sum = each.reduce((total, rows) => total + rows, 0);
    if (sum > ceilingPerSecond) [ceilingPerSecond, bestBatch] = [sum, batch];
  }
  return { unbatchedPerSecond, ceilingPerSecond, bestBatch };
}
