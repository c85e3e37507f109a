import { join } from 'node:path';
import type { MachineLoad } from '../benchmark/noise.ts';
import { readText } from './machine.ts';

/**
 * What the machine has done since it was started, and its load average. Linux only; elsewhere everything is null.
 * @param root replaces `/` in tests.
 */
export async function readMachineLoad(root = '/'): Promise<MachineLoad> {
  const [stat, average] = await Promise.all([
    readText(join(root, 'proc/stat')),
    readText(join(root, 'proc/loadavg')),
  ]);
  // user nice system idle iowait irq softirq steal (proc(5)); guest times are in user already.
  const ticks =
    /^cpu +(.*)$/m
      .exec(stat ?? '')?.[1]
      ?.split(' ')
      .slice(0, 8)
      .map(Number) ?? [];
  const isWhole = ticks.length === 8 && ticks.every(Number.isFinite);
  const load = Number.parseFloat(average ?? '');
  return {
    ticks: isWhole ? { all: ticks.reduce((sum, each) => sum + each, 0), stolen: ticks[7] ?? 0 } : null,
    load: Number.isFinite(load) ? load : null,
  };
}
