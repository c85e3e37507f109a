import type { BenchmarkConfig, Config, RecordMode } from './config.ts';

/** What a command line or the inputs of the action set; undefined: what the file or the defaults say. */
export interface Overrides {
  readonly budgetMs?: number | undefined;
  readonly threads?: number | undefined;
  readonly seed?: number | undefined;
  readonly record?: RecordMode | undefined;
  readonly registryBranch?: string | undefined;
  readonly registryRemote?: string | undefined;
  readonly provider?: string | undefined;
  readonly runtimeVersion?: string | undefined;
  readonly loadTimeoutMs?: number | undefined;
  readonly memoryLimitBytes?: number | undefined;
  readonly comment?: boolean | undefined;
  readonly commentKey?: string | undefined;
}

/** The configuration with flags and inputs on top: they win over the file, for every model. */
export function applyOverrides(config: Config, overrides: Overrides): Config {
  const benchmark = (under: BenchmarkConfig): BenchmarkConfig => ({
    budgetMs: overrides.budgetMs ?? under.budgetMs,
    threads: overrides.threads ?? under.threads,
    seed: overrides.seed ?? under.seed,
  });
  return {
    ...config,
    registry: {
      ...config.registry,
      branch: overrides.registryBranch ?? config.registry.branch,
      remote: overrides.registryRemote ?? config.registry.remote,
      record: overrides.record ?? config.registry.record,
    },
    runtime: {
      version: overrides.runtimeVersion ?? config.runtime.version,
      provider: overrides.provider ?? config.runtime.provider,
      loadTimeoutMs: overrides.loadTimeoutMs ?? config.runtime.loadTimeoutMs,
      memoryLimitBytes: overrides.memoryLimitBytes ?? config.runtime.memoryLimitBytes,
    },
    models: config.models?.map(model => ({ ...model, benchmark: benchmark(model.benchmark) })) ?? null,
    defaults: { ...config.defaults, benchmark: benchmark(config.defaults.benchmark) },
    comment: {
      enabled: overrides.comment ?? config.comment.enabled,
      key: overrides.commentKey ?? config.comment.key,
    },
  };
}
