import type { ServedModel } from '../served-model.ts';
import type { ServingSettings } from '../settings.ts';
import type { WorkerLaunch } from './worker-handle.ts';

/** A model with what was read of its file, before any worker has it. */
export type ModelFacts = Omit<ServedModel, 'batching'> & { readonly path: string };

/** The models that workers of one age serve: another list needs new workers. */
export interface Generation {
  readonly number: number;
  readonly launch: WorkerLaunch;
  /** `name@version`, in the order of the launch's models. */
  readonly keys: readonly string[];
}

export interface GenerationOptions {
  readonly settings: Pick<ServingSettings, 'threads' | 'provider' | 'limits' | 'batching'>;
  readonly launch: Pick<WorkerLaunch, 'workerPath' | 'packageFolder' | 'environment'>;
}

export const keyOf = (name: string, version: string): string => `${name}@${version}`;

export function createGeneration(
  number: number,
  models: readonly ModelFacts[],
  { settings, launch }: GenerationOptions,
): Generation {
  return {
    number,
    keys: models.map(({ name, version }) => keyOf(name, version)),
    launch: {
      ...launch,
      start: {
        models: models.map(({ name, version, path }) => ({ name, version, path })),
        threads: settings.threads,
        provider: settings.provider,
        maxBatchRows: settings.batching.maxRequests,
        maxDimension: settings.limits.dimension,
        batching: settings.batching.enabled,
        memoryBytes: settings.limits.workerMemoryBytes,
      },
    },
  };
}
