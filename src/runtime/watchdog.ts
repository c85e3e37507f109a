import { Worker } from 'node:worker_threads';

/** Written to stderr before the process is killed for memory: worker-message.ts knows it by its words. */
const MEMORY_LIMIT_EXCEEDED = 'quickserveml: memory limit exceeded\n';

/**
 * Runs in a thread of its own, so it goes on while the main thread is blocked in native code: kills the process when
 * the resident size passes the limit, or when the parent is gone. As text, so that it is the same bundled or not.
 */
const SOURCE = `
const { workerData } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const parent = process.ppid;
setInterval(() => {
  if (process.memoryUsage.rss() > workerData.limitBytes) {
    writeSync(2, ${JSON.stringify(MEMORY_LIMIT_EXCEEDED)});
    process.kill(process.pid, 'SIGKILL');
  }
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}, 50);
`;

/** The worker's argument: a number of bytes, or nothing where the kernel holds the limit. */
export function watchdogLimitOf(argument: string | undefined): number | null {
  const bytes = Number(argument);
  return argument !== undefined && Number.isFinite(bytes) && bytes > 0 ? bytes : null;
}

/** Starts the watchdog unless there is no limit to watch. */
export function startWatchdog(limitBytes: number | null): void {
  if (limitBytes === null) return;
  new Worker(SOURCE, { eval: true, workerData: { limitBytes }, stdin: false }).unref();
}
