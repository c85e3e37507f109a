import { dirname } from 'node:path';
import type { Fingerprint } from '../../benchmark/measurement.ts';
import type { RuntimeConfig } from '../../config/config.ts';
import { planErrors } from '../../regression/error-plan.ts';
import { readCaseFiles } from '../../runtime/case-files.ts';
import { createLauncher } from '../../runtime/launcher.ts';
import type { CommandResult } from '../command-result.ts';
import type { ReadableModel } from '../readable-model.ts';
import { type RuntimeSource, readFingerprint } from '../runtime-source.ts';
import type { Surroundings } from '../surroundings.ts';
import { type ComparedScenario, compareScenario, comparisonsIn } from './compared-scenarios.ts';
import { comparedText, scenarioText } from './scenario-text.ts';
import { runScenario, type Scenario, type ScenarioInput, type ScenarioResult } from './scenarios.ts';

export interface ScenarioOptions {
  readonly scenarios: readonly Scenario[];
  /** What the model is compared with; null: it is measured alone. */
  readonly base: ReadableModel | null;
  /** For each statistic that is compared. */
  readonly budgetMs: number;
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

/** `benchmark MODEL --scenario NAME`: each named scenario, one after the other; with a base, each statistic of both compared. */
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
  const shared = {
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
    now: () => performance.now(),
    onProgress: (text: string) => world.progress.update(text),
  };
  const inputOf = (scenario: Scenario): ScenarioInput => ({
    ...shared,
    durationMs: options.durationMs ?? DURATIONS_MS[scenario] ?? 10_000,
  });
  if (options.base !== null) {
    const counts = options.scenarios.map(scenario => comparisonsIn(scenario, shared));
    const total = counts.reduce((sum, count) => sum + count, 0);
    const { alpha } = planErrors(total);
    const compared: ComparedScenario[] = [];
    for (const scenario of options.scenarios) {
      world.progress.step(scenario);
      const { base, budgetMs } = options;
      const input = { ...inputOf(scenario), base, alpha, budgetMs };
      compared.push(await compareScenario(scenario, input));
    }
    return {
      document: { comparedScenarios: compared, fingerprint },
      text: compared.map(comparedText).join('\n\n'),
      exitCode: 0,
    };
  }
  const results: ScenarioResult[] = [];
  for (const scenario of options.scenarios) {
    world.progress.step(scenario);
    results.push(await runScenario(scenario, inputOf(scenario)));
  }
  return {
    document: { scenarios: results, fingerprint },
    text: results.map(scenarioText).join('\n\n'),
    exitCode: 0,
  };
}
