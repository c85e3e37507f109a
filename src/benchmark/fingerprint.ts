import { createHash } from 'node:crypto';
import type { Fingerprint } from './measurement.ts';

/** What a machine says of itself, as it was read; texts are null where there is no such file. */
export interface MachineFacts {
  /** Node's name of the first CPU. */
  readonly cpuModel: string;
  readonly cores: number;
  /** Memory of the machine, and of the container it runs in where that is less. */
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number | null;
  /** `linux`, `darwin`, `win32`. */
  readonly os: string;
  readonly kernel: string;
  readonly arch: string;
  readonly nodeVersion: string;
  /** /proc/cpuinfo */
  readonly cpuInfo: string | null;
  /** cgroup v2: cpu.max */
  readonly cpuMax: string | null;
  /** cgroup v1: cpu.cfs_quota_us and cpu.cfs_period_us */
  readonly cfsQuota: string | null;
  readonly cfsPeriod: string | null;
  /** cpufreq/scaling_governor of the first CPU */
  readonly governor?: string | null;
}

/** Instruction sets that kernels of the runtime are chosen by, from the most general to the most special. */
const INSTRUCTION_SETS = [
  'sse4_2',
  'avx',
  'f16c',
  'fma',
  'avx2',
  'avx_vnni',
  'avx512f',
  'avx512bw',
  'avx512_vnni',
  'avx512_bf16',
  'avx512_fp16',
  'amx_tile',
  'amx_int8',
  'amx_bf16',
  'asimd',
  'asimdhp',
  'asimddp',
  'i8mm',
  'bf16',
  'sve',
  'sve2',
  'sme',
];

/** The instruction sets of /proc/cpuinfo that matter to the runtime, in a fixed order; empty where it is not there. */
export function parseInstructionSets(cpuInfo: string | null): string {
  const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuInfo ?? '')?.[1] ?? '';
  const present = new Set(line.split(/\s+/));
  return INSTRUCTION_SETS.filter(name => present.has(name)).join(' ');
}

/** CPUs that the cgroup may use (1.5 for `150000 100000`), or null where there is no quota. */
export function parseCpuQuota(facts: Pick<MachineFacts, 'cpuMax' | 'cfsQuota' | 'cfsPeriod'>): number | null {
  const [quota, period] = facts.cpuMax?.trim().split(/\s+/) ?? [
    facts.cfsQuota?.trim(),
    facts.cfsPeriod?.trim(),
  ];
  const cpus = Number(quota) / Number(period);
  return Number.isFinite(cpus) && cpus > 0 ? Math.round(cpus * 100) / 100 : null;
}

const withoutSpeed = (cpuModel: string): string =>
  cpuModel
    .replace(/\s*@\s*[\d.]+\s*GHz$/i, '')
    .replace(/\s+/g, ' ')
    .trim();

/**
 * The fingerprint of a machine, runtime and settings. Its key covers what must be equal for times to be comparable:
 * CPU model, instruction sets, cores or quota, architecture, operating system, provider, runtime version, threads.
 * Memory, kernel and Node are recorded beside it.
 */
export function fingerprintOf(
  machine: MachineFacts,
  session: { readonly runtimeVersion: string; readonly provider: string; readonly threads: number },
): Fingerprint {
  const cpuQuota = parseCpuQuota(machine);
  const { os, arch, cores } = machine;
  const { provider, threads, runtimeVersion } = session;
  const cpuModel = withoutSpeed(machine.cpuModel) || 'unknown';
  const isa = parseInstructionSets(machine.cpuInfo);
  const memoryBytes = Math.min(machine.memoryBytes, machine.memoryLimitBytes ?? Number.POSITIVE_INFINITY);
  const keyed = [cpuModel, isa, cpuQuota ?? cores, arch, os, provider, runtimeVersion, threads];
  return {
    key: createHash('sha256').update(JSON.stringify(keyed)).digest('hex').slice(0, 12),
    cpuModel,
    isa,
    cores,
    cpuQuota,
    memoryGiB: Math.round((memoryBytes / 2 ** 30) * 10) / 10,
    os,
    kernel: machine.kernel,
    arch,
    nodeVersion: machine.nodeVersion,
    runtimeVersion,
    provider,
    threads,
    ...(machine.governor == null ? {} : { governor: machine.governor.trim() }),
    ...(machine.cpuInfo === null ? {} : { virtualised: /^flags\s*:.*\bhypervisor\b/m.test(machine.cpuInfo) }),
  };
}
