import { join } from 'node:path';
import { feedsFor } from '../../src/benchmark/feeds.ts';
import { measurePair } from '../../src/benchmark/interleaved.ts';
import type { FeedSet } from '../../src/benchmark/measurement.ts';
import { decodeTensorFile } from '../../src/benchmark/tensor-file.ts';
import { readCaseFiles } from '../../src/runtime/case-files.ts';
import { createLauncher } from '../../src/runtime/launcher.ts';
import { projectRoot } from './requirements.ts';
import { workerOptions } from './runtime.ts';
import { plan } from './simulated-launcher.ts';

async function fixture(name: string): Promise<{ readonly path: string; readonly feeds: FeedSet }> {
  const folder = join(projectRoot, 'fixtures/models', name);
  const files = await readCaseFiles(folder);
  const path = join(folder, 'model.onnx');
  if (files !== null)
    return { path, feeds: { origin: 'case', digest: name, tensors: files.map(decodeTensorFile) } };
  // The hostile ones come without a case, and each has the one input `x`.
  const shape = [name === 'aborts' ? 2 : 1];
  return {
    path,
    feeds: feedsFor({ inputs: [{ name: 'x', kind: 'tensor', dtype: 'float32', shape }] }, plan),
  };
}

/** Measures two models of the fixtures against each other, within the budget of `plan`. */
export async function measureFixtures(base: string, candidate: string, limits = workerOptions.limits) {
  const [one, other] = [await fixture(base), await fixture(candidate)];
  return measurePair({
    plan,
    basePath: one.path,
    candidatePath: other.path,
    feeds: { base: one.feeds, candidate: other.feeds },
    launcher: createLauncher({ ...workerOptions, limits }),
    now: () => performance.now(),
  });
}
