import { readFile } from 'node:fs/promises';
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { join, posix } from 'node:path';
import type { MachineFacts } from '../benchmark/fingerprint.ts';

/** The text of a file of the system; null where it cannot be read. */
export const readText = (path: string): Promise<string | null> => readFile(path, 'utf8').catch(() => null);

/** The folders of this process's cgroup for a controller, innermost first. `''` is the unified hierarchy (v2). */
function cgroupFolders(cgroups: string | null, controller: string, mount: string): string[] {
  for (const line of (cgroups ?? '').split('\n')) {
    const [, controllers, path] = line.split(':');
    if (controllers === undefined || path === undefined) continue;
    if (!controllers.split(',').includes(controller)) continue;
    const folders: string[] = [];
    for (let folder = posix.normalize(path); ; folder = posix.dirname(folder)) {
      folders.push(join(mount, folder));
      if (folder === '/' || folder === '.') return folders;
    }
  }
  return [mount];
}

/** The limit nearest to the process. A container sees its own at the root of the mount. */
async function firstLimit(folders: readonly string[], file: string, isLimit: (text: string) => boolean) {
  for (const folder of folders) {
    const text = await readText(join(folder, file));
    if (text !== null && isLimit(text)) return { text, folder };
  }
  return null;
}

/**
 * Reads what identifies this machine: CPU, instruction sets, quota and memory limit of the cgroup (v1 and v2), kernel.
 * Nothing here fails: what cannot be read is null.
 * @param root replaces `/` in tests.
 */
export async function readMachine(nodeVersion: string, root = '/'): Promise<MachineFacts> {
  const mount = join(root, 'sys/fs/cgroup');
  const cgroups = await readText(join(root, 'proc/self/cgroup'));
  const unified = cgroupFolders(cgroups, '', mount);
  const cpuMax = await firstLimit(unified, 'cpu.max', text => !text.startsWith('max'));
  const quota = await firstLimit(
    cgroupFolders(cgroups, 'cpu', join(mount, 'cpu')),
    'cpu.cfs_quota_us',
    text => Number(text) > 0,
  );
  const memory =
    (await firstLimit(unified, 'memory.max', text => Number(text) > 0)) ??
    (await firstLimit(
      cgroupFolders(cgroups, 'memory', join(mount, 'memory')),
      'memory.limit_in_bytes',
      // v1 says "no limit" with a number near 2^63.
      text => Number(text) > 0 && Number(text) < 2 ** 60,
    ));
  return {
    cpuModel: cpus()[0]?.model ?? '',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    memoryLimitBytes: memory === null ? null : Number(memory.text),
    os: platform(),
    kernel: release(),
    arch: arch(),
    nodeVersion,
    cpuInfo: await readText(join(root, 'proc/cpuinfo')),
    cpuMax: cpuMax?.text ?? null,
    governor: await readText(join(root, 'sys/devices/system/cpu/cpu0/cpufreq/scaling_governor')),
    cfsQuota: quota?.text ?? null,
    cfsPeriod: quota === null ? null : await readText(join(quota.folder, 'cpu.cfs_period_us')),
  };
}
