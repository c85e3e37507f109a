import { availableParallelism } from 'node:os';
import type { Fingerprint, SoloMeasurement } from '../../benchmark/measurement.ts';
import { type Disturbance, disturbanceBetween } from '../../benchmark/noise.ts';
import type { Config, ModelConfig } from '../../config/config.ts';
import { readMachineLoad } from '../../runtime/machine-load.ts';
import { type Bench, measure, type WorkloadTask } from '../check/measuring.ts';
import type { ReadableModel } from '../readable-model.ts';
import { createRuntimeSource, readFingerprint } from '../runtime-source.ts';
import type { Surroundings } from '../surroundings.ts';

export interface ProductionMeasurement {
  readonly measured: SoloMeasurement;
  readonly rows: number;
  readonly disturbance: Disturbance;
}

/** How a model in production is measured on this machine, alone, with one set of its inputs. */
export interface Measurer {
  fingerprint(config: ModelConfig): Promise<Fingerprint>;
  /** @throws QuickServeError as `measure`. */
  measure(config: ModelConfig, model: ReadableModel, task: WorkloadTask): Promise<ProductionMeasurement>;
}

export interface MeasurerOptions {
  readonly config: Config;
  /** Of the work tree: paths of cases are relative to it. */
  readonly root: string;
  readonly runtimePath: string | null;
  /** One-sided error of each bound of a limit. */
  readonly alpha: number;
  readonly cwd: string;
}

export function createMeasurer(options: MeasurerOptions, world: Surroundings): Measurer {
  const { config, root, runtimePath, alpha, cwd } = options;
  const runtime = createRuntimeSource({ runtimePath, version: config.runtime.version, cwd }, world);
  const bench: Bench = { world, config, runtime: runtime.resolve, alpha };
  return {
    async fingerprint({ benchmark }) {
      const { provider } = config.runtime;
      return readFingerprint(await runtime.resolve(), { provider, threads: benchmark.threads });
    },
    async measure(model, candidate, task) {
      const before = await readMachineLoad();
      const { measured, rows } = await measure(model, model.policy, null, candidate, bench, root, task);
      if (measured.kind !== 'solo') throw new TypeError('a model without a base is measured alone');
      const disturbance = disturbanceBetween(before, await readMachineLoad(), availableParallelism());
      return { measured, rows, disturbance };
    },
  };
}
