import { feedsFor } from '../../src/benchmark/feeds.ts';
import { type ModelProfile, type ProfiledRuns, profileModel } from '../../src/model/layers/model-profile.ts';
import type { Model } from '../../src/model/model.ts';
import { interfaceOf } from '../../src/model/model-interface.ts';
import { readModel } from '../../src/model/model-reader.ts';
import { readCaseFiles } from '../../src/runtime/case-files.ts';
import { profileRuns } from '../../src/runtime/profiler.ts';
import { workerOptions } from './runtime.ts';

export interface Profiled {
  readonly model: Model;
  readonly profile: ModelProfile;
  readonly runs: ProfiledRuns;
}

/** Profiles a model file in a real worker, with the inputs of a folder or made-up ones. */
export async function profiled(path: string, cases: string | null = null): Promise<Profiled> {
  const model = readModel(path);
  const files = cases === null ? null : await readCaseFiles(cases);
  const feeds = feedsFor(interfaceOf(model), { seed: 7, dims: {} }, files);
  const runs = await profileRuns(workerOptions, {
    modelPath: path,
    weightBytes: model.graph.initializers.reduce((total, { sizeBytes }) => total + sizeBytes, 0),
    settings: { provider: 'cpu', threads: 1 },
    feeds: feeds.tensors,
  });
  return { model, profile: profileModel(model, runs), runs };
}
