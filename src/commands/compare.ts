import { statSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { workloadsOf } from '../benchmark/workload.ts';
import type { Config, ModelConfig } from '../config/config.ts';
import { isNamedLikeModel } from '../config/discovery.ts';
import { defaultConfig } from '../config/parse.ts';
import { identifyRead } from '../model/model-identity.ts';
import { interfaceOf } from '../model/model-interface.ts';
import { readCiContext } from '../platforms/detect.ts';
import { comparisonCount } from '../regression/comparisons.ts';
import { planErrors } from '../regression/error-plan.ts';
import type { Report } from '../report/report.ts';
import { judgeModel } from './check/judged-model.ts';
import { readFormats } from './check/report-files.ts';
import { exitCodeOf } from './check.ts';
import type { CommandResult } from './command-result.ts';
import { loadConfig } from './config-file.ts';
import type { ContainerRegistryOptions } from './container-registries.ts';
import { readDuration } from './duration-option.ts';
import { readDims, requireKnownDims } from './inspect/dim-sizes.ts';
import { loadableModel, type ReadableModel } from './readable-model.ts';
import { fetchVersions } from './registry/fetched-versions.ts';
import type { RegistryCommandOptions } from './registry/session.ts';
import { reportedChange } from './reported-run.ts';
import { createRuntimeSource, readFingerprint } from './runtime-source.ts';
import { modelTitle } from './schema.ts';
import { type ShowArguments, writeReport } from './show-report.ts';
import type { Surroundings } from './surroundings.ts';

export interface CompareOptions extends RegistryCommandOptions, ContainerRegistryOptions, ShowArguments {
  /** Model files, or versions of the registry: `digits@1.2.0`. */
  readonly base: string;
  readonly candidate: string;
  readonly cases?: string;
  readonly dim?: readonly string[];
  readonly budget?: string;
  readonly accept?: readonly string[];
  readonly reportFormat?: string;
  readonly runtime?: string;
  readonly runtimePath?: string;
}

/** A model, and how the reader of a report knows it. */
interface Side {
  readonly name: string;
  /** As it was given. */
  readonly shown: string;
  readonly model: ReadableModel;
}

function isFile(path: string): boolean {
  return isNamedLikeModel(path) || statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

async function readSides(options: CompareOptions, world: Surroundings): Promise<readonly [Side, Side]> {
  const given = [options.base, options.candidate];
  const selectors = [...new Set(given.filter(text => !isFile(resolve(options.cwd, text))))];
  const versions = await fetchVersions(selectors, options, world);
  const read = (text: string): Side => {
    const version = versions.get(text);
    const file = version?.path ?? resolve(options.cwd, text);
    return { name: version?.model ?? modelTitle(file), shown: text, model: loadableModel(file) };
  };
  return [read(options.base), read(options.candidate)];
}

function modelConfigOf(
  options: CompareOptions,
  config: Config,
  [base, candidate]: readonly [Side, Side],
): ModelConfig {
  const dims = readDims(options.dim ?? []);
  requireKnownDims(
    dims,
    [base, candidate].flatMap(({ model }) => interfaceOf(model.model).inputs),
  );
  const { benchmark, policy } = config.defaults;
  const inFolder = (path: string): string => relative(options.cwd, resolve(options.cwd, path));
  return {
    name: candidate.name,
    path: inFolder(candidate.model.file),
    dims,
    casesPath: options.cases === undefined ? null : inFolder(options.cases),
    benchmark:
      options.budget === undefined
        ? benchmark
        : { ...benchmark, budgetMs: readDuration('--budget', options.budget) },
    policy,
  };
}

/**
 * `compare BASE CANDIDATE`: what `check` does with a model that a commit changed, with two files or recorded versions. Needs no
 * repository for files, and records nothing.
 * @throws QuickServeError USAGE, MODEL_*, VERSION_*, REGISTRY_*, CONFIG_*, OUTPUT_UNWRITABLE.
 */
export async function compareCommand(options: CompareOptions, world: Surroundings): Promise<CommandResult> {
  const startMs = performance.now();
  const createdAt = new Date(world.now()).toISOString();
  const formats = readFormats(options.reportFormat ?? '');
  const { cwd, runtimePath } = options;
  const config = options.config === undefined ? defaultConfig() : await loadConfig(cwd, cwd, options.config);
  const sides = await readSides(options, world);
  const [base, candidate] = sides;
  const model = modelConfigOf(options, config, sides);
  const runtime = createRuntimeSource(
    {
      runtimePath,
      version: options.runtime ?? config.runtime.version,
      cwd,
    },
    world,
  );
  const identity = await identifyRead(candidate.model.model);
  const isEqual = (await identifyRead(base.model.model)).sha256 === identity.sha256;
  const { alpha } = planErrors(comparisonCount(workloadsOf(model).length));
  const { report: judged } = await judgeModel({
    bench: { world, config, runtime: runtime.resolve, alpha },
    root: cwd,
    config: model,
    baseConfig: null,
    isConfigured: false,
    policy: model.policy,
    state: { kind: isEqual ? 'identical' : 'changed' },
    base: { ...base.model, path: base.shown },
    candidate: { ...candidate.model, identity },
    contractFile: { changes: [], findings: [] },
    findings: [],
    accept: { flags: options.accept ?? [], labels: [] },
    measureIdentical: () => false,
    historyOf: async () => null,
  });
  const location = runtime.resolved();
  const { provider } = config.runtime;
  const { threads, seed } = model.benchmark;
  const report: Report = {
    schemaVersion: 1,
    tool: { name: 'quickserveml', version: world.toolVersion },
    createdAt,
    gate: judged.gate,
    base: null,
    head: null,
    change: reportedChange(readCiContext(world.env)),
    models: [{ ...judged, path: candidate.shown }],
    findings: [],
    environment: location === null ? null : await readFingerprint(location, { provider, threads }),
    seed,
    durationMs: Math.round(performance.now() - startMs),
    registry: {
      branch: config.registry.branch,
      recording: 'skipped',
      reason: 'two models were compared',
      entries: [],
    },
  };
  const text = await writeReport({ report, comment: config.comment }, options, formats, world);
  return { document: report, text, exitCode: exitCodeOf(report.gate) };
}
