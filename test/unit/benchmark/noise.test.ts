import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { disturbanceBetween, trustSentence } from '../../../src/benchmark/noise.ts';
import { readMachineLoad } from '../../../src/runtime/machine-load.ts';

const quiet = { stealShare: 0, loadPerCpu: 0.5 };

describe('how far numbers can be trusted', () => {
  it('follows from how much launches differ', () => {
    expect(trustSentence({ ...quiet, waitShare: 0.02, spread: 0.005 })).toContain(
      'small differences can be told',
    );
    expect(trustSentence({ ...quiet, waitShare: 0.5, spread: 0.2 })).toContain(
      'measure again on a quieter machine',
    );
  });

  it('says where the wait cannot be read, and where there is too little', () => {
    expect(trustSentence({ ...quiet, waitShare: null, spread: null })).toMatch(
      /wall times; too few launches/,
    );
  });

  it('says that a machine was busy, and nothing of one that was not', () => {
    const said = { waitShare: 0.1, spread: 0.01 };
    expect(trustSentence({ ...said, stealShare: 0.12, loadPerCpu: 3.2 })).toContain(
      'The machine was busy: the host gave 12 % of the CPUs to other guests, which cannot be taken out, and 3.2 tasks wanted each CPU at the end.',
    );
    expect(trustSentence({ ...said, ...quiet })).not.toContain('busy');
    expect(trustSentence({ ...said, stealShare: null, loadPerCpu: null })).not.toContain('busy');
  });
});

describe('what else a machine did', () => {
  let root = '';
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'quickserveml-load-'));
    await mkdir(join(root, 'proc'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const read = async (stat: string, average: string) => {
    await writeFile(join(root, 'proc/stat'), stat);
    await writeFile(join(root, 'proc/loadavg'), average);
    return readMachineLoad(root);
  };

  it('is the share of the ticks between two readings, guests not counted twice', async () => {
    const before = await read('cpu  100 0 0 900 0 0 0 10 50 0\ncpu0 1 2 3\n', '0.50 1.00 1.00 1/100 1\n');
    const after = await read('cpu  150 0 0 980 0 0 0 80 90 0\ncpu0 1 2 3\n', '3.00 1.00 1.00 1/100 1\n');
    expect(disturbanceBetween(before, after, 2)).toEqual({ stealShare: 70 / 200, loadPerCpu: 1.5 });
  });

  it('is unknown where nothing can be read or the kernel is too old to tell', async () => {
    expect(await readMachineLoad(join(root, 'nowhere'))).toEqual({ ticks: null, load: null });
    expect((await read('cpu 1 2 3 4 5 6 7\n', 'x')).ticks).toBeNull();
    const nothing = { ticks: null, load: null };
    expect(disturbanceBetween(nothing, nothing, 2)).toEqual({ stealShare: null, loadPerCpu: null });
  });
});
