import { describe, expect, it } from 'vitest';
import {
  fingerprintOf,
  type MachineFacts,
  parseCpuQuota,
  parseInstructionSets,
} from '../../../src/benchmark/fingerprint.ts';

const machine: MachineFacts = {
  cpuModel: 'Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz',
  cores: 4,
  memoryBytes: 16 * 2 ** 30,
  memoryLimitBytes: null,
  os: 'linux',
  kernel: '6.8.0',
  arch: 'x64',
  nodeVersion: 'v24.0.0',
  cpuInfo: 'processor\t: 0\nflags\t\t: fpu avx512f sse4_2 avx2 fma avx f16c\n',
  cpuMax: null,
  cfsQuota: null,
  cfsPeriod: null,
};
const session = { runtimeVersion: '1.30.0', provider: 'cpu', threads: 1 };

describe('a fingerprint', () => {
  it('is the same for what does not change times', () => {
    const { key } = fingerprintOf(machine, session);
    const other = { ...machine, memoryBytes: 8 * 2 ** 30, kernel: '6.9.1', nodeVersion: 'v24.9.0' };
    expect(fingerprintOf(other, session).key).toBe(key);
    expect(key).toMatch(/^[0-9a-f]{12}$/);
  });

  it('differs with the CPU, its instruction sets, cores or quota, provider, runtime and threads', () => {
    const keys = [
      fingerprintOf(machine, session),
      fingerprintOf({ ...machine, cpuModel: 'AMD EPYC 7763' }, session),
      fingerprintOf({ ...machine, cpuInfo: 'flags : avx2 amx_tile' }, session),
      fingerprintOf({ ...machine, cores: 2 }, session),
      fingerprintOf({ ...machine, cpuMax: '150000 100000' }, session),
      fingerprintOf(machine, { ...session, provider: 'cuda' }),
      fingerprintOf(machine, { ...session, runtimeVersion: '1.31.0' }),
      fingerprintOf(machine, { ...session, threads: 2 }),
    ].map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('does not tell machines apart by the clock in the name of their CPU', () => {
    const named = fingerprintOf({ ...machine, cpuModel: 'Intel(R) Xeon(R)  Platinum 8370C CPU' }, session);
    expect(named).toMatchObject({ cpuModel: 'Intel(R) Xeon(R) Platinum 8370C CPU' });
    expect(named.key).toBe(fingerprintOf(machine, session).key);
  });

  it('shows the memory of the container where that is less', () => {
    expect(fingerprintOf({ ...machine, memoryLimitBytes: 2 ** 31 }, session).memoryGiB).toBe(2);
    expect(fingerprintOf(machine, session).memoryGiB).toBe(16);
  });
});

describe('CPU quota', () => {
  it.each([
    [{ cpuMax: '150000 100000\n', cfsQuota: null, cfsPeriod: null }, 1.5],
    [{ cpuMax: 'max 100000\n', cfsQuota: null, cfsPeriod: null }, null],
    [{ cpuMax: null, cfsQuota: '200000\n', cfsPeriod: '100000\n' }, 2],
    [{ cpuMax: null, cfsQuota: '-1\n', cfsPeriod: '100000\n' }, null],
    [{ cpuMax: null, cfsQuota: null, cfsPeriod: null }, null],
  ])('%j is %s CPUs', (files, cpus) => {
    expect(parseCpuQuota(files)).toBe(cpus);
  });
});

describe('instruction sets', () => {
  it('are those that matter, in a fixed order', () => {
    expect(parseInstructionSets(machine.cpuInfo)).toBe('sse4_2 avx f16c fma avx2 avx512f');
    expect(parseInstructionSets('Features : fp asimd asimddp sve')).toBe('asimd asimddp sve');
  });

  it('are unknown without /proc/cpuinfo', () => {
    expect(parseInstructionSets(null)).toBe('');
  });
});
