import { mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { SessionSettings } from '../benchmark/launcher.ts';
import type { FeedTensor } from '../benchmark/measurement.ts';
import type { ProfiledRuns } from '../model/layers/model-profile.ts';
import type { RunTrace } from '../model/layers/trace.ts';
import type { Model } from '../model/model.ts';
import { readModel } from '../model/model-reader.ts';
import { QuickServeError } from '../shared/errors.ts';
import { openTemporaryFolder } from '../shared/temporary-folder.ts';
import { startWorker, type WorkerOptions } from './worker-process.ts';
import type { ProfiledModelFile, ProfilingRequest } from './worker-protocol.ts';

/** The graphs are written with their weights, into one protobuf file. */
const LARGEST_WRITTEN_BYTES = 1_900_000_000;

/** More runs make the medians no better for reading. */
const ALONE = { mostRuns: 7, enoughMs: 1000 } as const;
/** Enough for a low quantile of each layer; processes tell more than further runs of one. */
const IN_TURNS = { mostRuns: 40, enoughMs: 1200 } as const;
const SHAPES_ONLY = { mostRuns: 0, enoughMs: 0 } as const;

/** A model to be profiled. */
export interface ProfilerModel {
  /** Absolute; external data resolves beside it. */
  readonly modelPath: string;
  /** Weights, external data included: above 1.9 GB the runtime cannot write the optimised graph. */
  readonly weightBytes: number;
  readonly feeds: readonly FeedTensor[];
}

interface ProfilerSetting {
  readonly modelName?: string;
  readonly settings: SessionSettings;
}

export type ProfilerInput = ProfilerModel & ProfilerSetting;

export interface PairProfilerInput extends ProfilerSetting {
  readonly base: ProfilerModel;
  readonly candidate: ProfilerModel;
}

/** One process in which both models ran in turns. */
export interface ProfiledPair {
  readonly base: ProfiledRuns;
  readonly candidate: ProfiledRuns;
}

/**
 * Profiles a model in worker processes: once without optimisation, for the shapes of what the file says, and some
 * times as the runtime optimises it, for the times of what really runs.
 * @throws ModelFailure and QuickServeError like a launch.
 */
export async function profileRuns(options: WorkerOptions, input: ProfilerInput): Promise<ProfiledRuns> {
  await using scratch = await openTemporaryFolder('profile');
  const [optimised] = await profileModels(options, input, [{ side: null, ...input }], {
    folder: join(scratch.path, 'all'),
    level: 'all',
    writeGraph: true,
    ...ALONE,
  });
  const loaded = await profileLoaded(options, input, input, join(scratch.path, 'disabled'));
  return { ...loaded, optimised: optimised?.runs ?? [], optimisedGraph: optimised?.graph ?? null };
}

/**
 * Profiles two models in turns within one process, again and again in fresh processes for as long as it is asked: what
 * disturbs the machine for a while then disturbs both, and what a process's layout does differs from one to the next.
 * @throws ModelFailure and QuickServeError like a launch.
 */
export async function* profilePairs(
  options: WorkerOptions,
  input: PairProfilerInput,
): AsyncGenerator<ProfiledPair, never> {
  await using scratch = await openTemporaryFolder('profile');
  const folder = scratch.path;
  const base = await profileLoaded(options, input, input.base, join(folder, 'base'));
  const candidate = await profileLoaded(options, input, input.candidate, join(folder, 'candidate'));
  let graphs: readonly (Model | null)[] | null = null;
  const sides = [
    { side: 'base', ...input.base },
    { side: 'candidate', ...input.candidate },
  ] as const;
  for (let launch = 0; ; launch += 1) {
    // Who is opened first gets other memory: by turns, so that this is noise and no difference.
    const isMirrored = launch % 2 === 1;
    const inOrder: readonly ProfileResult[] = await profileModels(
      options,
      input,
      isMirrored ? sides.toReversed() : sides,
      { folder: join(folder, String(launch)), level: 'all', writeGraph: graphs === null, ...IN_TURNS },
    );
    const results = isMirrored ? inOrder.toReversed() : inOrder;
    graphs ??= results.map(({ graph }) => graph);
    yield {
      base: { ...base, optimised: results[0]?.runs ?? [], optimisedGraph: graphs[0] ?? null },
      candidate: { ...candidate, optimised: results[1]?.runs ?? [], optimisedGraph: graphs[1] ?? null },
    };
    await rm(join(folder, String(launch)), { recursive: true, force: true });
  }
}

/** What the file says, as it runs without optimisation. */
async function profileLoaded(
  options: WorkerOptions,
  setting: ProfilerSetting,
  model: ProfilerModel,
  folder: string,
): Promise<Pick<ProfiledRuns, 'loaded' | 'loadedGraph' | 'feeds'>> {
  const request = { folder, level: 'disabled', writeGraph: true, ...SHAPES_ONLY } as const;
  const [result] = await profileModels(options, setting, [{ side: null, ...model }], request);
  return {
    loaded: result?.runs.at(-1) ?? [],
    loadedGraph: result?.graph ?? null,
    feeds: new Map(model.feeds.map(({ name, dtype, shape }) => [name, { dtype, shape }])),
  };
}

interface ProfileResult {
  readonly runs: readonly RunTrace[];
  /** null: it was not asked for, or could not be written or read. */
  readonly graph: Model | null;
}

/** @param request `folder` is made; `writeGraph` only holds where all weights are small enough. */
async function profileModels(
  options: WorkerOptions,
  { settings, modelName }: ProfilerSetting,
  models: readonly (ProfilerModel & Pick<ProfiledModelFile, 'side'>)[],
  request: ProfilingRequest & { readonly folder: string },
): Promise<readonly ProfileResult[]> {
  const { folder, ...rest } = request;
  const canWrite = models.every(({ weightBytes }) => weightBytes < LARGEST_WRITTEN_BYTES);
  const profiling: ProfilingRequest = { ...rest, writeGraph: rest.writeGraph && canWrite };
  const placed = models.map(({ side, modelPath, feeds }, index): ProfiledModelFile => {
    return { side, modelPath, feeds, folder: join(folder, String(index)) };
  });
  for (const each of placed) await mkdir(each.folder, { recursive: true });
  const worker = await startWorker(options);
  try {
    const name = modelName ?? basename(models.at(-1)?.modelPath ?? '');
    const runs = await worker.request(
      { kind: 'profile', models: placed, settings, profiling },
      { base: `base of ${name}`, candidate: name, only: name },
    );
    return placed.map((each, index) => ({
      runs: runs[index] ?? [],
      graph: profiling.writeGraph ? readWritten(join(each.folder, 'graph.onnx')) : null,
    }));
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
