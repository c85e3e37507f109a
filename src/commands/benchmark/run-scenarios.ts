import { dirname } from 'node:path';
import type { Fingerprint } from '../../benchmark/measurement.ts';
import type { RuntimeConfig } from '../../config/config.ts';
import { readCaseFiles } from '../../runtime/case-files.ts';
import { createLauncher } from '../../runtime/launcher.ts';
import type { ReadableModel } from '../check/measuring.ts';
import type { CommandResult } from '../command-result.ts';
import { type RuntimeSource, readFingerprint } from '../runtime-source.ts';
import type { Surroundings } from '../surroundings.ts';
import { scenarioText } from './scenario-text.ts';
import { runScenario, type Scenario, type ScenarioResult } from './scenarios.ts';

export interface ScenarioOptions {
  readonly scenarios: readonly Scenario[];
  readonly threads: number;
  readonly seed: number;
  readonly dims: Readonly<Record<string, readonly number[]>>;
  readonly casesPath: string | null;
  readonly rate: number | null;
  readonly concurrency: number | null;
  /** Of throughput and stress; null: 10 s and two minutes. */
  readonly durationMs: number | null;
}

const DURATIONS_MS: Readonly<Partial<Record<Scenario, number>>> = { throughput: 10_000, stress: 120_000 };

/** `benchmark MODEL --scenario NAME`: each named scenario, one after the other, without a verdict. */
export async function runScenarios(
  model: ReadableModel,
  options: ScenarioOptions,
  runtime: { readonly source: RuntimeSource; readonly config: RuntimeConfig },
  world: Surroundings,
): Promise<CommandResult> {
  const settings = { provider: runtime.config.provider, threads: options.threads };
  const workers = {
    runtime: await runtime.source.resolve(),
    workerPath: world.workerPath,
    limits: { timeMs: runtime.config.loadTimeoutMs, memoryBytes: runtime.config.memoryLimitBytes },
    environment: world.env,
  };
  const fingerprint: Fingerprint = await readFingerprint(workers.runtime, settings);
  const caseFiles = await readCaseFiles(options.casesPath ?? dirname(model.file));
  const dims = Object.fromEntries(
    Object.entries(options.dims).flatMap(([symbol, [size]]) => (size === undefined ? [] : [[symbol, size]])),
  );
  const results: ScenarioResult[] = [];
  for (const scenario of options.scenarios) {
    world.progress.step(scenario);
    const result = await runScenario(scenario, {
      model,
      launcher: createLauncher(workers),
      workers,
      settings,
      seed: options.seed,
      dims,
      caseFiles,
      cores: Math.max(1, Math.floor(fingerprint.cpuQuota ?? fingerprint.cores)),
      rate: options.rate,
      concurrency: options.concurrency,
      durationMs: options.durationMs ?? DURATIONS_MS[scenario] ?? 10_000,
      now: () => performance.now(),
      onProgress: text => world.progress.update(text),
    });
    results.push(result);
  }
  return {
    document: { scenarios: results, fingerprint },
    text: results.map(scenarioText).join('\n\n'),
    exitCode: 0,
  };
}
