import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { tieToExit } from '../../runtime/live-workers.ts';
import { workerEnvironment } from '../../runtime/worker-process.ts';
import { FrameReader, writeFrame } from './frames.ts';
import type { JobAnswer, JobHead, LoadedModel, WorkerMessage, WorkerStart } from './worker-messages.ts';

/** What a worker process is started from. */
export interface WorkerLaunch {
  /** src/serving/worker/serving-worker.ts in development, dist/serving-worker.js in a release. */
  readonly workerPath: string;
  /** Folder of onnxruntime-node. */
  readonly packageFolder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly start: WorkerStart;
}

export interface WorkerListener {
  ready(models: readonly LoadedModel[]): void;
  answered(batch: number, answers: readonly JobAnswer[], bodies: readonly Buffer[], batchMs: number): void;
  /** Once, when the process is gone. */
  ended(reason: string): void;
}

export interface WorkerHandle {
  readonly pid: number;
  readonly residentBytes: number | null;
  send(
    batch: number,
    model: number,
    jobs: readonly { readonly head: JobHead; readonly body: readonly Uint8Array[] }[],
  ): void;
  /** Ends it when it has answered what it has; the process is killed where it does not follow. */
  stop(): void;
  kill(reason: string): void;
}

/**
 * As large a body as glibc can keep the memory of. By default it gives the memory of each large body and input back to the
 * kernel, which clears as much for the next one: a tenth of what a request of a megabyte costs.
 */
const KEPT_BYTES = 32 * 2 ** 20;
const KEEP_FREED = `glibc.malloc.trim_threshold=${KEPT_BYTES}:glibc.malloc.mmap_threshold=${KEPT_BYTES}`;

const STOP_GRACE_MS = 2000;
const STDERR_KEPT = 4096;

function servingEnvironment(environment: WorkerLaunch['environment']): Record<string, string> {
  const kept = workerEnvironment(environment);
  return { ...kept, GLIBC_TUNABLES: `${kept['GLIBC_TUNABLES']}:${KEEP_FREED}` };
}

/** Starts a worker process. It loads its models at once. */
export function startServingWorker(launch: WorkerLaunch, listener: WorkerListener): WorkerHandle {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--no-warnings', launch.workerPath, launch.packageFolder, JSON.stringify(launch.start)],
    {
      env: servingEnvironment(launch.environment),
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      windowsHide: true,
    },
  );
  // Not killed by a signal: what it has in hand is answered first.
  tieToExit(child);
  const pipe = child.stdio[3] as Duplex | null | undefined;
  let reason: string | null = null;
  let stderr = '';
  let residentBytes: number | null = null;
  let ended = false;

  const kill = (why: string): void => {
    reason ??= why;
    child.kill('SIGKILL');
  };
  const end = (why: string): void => {
    if (ended) return;
    ended = true;
    pipe?.destroy();
    listener.ended(why);
  };
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString('latin1')).slice(-STDERR_KEPT);
  });
  child.once('error', error => end(`it could not be started: ${error.message}`));
  child.once('exit', (code, signal) => {
    const how = signal === null ? `exit code ${code}` : signal;
    const last = stderr.trim().split('\n').at(-1) ?? '';
    end(reason ?? (last === '' ? how : `${how}: ${last}`));
  });

  const take = (message: WorkerMessage, body: Buffer): void => {
    switch (message.kind) {
      case 'ready':
        listener.ready(message.models);
        break;
      case 'refused': {
        const model = launch.start.models[message.model];
        reason ??= `${model?.name ?? 'a model'} ${model?.version ?? ''} cannot be served: ${message.reason}`;
        break;
      }
      case 'answers': {
        residentBytes = message.residentBytes;
        let at = 0;
        const bodies = message.answers.map(({ bytes }) => {
          const part = body.subarray(at, at + bytes);
          at += bytes;
          return part;
        });
        listener.answered(message.batch, message.answers, bodies, message.batchMs);
      }
    }
  };
  if (pipe !== null && pipe !== undefined) {
    const reader = new FrameReader((head, body) => take(head as WorkerMessage, body));
    pipe.on('data', (chunk: Buffer) => {
      try {
        reader.feed(chunk);
      } catch (error) {
        pipe.destroy();
        kill(`it sent what is no frame: ${String(error)}`);
      }
    });
    // The end of the process tells what happened; a broken pipe alone says nothing.
    pipe.on('error', () => undefined);
  }

  return {
    pid: child.pid ?? 0,
    get residentBytes() {
      return residentBytes;
    },
    send(batch, model, jobs) {
      if (pipe === null || pipe === undefined || pipe.destroyed) return;
      writeFrame(
        pipe,
        { batch, model, jobs: jobs.map(({ head }) => head) },
        jobs.flatMap(({ body }) => body),
      );
    },
    stop() {
      reason ??= 'it was told to stop';
      pipe?.end();
      pipe?.destroy();
      setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS).unref();
    },
    kill,
  };
}
