import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * A reader of how long this thread has stood in the run queue, milliseconds; null where that cannot be read. It is the
 * second number of schedstat, in nanoseconds; a read costs 2.5 us. Linux only.
 */
export function openWaitClock(): () => number | null {
  let file: number;
  try {
    file = openSync('/proc/thread-self/schedstat', 'r');
  } catch {
    return () => null;
  }
  const buffer = Buffer.alloc(96);
  const waitMs = (): number | null => {
    const length = readSync(file, buffer, 0, buffer.length, 0);
    const wait = Number(buffer.toString('latin1', 0, length).split(' ')[1]);
    return Number.isFinite(wait) ? wait / 1e6 : null;
  };
  // Kernels without CONFIG_SCHED_INFO, and some sandboxes, show zeros: no time on a CPU is not possible.
  const ranNs = Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[0]);
  if (ranNs > 0) return waitMs;
  closeSync(file);
  return () => null;
}

/** VmHWM belongs to this program alone; ru_maxrss on Linux also remembers the parent's size at the fork. */
export function peakRssBytes(): number {
  try {
    const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'));
    if (line?.[1] !== undefined) return Number(line[1]) * 1024;
  } catch {
    // not Linux
  }
  return process.resourceUsage().maxRSS * 1024;
}

/**
 * A function that collects JavaScript's garbage, so that what is left is really held: outputs of runs wait for it outside
 * of the heap. Made once, since it needs a context of its own.
 */
export function openGarbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  return typeof collect === 'function' ? () => void collect() : () => undefined;
}
