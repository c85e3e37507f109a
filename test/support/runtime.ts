import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { FeedSet } from '../../src/benchmark/measurement.ts';
import { decodeTensorFile } from '../../src/benchmark/tensor-file.ts';
import { readCaseFiles } from '../../src/runtime/case-files.ts';
import { PINNED_RUNTIME_VERSION, type RuntimeLocation } from '../../src/runtime/runtime-location.ts';
import type { WorkerOptions } from '../../src/runtime/worker-process.ts';
import { modelsFolder, projectRoot } from './requirements.ts';

/** The onnxruntime-node of this project's own node_modules. */
export const installedRuntime: RuntimeLocation = {
  packageFolder: join(projectRoot, 'node_modules/onnxruntime-node'),
  version: PINNED_RUNTIME_VERSION,
  pinned: true,
  origin: 'package',
};

/** Options for a worker from the sources, with limits that no ordinary model reaches. */
export const workerOptions: WorkerOptions = {
  runtime: installedRuntime,
  workerPath: join(projectRoot, 'src/runtime/worker.ts'),
  limits: { timeMs: 60_000, memoryBytes: 2 ** 31 },
  environment: process.env,
};

/** A model of the shared folder, with the inputs that lie beside it. */
export async function sharedModel(name: string): Promise<{ readonly path: string; readonly feeds: FeedSet }> {
  const folder = join(modelsFolder, name);
  const cases = ['test_data_set_0', 'generated_data_set_0'].map(each => join(folder, each)).find(existsSync);
  const files = cases === undefined ? [] : ((await readCaseFiles(cases)) ?? []);
  return {
    path: join(folder, 'model.onnx'),
    feeds: { origin: 'case', digest: name, tensors: files.map(decodeTensorFile) },
  };
}
