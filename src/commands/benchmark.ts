import { dirname, resolve } from 'node:path';
import { trustSentence } from '../benchmark/calibration.ts';
import type { PairMeasurement, SoloMeasurement } from '../benchmark/measurement.ts';
import { standardDeviation } from '../benchmark/statistics.ts';
import { METRIC_FIELDS } from '../config/config.ts';
import { defaultConfig } from '../config/parse.ts';
import { compareInterfaces } from '../contract/compare-interfaces.ts';
import { assertLoadable, inspectRead } from '../model/model-inspection.ts';
import { interfaceOf } from '../model/model-interface.ts';
import { readModel } from '../model/model-reader.ts';
import { comparisonsOf, type MetricPolicies } from '../regression/comparisons.ts';
import { planErrors } from '../regression/error-plan.ts';
import { TIMED_METRICS } from '../regression/timed.ts';
import { formatDifference, formatTransition } from '../report/format-values.ts';
import { METRIC_WORDS } from '../report/metric-words.ts';
import { QuickServeError } from '../shared/errors.ts';
import { terminalSafe } from '../shared/terminal-text.ts';
import { runScenarios } from './benchmark/run-scenarios.ts';
import { readScenarios } from './benchmark/scenarios.ts';
import { measure, type ReadableModel } from './check/measuring.ts';
import type { CommandResult } from './command-result.ts';
import { readDuration } from './duration-option.ts';
import { createRuntimeSource, readFingerprint } from './runtime-source.ts';
import type { Surroundings } from './surroundings.ts';

export interface BenchmarkOptions {
  readonly model: string;
  readonly against?: string;
  readonly budget: string;
  readonly threads: number;
  readonly provider: string;
  readonly cases?: string;
  readonly dim?: readonly string[];
  readonly seed: number;
  /** Instead of the comparison: what else is to be measured of the model. */
  readonly scenario?: readonly string[];
  readonly rate?: number;
  readonly concurrency?: number;
  readonly duration?: string;
  readonly runtimePath?: string;
  readonly cwd: string;
}

function readDims(given: readonly string[]): Readonly<Record<string, readonly number[]>> {
  const dims: Record<string, readonly number[]> = Object.create(null);
  for (const text of given) {
    const [, symbol, size] = /^(.+)=(\d+)$/.exec(text) ?? [];
    if (symbol === undefined || size === undefined) {
      throw new QuickServeError({
        code: 'USAGE',
        message: `--dim: "${text}" is not a symbol and its size.`,
        hint: 'For example --dim batch=8; the symbols are shown by `quickserveml inspect`.',
      });
    }
    dims[symbol] = [Number(size)];
  }
  return dims;
}

function read(file: string): ReadableModel {
  const model = readModel(file);
  assertLoadable(model);
  return { file, model };
}

/** How much launches differ; null for fewer than three. */
function spreadOf(measured: PairMeasurement | SoloMeasurement): number | null {
  const values =
    measured.kind === 'pair' ? measured.latency.logRatios : measured.samples.latencyMs.map(Math.log);
  return values.length < 3 ? null : standardDeviation(values);
}

/** `benchmark MODEL [--against BASE]`: measures, compares and judges nothing but what it measured. */
export async function benchmarkCommand(
  options: BenchmarkOptions,
  world: Surroundings,
): Promise<CommandResult> {
  const candidate = read(options.model);
  const base = options.against === undefined ? null : read(resolve(options.cwd, options.against));
  const defaults = defaultConfig();
  const config = { ...defaults, runtime: { ...defaults.runtime, provider: options.provider } };
  const runtime = createRuntimeSource(
    {
      runtimePath: options.runtimePath === undefined ? null : resolve(options.cwd, options.runtimePath),
      version: config.runtime.version,
      cwd: options.cwd,
    },
    world,
  );
  if ((options.scenario ?? []).length > 0) {
    return runScenarios(
      candidate,
      {
        scenarios: readScenarios(options.scenario ?? []),
        threads: options.threads,
        seed: options.seed,
        dims: readDims(options.dim ?? []),
        casesPath: options.cases === undefined ? null : resolve(options.cwd, options.cases),
        rate: options.rate ?? null,
        concurrency: options.concurrency ?? null,
        durationMs: options.duration === undefined ? null : readDuration('--duration', options.duration),
      },
      { source: runtime, config: config.runtime },
      world,
    );
  }
  const { measured, layers } = await measure(
    {
      name: options.model.slice(dirname(options.model).length + 1),
      path: options.model,
      dims: readDims(options.dim ?? []),
      casesPath: options.cases === undefined ? null : resolve(options.cwd, options.cases),
      benchmark: {
        budgetMs: readDuration('--budget', options.budget),
        threads: options.threads,
        seed: options.seed,
      },
      policy: config.defaults.policy,
    },
    config.defaults.policy,
    base,
    candidate,
    { world, config, runtime: runtime.resolve, alpha: planErrors(TIMED_METRICS.length).alpha },
    options.cwd,
  );
  const fingerprint = await readFingerprint(await runtime.resolve(), {
    provider: options.provider,
    threads: options.threads,
  });
  const policies = Object.fromEntries(
    Object.entries(METRIC_FIELDS).map(([metric, field]) => [metric, config.defaults.policy[field]]),
  ) as MetricPolicies;
  const inspections = {
    base: base === null ? null : inspectRead(base.model, null),
    candidate: inspectRead(candidate.model, null),
  };
  const metrics = comparisonsOf(measured, policies, inspections);
  const contract =
    base === null ? null : compareInterfaces(interfaceOf(base.model), interfaceOf(candidate.model));
  const lines = metrics.map(comparison => {
    const value = formatTransition(comparison.base, comparison.candidate, comparison.unit);
    const difference = comparison.difference === null ? '' : `  ${formatDifference(comparison.difference)}`;
    return `${METRIC_WORDS[comparison.metric].label.padEnd(16)} ${value}${difference}  ${base === null ? '' : comparison.outcome.kind}`.trimEnd();
  });
  const machine = `${fingerprint.cpuModel}, ${fingerprint.cores} cores, onnxruntime ${fingerprint.runtimeVersion}, ${options.provider}, ${options.threads} thread(s)`;
  const trust = trustSentence({ waitShare: measured.waitShare, spread: spreadOf(measured) });
  const how = `${measured.launches} processes, ${measured.runs} runs, ${(measured.durationMs / 1000).toFixed(1)} s, inputs: ${measured.feedOrigin}`;
  return {
    document: { metrics, contract, measured, fingerprint, ...(layers === null ? {} : { layers }) },
    text: [...lines, '', terminalSafe(machine), how, trust].join('\n'),
    exitCode: 0,
  };
}
