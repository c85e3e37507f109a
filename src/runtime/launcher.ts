import { basename } from 'node:path';
import type { Launcher, SessionSettings } from '../benchmark/launcher.ts';
import type { FeedTensor } from '../benchmark/measurement.ts';
import type { ModelNames } from './worker-end.ts';
import { startWorker, type WorkerOptions, type WorkerProcess } from './worker-process.ts';
import type { OpenResult, ProbeResult, RunManyResult, RunResult } from './worker-protocol.ts';

const NO_MODEL: ModelNames = { base: null, candidate: null, only: null };

async function withWorker<T>(options: WorkerOptions, use: (worker: WorkerProcess) => Promise<T>): Promise<T> {
  const worker = await startWorker(options);
  try {
    return await use(worker);
  } finally {
    await worker.close();
  }
}

/**
 * Launches measurements in fresh worker processes. `modelName`, where given, is what messages call the model instead
 * of its file name (the base may lie in a temporary file).
 */
export function createLauncher(options: WorkerOptions & { readonly modelName?: string }): Launcher {
  const nameOf = (path: string): string => options.modelName ?? basename(path);
  return {
    launchPair: ({ timeLimitMs, base, candidate, settings, seed }) =>
      withWorker(options, worker =>
        worker.request(
          { kind: 'launch-pair', base, candidate, settings, seed },
          { base: nameOf(base.path), candidate: nameOf(candidate.path), only: null },
          timeLimitMs ?? options.limits.timeMs,
        ),
      ),
    launchLoads: ({ timeLimitMs, basePath, candidatePath, settings, seed }) =>
      withWorker(options, worker =>
        worker.request(
          { kind: 'launch-loads', basePath, candidatePath, settings, seed },
          { base: nameOf(basePath), candidate: nameOf(candidatePath), only: null },
          timeLimitMs ?? options.limits.timeMs,
        ),
      ),
    launchCycles: ({ model, settings, cycles }) =>
      withWorker({ ...options, isMemoryMeasured: true }, worker =>
        worker.request(
          { kind: 'launch-cycles', model, settings, cycles },
          { ...NO_MODEL, only: nameOf(model.path) },
        ),
      ),
    launchSolo: ({ timeLimitMs, model, side, settings, blocks }) =>
      withWorker({ ...options, isMemoryMeasured: !blocks }, worker =>
        worker.request(
          { kind: 'launch-solo', model, side, settings, blocks },
          { ...NO_MODEL, only: nameOf(model.path) },
          timeLimitMs ?? options.limits.timeMs,
        ),
      ),
  };
}

/** Version and execution providers of a runtime, asked of the runtime itself in a worker. */
export function probeRuntime(options: WorkerOptions): Promise<ProbeResult> {
  return withWorker(options, worker => worker.request({ kind: 'probe' }, NO_MODEL));
}

/** A model that is loaded in a worker process. Runs are carried out in turn; a run that fails leaves it usable. */
export interface OpenModel {
  readonly description: OpenResult;
  /** @throws ModelFailure: MODEL_RUN_FAILED, or WORKER_* where the process died and the model is closed. */
  run(feeds: readonly FeedTensor[]): Promise<RunResult>;
  /** Several runs in one message to the worker; the time limit is that of each run. */
  runMany(feedSets: readonly (readonly FeedTensor[])[]): Promise<RunManyResult>;
  /** Runs on inputs that the worker keeps, without outputs: what a measurement of throughput wants. */
  runKept(feeds: readonly FeedTensor[] | null): Promise<{ readonly durationMs: number }>;
  close(): Promise<void>;
}

/**
 * Loads a model in a worker process of its own, for test cases, batches and serving.
 * @param modelPath absolute; external data resolves beside it.
 * @throws ModelFailure where it is refused or the process dies; RUNTIME_PROVIDER_UNAVAILABLE.
 */
export async function openModel(
  options: WorkerOptions & { readonly modelName?: string },
  modelPath: string,
  settings: SessionSettings = { provider: 'cpu', threads: 1 },
): Promise<OpenModel> {
  const names: ModelNames = { ...NO_MODEL, only: options.modelName ?? basename(modelPath) };
  const worker = await startWorker(options);
  try {
    const description = await worker.request({ kind: 'open', modelPath, settings }, names);
    return {
      description,
      run: feeds => worker.request({ kind: 'run', feeds }, names),
      runMany: feedSets => worker.request({ kind: 'run-many', feedSets }, names),
      runKept: feeds => worker.request({ kind: 'run-kept', feeds }, names),
      close: () => worker.close(),
    };
  } catch (error) {
    await worker.close();
    throw error;
  }
}
