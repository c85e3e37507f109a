import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { messageOf, QuickServeError } from '../shared/errors.ts';
import { tieToThisProcess } from './live-workers.ts';
import { ModelFailure } from './model-failure.ts';
import type { RuntimeLocation } from './runtime-location.ts';
import { explainEnd, explainFailure, type ModelNames } from './worker-end.ts';
import type { WorkerReply, WorkerRequest, WorkerResults, WorkerStage } from './worker-protocol.ts';

/** What a model may use before its process is killed. */
export interface WorkerLimits {
  /** For one request: a load, a run, or a launch. */
  readonly timeMs: number;
  /** Data segment (Linux) or resident size (elsewhere); null: no limit. */
  readonly memoryBytes: number | null;
}

export interface WorkerOptions {
  readonly runtime: RuntimeLocation;
  /** The entry file of the worker: src/runtime/worker.ts in development, dist/worker.js in a release. */
  readonly workerPath: string;
  readonly limits: WorkerLimits;
  /** The front door's environment; only harmless variables are handed on. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The memory of the process is what is measured: no huge pages (workerEnvironment). */
  readonly isMemoryMeasured?: boolean;
  /** By whom memory is limited; by default the kernel on Linux, and a watchdog thread elsewhere. */
  readonly memoryGuard?: 'kernel' | 'watchdog';
}

export interface WorkerProcess {
  /**
   * Requests are carried out one after the other in the order in which they are made; the time of each counts from where
   * the one before it was answered. After a rejection other than MODEL_LOAD_REFUSED, MODEL_RUN_FAILED and
   * RUNTIME_PROVIDER_UNAVAILABLE the process is gone, and what waited is rejected too.
   * @throws ModelFailure, or QuickServeError WORKER_START_FAILED and RUNTIME_PROVIDER_UNAVAILABLE.
   */
  request<R extends WorkerRequest>(
    request: R,
    names: ModelNames,
    timeLimitMs?: number,
  ): Promise<WorkerResults[R['kind']]>;
  /** Ends the process; resolves when it is gone and its folder removed. */
  close(): Promise<void>;
}

const STDERR_KEPT = 16_384;
const END_GRACE_MS = 2000;

/** No token, no proxy with a password, no NODE_OPTIONS: what a native library needs to start, and nothing else. */
const HANDED_ON = [
  'PATH',
  'TMPDIR',
  'TEMP',
  'TMP',
  'LANG',
  'LC_ALL',
  'TZ',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  'SystemRoot',
  'SYSTEMROOT',
  'windir',
  'CUDA_VISIBLE_DEVICES',
  'OMP_NUM_THREADS',
];

/**
 * Asks glibc to ask the kernel for huge pages (`madvise`), where the system offers them: the weights of a model in
 * small pages, which Node's own memory lies between, made a run up to 15 % slower than in other programs.
 */
const HUGE_PAGES = 'glibc.malloc.hugetlb=1';

/**
 * The environment of a worker, from that of the front door.
 * @param isMemoryMeasured whole huge pages make the peak of a process vary by more than small ones do.
 */
export function workerEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  isMemoryMeasured = false,
): Record<string, string> {
  const kept: Record<string, string> = { ORT_DISABLE_TELEMETRY: '1' };
  if (!isMemoryMeasured) kept['GLIBC_TUNABLES'] = HUGE_PAGES;
  for (const name of HANDED_ON) {
    const value = environment[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

/**
 * The command line. On Linux a shell sets the limits and then becomes the worker (same process, same channel): the
 * data segment, since RLIMIT_AS would kill Node itself; and CPU time, far above what the time limit allows, so that a
 * model that spins does not outlive a parent that was killed outright. A limit that cannot be set is lower already.
 */
function commandOf(options: WorkerOptions): { readonly command: string; readonly args: string[] } {
  const { limits, runtime, workerPath } = options;
  const guard = options.memoryGuard ?? (process.platform === 'linux' ? 'kernel' : 'watchdog');
  const worker = ['--no-warnings', workerPath, runtime.packageFolder];
  if (guard === 'watchdog') {
    return {
      command: process.execPath,
      args: [...worker, String(limits.memoryBytes ?? Number.MAX_SAFE_INTEGER)],
    };
  }
  const dataKib = limits.memoryBytes === null ? 'unlimited' : String(Math.ceil(limits.memoryBytes / 1024));
  const cpuSeconds = String(Math.ceil(limits.timeMs / 1000) * 64 + 60);
  const script = 'ulimit -d "$1" 2>/dev/null; ulimit -t "$2" 2>/dev/null; ulimit -c 0; shift 2; exec "$@"';
  return {
    command: '/bin/sh',
    args: ['-c', script, 'worker', dataKib, cpuSeconds, process.execPath, ...worker],
  };
}

const isReply = (message: unknown): message is WorkerReply =>
  typeof message === 'object' && message !== null && 'kind' in message;

interface Pending {
  readonly resolve: (result: WorkerResults[keyof WorkerResults]) => void;
  readonly reject: (error: Error) => void;
  readonly names: ModelNames;
  readonly timeLimitMs: number;
  /** The limit is that of one run of many: each sign of life starts it again. */
  readonly isRenewed: boolean;
}

function startFailure(cause: unknown): QuickServeError {
  return new QuickServeError({
    code: 'WORKER_START_FAILED',
    message: `The process that holds onnxruntime could not be started: ${messageOf(cause)}`,
    hint: 'Check the limits of processes and memory of this machine or container.',
    cause,
  });
}

/**
 * Starts a process that holds onnxruntime: in an empty temporary folder, without tokens in its environment, limited in
 * memory and time, killed with this process. It loads nothing before the first request.
 * @throws QuickServeError WORKER_START_FAILED.
 */
export async function startWorker(options: WorkerOptions): Promise<WorkerProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'quickserveml-worker-')).catch(error => {
    throw startFailure(error);
  });
  const { command, args } = commandOf(options);
  let child: ChildProcess;
  try {
    child = spawn(command, args, {
      cwd: folder,
      env: workerEnvironment(options.environment, options.isMemoryMeasured),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
      windowsHide: true,
    });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw startFailure(error);
  }
  tieToThisProcess(child);

  let stderr = '';
  const keep = (chunk: Buffer): void => {
    stderr = (stderr + chunk.toString('latin1')).slice(-STDERR_KEPT);
  };
  child.stderr?.on('data', keep);
  child.stdout?.on('data', keep);

  let stage: WorkerStage | null = null;
  let timedOut = false;
  /** The first is what the worker does now. */
  const queue: Pending[] = [];
  let timer: NodeJS.Timeout | undefined;
  const startTimer = (): void => {
    clearTimeout(timer);
    const [current] = queue;
    if (current === undefined) return;
    timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, current.timeLimitMs);
  };
  const settle = (act: (current: Pending) => void): void => {
    const current = queue.shift();
    startTimer();
    if (current !== undefined) act(current);
  };
  const rejectAll = (errorOf: (current: Pending) => Error): void => {
    while (queue.length > 0) settle(current => current.reject(errorOf(current)));
  };

  child.on('message', message => {
    if (!isReply(message)) return;
    switch (message.kind) {
      case 'stage':
        stage = message.stage;
        if (queue[0]?.isRenewed === true) timer?.refresh();
        break;
      case 'done':
        settle(({ resolve }) => resolve(message.result));
        break;
      case 'provider-unavailable':
        settle(({ reject }) => reject(unavailableProvider(message.provider, message.available)));
        break;
      case 'failed':
        settle(({ reject, names }) => {
          const details = explainFailure(message.message, message.stage, names, options.limits.memoryBytes);
          reject(new ModelFailure(details, message.stage));
        });
        break;
    }
  });

  child.once('error', error => rejectAll(() => startFailure(error)));
  const gone = endOf(child).then(async () => {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    rejectAll(({ names, timeLimitMs }) => {
      const end = {
        exitCode: child.exitCode,
        signal: child.signalCode,
        stderr,
        timedOut,
        timeLimitMs,
        memoryLimitBytes: options.limits.memoryBytes,
      };
      return new ModelFailure(explainEnd(end, stage, names), stage ?? { side: null, step: 'runtime' });
    });
  });

  return {
    async request(request, names, timeLimitMs = options.limits.timeMs) {
      if (child.exitCode !== null || child.signalCode !== null || !child.connected) {
        throw startFailure(new Error('it has ended'));
      }
      type Result = WorkerResults[(typeof request)['kind']];
      return new Promise<Result>((resolve, reject) => {
        queue.push({
          // The worker answers a request with the result of its kind.
          resolve: result => resolve(result as Result),
          reject,
          names,
          timeLimitMs,
          isRenewed: request.kind === 'run-many',
        });
        if (queue.length === 1) startTimer();
        child.send(request, error => {
          // A process that died before it read the request is explained by its end.
          if (error !== null && child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
        });
      });
    },
    async close() {
      if (child.connected) child.disconnect();
      const grace = setTimeout(() => child.kill('SIGKILL'), END_GRACE_MS);
      await gone;
      clearTimeout(grace);
    },
  };
}

/**
 * Resolves when the process has ended and its stderr and channel have been read to their ends. (Node's own `close`
 * event is not emitted once the parent has disconnected the channel.)
 */
async function endOf(child: ChildProcess): Promise<void> {
  const ended = (name: 'exit' | 'disconnect'): Promise<void> =>
    new Promise(resolve => child.once(name, () => resolve()));
  const closed = (stream: Readable | null): Promise<void> =>
    new Promise(resolve => (stream === null ? resolve() : stream.once('close', () => resolve())));
  const unborn = new Promise<void>(resolve => {
    child.once('error', () => child.pid === undefined && resolve());
  });
  const parts = [ended('exit'), ended('disconnect'), closed(child.stdout), closed(child.stderr)];
  await Promise.race([unborn, Promise.all(parts)]);
}

function unavailableProvider(provider: string, available: readonly string[]): QuickServeError {
  return new QuickServeError({
    code: 'RUNTIME_PROVIDER_UNAVAILABLE',
    message: `This build of onnxruntime has no execution provider "${provider}"; it has ${available.join(', ')}.`,
    hint: 'Choose one of those with --provider, or give a runtime that has it with --runtime-path.',
  });
}
