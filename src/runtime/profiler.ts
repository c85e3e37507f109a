import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { SessionSettings } from '../benchmark/launcher.ts';
import type { FeedTensor } from '../benchmark/measurement.ts';
import type { ProfiledRuns } from '../model/layers/model-profile.ts';
import type { RunTrace } from '../model/layers/trace.ts';
import type { Model } from '../model/model.ts';
import { readModel } from '../model/model-reader.ts';
import { QuickServeError } from '../shared/errors.ts';
import type { ProfilingRequest } from './profiling.ts';
import { startWorker, type WorkerOptions } from './worker-process.ts';

/** The graphs are written with their weights, into one protobuf file. */
const LARGEST_WRITTEN_BYTES = 1_900_000_000;

export interface ProfilerInput {
  /** Absolute; external data resolves beside it. */
  readonly modelPath: string;
  readonly modelName?: string;
  /** Weights, external data included: above 1.9 GB the runtime cannot write the optimised graph. */
  readonly weightBytes: number;
  readonly settings: SessionSettings;
  readonly feeds: readonly FeedTensor[];
}

/**
 * Profiles a model in worker processes: once without optimisation, for the shapes of what the file says, and some
 * times as the runtime optimises it, for the times of what really runs.
 * @throws ModelFailure and QuickServeError like a launch.
 */
export async function profileRuns(options: WorkerOptions, input: ProfilerInput): Promise<ProfiledRuns> {
  const folder = await mkdtemp(join(tmpdir(), 'quickserveml-profile-'));
  try {
    const writeGraph = input.weightBytes < LARGEST_WRITTEN_BYTES;
    const optimised = await profileLevel(options, input, {
      folder: join(folder, 'all'),
      level: 'all',
      writeGraph,
    });
    const loaded = await profileLevel(options, input, {
      folder: join(folder, 'disabled'),
      level: 'disabled',
      writeGraph,
    });
    return {
      loaded: loaded.runs.at(-1) ?? [],
      loadedGraph: loaded.graph,
      optimised: optimised.runs,
      optimisedGraph: optimised.graph,
      feeds: new Map(input.feeds.map(({ name, dtype, shape }) => [name, { dtype, shape }])),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function profileLevel(
  options: WorkerOptions,
  input: ProfilerInput,
  profiling: ProfilingRequest,
): Promise<{ readonly runs: readonly RunTrace[]; readonly graph: Model | null }> {
  const { modelPath, settings, feeds } = input;
  await mkdir(profiling.folder);
  const worker = await startWorker(options);
  try {
    const names = { base: null, candidate: null, only: input.modelName ?? basename(modelPath) };
    const runs = await worker.request({ kind: 'profile', modelPath, settings, feeds, profiling }, names);
    return { runs, graph: profiling.writeGraph ? readWritten(join(profiling.folder, 'graph.onnx')) : null };
  } finally {
    await worker.close();
  }
}

/** The graph that the runtime wrote. It writes none of an ORT file, and some of its own graphs break the format's rules. */
function readWritten(path: string): Model | null {
  try {
    return readModel(path);
  } catch (error) {
    if (error instanceof QuickServeError) return null;
    throw error;
  }
}
