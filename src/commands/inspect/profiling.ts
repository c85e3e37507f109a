import { dirname } from 'node:path';
import { feedsFor } from '../../benchmark/feeds.ts';
import type { FeedSet } from '../../benchmark/measurement.ts';
import { defaultConfig } from '../../config/parse.ts';
import { type ModelProfile, type ProfiledRuns, profileModel } from '../../model/layers/model-profile.ts';
import type { Model } from '../../model/model.ts';
import { interfaceOf } from '../../model/model-interface.ts';
import { readCaseFiles } from '../../runtime/case-files.ts';
import { profileRuns } from '../../runtime/profiler.ts';
import { createRuntimeSource } from '../runtime-source.ts';
import type { Surroundings } from '../surroundings.ts';
import { requireKnownDims } from './dim-sizes.ts';

export interface ProfilingOptions {
  readonly cwd: string;
  readonly threads: number;
  readonly provider: string;
  /** Sizes of symbolic dimensions. */
  readonly dims: Readonly<Record<string, number>>;
  readonly casesPath: string | null;
  readonly runtimePath: string | null;
}

/** The profile of a model, and what it was made from. */
export interface ProfiledModel {
  readonly profile: ModelProfile;
  readonly runs: ProfiledRuns;
  readonly feeds: FeedSet;
  readonly runtimeVersion: string;
}

const SEED = 7;

/**
 * Runs a model under the runtime's profiler, with the inputs of a case beside it or synthetic ones.
 * @throws QuickServeError USAGE, RUNTIME_*, WORKER_*, MODEL_LOAD_REFUSED, MODEL_RUN_FAILED, INPUTS_UNAVAILABLE.
 */
export async function profile(
  model: Model,
  file: string,
  options: ProfilingOptions,
  world: Surroundings,
): Promise<ProfiledModel> {
  const { runtime: defaults } = defaultConfig();
  const source = createRuntimeSource(
    { runtimePath: options.runtimePath, version: defaults.version, cwd: options.cwd },
    world,
  );
  requireKnownDims(options.dims, interfaceOf(model).inputs);
  const caseFiles = await readCaseFiles(options.casesPath ?? dirname(file));
  const feeds = feedsFor(interfaceOf(model), { seed: SEED, dims: options.dims }, caseFiles);
  const runtime = await source.resolve();
  world.progress.update('profiling');
  const runs = await profileRuns(
    {
      runtime,
      workerPath: world.workerPath,
      limits: { timeMs: defaults.loadTimeoutMs, memoryBytes: defaults.memoryLimitBytes },
      environment: world.env,
    },
    {
      modelPath: file,
      weightBytes: model.graph.initializers.reduce((total, { sizeBytes }) => total + sizeBytes, 0),
      settings: { provider: options.provider, threads: options.threads },
      feeds: feeds.tensors,
    },
  );
  return { profile: profileModel(model, runs), runs, feeds, runtimeVersion: runtime.version };
}
