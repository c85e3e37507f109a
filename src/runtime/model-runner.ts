import type { SessionSettings } from '../benchmark/launcher.ts';
import type { ModelRunner, NamedTensor } from '../cases/case-value.ts';
import { QuickServeError } from '../shared/errors.ts';
import { type OpenModel, openModel } from './launcher.ts';
import type { WorkerOptions } from './worker-process.ts';

/** A model that stays loaded over many runs. Disposed with `await using`. */
export interface OpenRunner extends ModelRunner, AsyncDisposable {}

/** After these the worker process is gone; the next run needs a new one. */
const PROCESS_GONE: ReadonlySet<string> = new Set([
  'WORKER_CRASHED',
  'WORKER_TIMEOUT',
  'WORKER_OUT_OF_MEMORY',
]);

/**
 * Runs a model in a worker process that is opened at the first run, kept over many, and opened again after a crash.
 * Runs are carried out one after the other; after a crash, what waited fails as well. @param modelPath absolute.
 */
export function createModelRunner(
  options: WorkerOptions & { readonly modelName?: string },
  modelPath: string,
  settings: SessionSettings = { provider: 'cpu', threads: 1 },
): OpenRunner {
  let opening: Promise<OpenModel> | null = null;

  async function use<T>(act: (model: OpenModel) => Promise<T>): Promise<T> {
    opening ??= openModel(options, modelPath, settings);
    const mine = opening;
    let model: OpenModel | null = null;
    try {
      model = await mine;
      return await act(model);
    } catch (error) {
      const isGone = error instanceof QuickServeError && PROCESS_GONE.has(error.code);
      if ((model === null || isGone) && opening === mine) opening = null;
      if (isGone) await model?.close();
      throw error;
    }
  }

  return {
    run: async (feeds: readonly NamedTensor[]) => (await use(model => model.run(feeds))).outputs,
    runMany: async feedSets => (await use(model => model.runMany(feedSets))).outputs,
    [Symbol.asyncDispose]: async () => {
      const last = opening;
      opening = null;
      // What could not be opened is closed.
      await (await last?.catch(() => null))?.close();
    },
  };
}
