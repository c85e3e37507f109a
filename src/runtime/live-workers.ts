import type { ChildProcess } from 'node:child_process';

/**
 * Worker processes that must not outlive this one. A worker ends by itself when its channel closes, but not while it
 * is blocked in native code: so they are killed when this process exits or is interrupted. Where this process is
 * killed outright, the limit of CPU time (Linux) or the watchdog ends them.
 */
const live = new Set<ChildProcess>();
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function killAll(): void {
  for (const child of live) child.kill('SIGKILL');
}

function onSignal(signal: NodeJS.Signals): void {
  killAll();
  stopListening();
  // Another listener decides what the signal means; without one it ends this process, as it would have.
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}

function stopListening(): void {
  process.off('exit', killAll);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}

const untilExit = new Set<ChildProcess>();

function killAtExit(): void {
  for (const child of untilExit) child.kill('SIGKILL');
}

/** Like `tieToThisProcess`, for a process that decides itself what a signal means: only its exit ends the child. */
export function tieToExit(child: ChildProcess): void {
  if (untilExit.size === 0) process.on('exit', killAtExit);
  untilExit.add(child);
  const release = (): void => {
    if (untilExit.delete(child) && untilExit.size === 0) process.off('exit', killAtExit);
  };
  child.once('exit', release);
  child.once('error', release);
}

/** Ties the life of a child to this process, until it has ended. */
export function tieToThisProcess(child: ChildProcess): void {
  if (live.size === 0) {
    process.on('exit', killAll);
    for (const signal of SIGNALS) process.on(signal, onSignal);
  }
  live.add(child);
  const release = (): void => {
    if (live.delete(child) && live.size === 0) stopListening();
  };
  child.once('exit', release);
  child.once('error', release);
}
