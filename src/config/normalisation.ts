import type { MetricPolicy } from '../regression/verdict.ts';
import { normaliseAlerts } from './alerts.ts';
import type {
  AcceptEntry,
  BenchmarkConfig,
  Config,
  DatasetConfig,
  DeployConfig,
  ModelConfig,
  Policy,
  PromotionConfig,
  PublishConfig,
  TestConfig,
  ValueRange,
} from './config.ts';
import { parseDuration } from './durations.ts';
import { defaultOf } from './json-schema.ts';
import { parsePercent, parseSize } from './quantities.ts';
import {
  overlay,
  type RawAccept,
  type RawBenchmark,
  type RawConfig,
  type RawDataset,
  type RawDims,
  type RawMetric,
  type RawModel,
  type RawPolicy,
  type RawPromotion,
  type RawPublish,
} from './raw.ts';
import { normalisePath } from './repository-path.ts';
import { CONFIG_SCHEMA } from './schema.ts';

/** A file that passed the schema and the rules, with the schema's defaults filled in and every quantity in its unit. */
export function normalise(raw: RawConfig, source: string | null): Config {
  const whole = overlay(defaultOf(CONFIG_SCHEMA), raw) as RawConfig;
  const defaults = whole.defaults ?? {};
  return {
    version: 1,
    source,
    budgetMs: whole.budget === undefined ? null : durationMs(whole.budget),
    registry: {
      branch: present(whole.registry?.branch),
      remote: whole.registry?.remote ?? null,
      record: present(whole.registry?.record),
      blobLimitBytes: sizeBytes(whole.registry?.['blob-limit']),
      packMonths: whole.registry?.compact !== 'manual',
      namespace: whole.registry?.namespace ?? null,
      signersPath: whole.registry?.signers === undefined ? null : normalisePath(whole.registry.signers),
      signedCommits: present(whole.registry?.['signed-commits']),
      promotion: Object.fromEntries(
        Object.entries(whole.registry?.promotion ?? {}).map(([status, rules]) => [
          status,
          normalisePromotion(rules),
        ]),
      ),
    },
    runtime: {
      version: present(whole.runtime?.version),
      provider: present(whole.runtime?.provider),
      loadTimeoutMs: durationMs(whole.runtime?.['load-timeout']),
      memoryLimitBytes: sizeBytes(whole.runtime?.['memory-limit']),
    },
    models:
      whole.models === undefined
        ? null
        : Object.entries(whole.models).map(([name, model]) => normaliseModel(name, model, defaults)),
    defaults: {
      benchmark: normaliseBenchmark(defaults.benchmark),
      policy: normalisePolicy(defaults.policy),
      publish: normalisePublish(defaults.publish),
    },
    deploy: normaliseDeploy(whole.deploy),
    alerts: normaliseAlerts(whole.alerts),
    comment: { enabled: present(whole.comment?.enabled), key: present(whole.comment?.key) },
  };
}

function normaliseDeploy(raw: RawConfig['deploy']): DeployConfig {
  return {
    loadPerSecond: raw?.load ?? null,
    replicas: raw?.replicas ?? null,
    maxReplicas: raw?.['max-replicas'] ?? null,
    cpus: raw?.cpus ?? null,
    memoryBytes: raw?.memory === undefined ? null : sizeBytes(raw.memory),
    prices: (raw?.prices ?? []).map(({ machine, cpus, memory, hourly }) => ({
      machine: present(machine),
      cpus: present(cpus),
      memoryBytes: sizeBytes(memory),
      hourly: present(hourly),
    })),
  };
}

/** Whoever is named as an approver is asked for an approval unless a number says otherwise. */
function normalisePromotion(raw: RawPromotion): PromotionConfig {
  const approvers = raw.approvers ?? [];
  return {
    verdict: raw.verdict ?? false,
    cases: raw.cases ?? false,
    signature: raw.signature ?? false,
    from: raw.from ?? [],
    approvers,
    approvals: raw.approvals ?? (approvers.length > 0 ? 1 : 0),
  };
}

function normaliseModel(
  name: string,
  model: RawModel,
  defaults: NonNullable<RawConfig['defaults']>,
): ModelConfig {
  return {
    name,
    path: normalisePath(present(model.path)),
    dims: normaliseDims(model.dims),
    ...normaliseInputs(model),
    casesPath: model.cases === undefined ? null : normalisePath(model.cases),
    benchmark: normaliseBenchmark(overlay(defaults.benchmark, model.benchmark) as RawBenchmark),
    policy: normalisePolicy(overlay(defaults.policy, model.policy) as RawPolicy),
    ...normaliseTests(model),
    ...(model.publish === undefined
      ? {}
      : { publish: normalisePublish(overlay(defaults.publish, model.publish) as RawPublish) }),
  };
}

function normaliseDims(raw: RawDims | undefined): Readonly<Record<string, readonly number[]>> {
  const dims: Record<string, readonly number[]> = Object.create(null);
  for (const [symbol, sizes] of Object.entries(raw ?? {})) {
    dims[symbol] = typeof sizes === 'number' ? [sizes] : sizes;
  }
  return dims;
}

function normaliseInputs({ ranges, profiles }: RawModel): Pick<ModelConfig, 'ranges' | 'profiles'> {
  const bounds: Record<string, ValueRange> = Object.create(null);
  for (const [input, { min, max }] of Object.entries(ranges ?? {})) bounds[input] = { min: min ?? 0, max };
  return {
    ...(ranges === undefined ? {} : { ranges: bounds }),
    ...(profiles === undefined
      ? {}
      : {
          profiles: Object.entries(profiles).map(([name, { dims, cases, dataset }]) => ({
            name,
            dims: normaliseDims(dims),
            casesPath: cases === undefined ? null : normalisePath(cases),
            datasetPath: dataset === undefined ? null : normalisePath(dataset),
          })),
        }),
  };
}

function normalisePublish(raw: RawPublish | undefined): PublishConfig {
  const { image } = raw ?? {};
  return {
    images: image === undefined ? [] : typeof image === 'string' ? [image] : image,
    platforms: present(raw?.platforms),
    baseImage: present(raw?.['base-image']),
    gates: present(raw?.gates),
    signature: present(raw?.signature),
    proofs: present(raw?.proofs),
    port: present(raw?.port),
  };
}

function normaliseTests(model: RawModel): { readonly tests?: TestConfig } {
  const { tolerance, contract, dataset, prepare } = model;
  if ([tolerance, contract, dataset, prepare].every(value => value === undefined)) return {};
  const tolerances: Record<string, { readonly absolute?: number; readonly relative?: number }> =
    Object.create(null);
  for (const [output, given] of Object.entries(tolerance ?? {})) tolerances[output] = given;
  return {
    tests: {
      tolerances,
      contractPath: contract === undefined ? null : normalisePath(contract),
      dataset: dataset === undefined ? null : normaliseDataset(dataset),
      prepare: prepare ?? null,
    },
  };
}

function normaliseDataset(raw: RawDataset): DatasetConfig {
  return {
    path: normalisePath(present(raw.path)),
    label: raw.label ?? null,
    output: raw.output ?? null,
    classes: raw.classes ?? null,
    average: raw.average ?? 'macro',
    batch: raw.batch ?? null,
    metrics: Object.entries(raw.metrics ?? { accuracy: {} }).map(([name, limits]) => ({
      name,
      min: limits.min ?? null,
      maxDrop: limits['max-drop'] ?? null,
    })),
  };
}

function normaliseBenchmark(raw: RawBenchmark | undefined): BenchmarkConfig {
  return { budgetMs: durationMs(raw?.budget), threads: present(raw?.threads), seed: present(raw?.seed) };
}

function normalisePolicy(raw: RawPolicy | undefined): Policy {
  return {
    latency: normaliseMetric(raw?.latency, durationMs),
    loadTime: normaliseMetric(raw?.['load-time'], durationMs),
    memory: normaliseMetric(raw?.memory, sizeBytes),
    throughput: normaliseMetric(raw?.throughput, Number),
    fileSize: normaliseMetric(raw?.['file-size'], sizeBytes),
    parameters: normaliseMetric(raw?.parameters, Number),
    nodes: normaliseMetric(raw?.nodes, Number),
    contract: {
      gate: present(raw?.contract?.gate),
      accept: (raw?.contract?.accept ?? []).map(normaliseAccept),
    },
    inconclusive: present(raw?.inconclusive),
    noBaseline: present(raw?.['no-baseline']),
    history: present(raw?.history),
    runtime: present(raw?.runtime),
  };
}

function normaliseMetric(raw: RawMetric | undefined, unit: (text: string) => number): MetricPolicy {
  const limit = raw?.['max-regression'] ?? raw?.['max-increase'];
  return {
    gate: present(raw?.gate),
    maxRegression: limit === undefined ? null : present(parsePercent(limit)),
    max: raw?.max === undefined ? null : unit(String(raw.max)),
    ...(raw?.min === undefined ? {} : { min: unit(String(raw.min)) }),
  };
}

function normaliseAccept(entry: RawAccept): AcceptEntry {
  if (typeof entry === 'string') return { finding: entry, sha256: null, reason: '' };
  return { finding: entry.finding, sha256: entry.sha256 ?? null, reason: entry.reason ?? '' };
}

function durationMs(text: string | undefined): number {
  return present(parseDuration(present(text)));
}

function sizeBytes(text: string | undefined): number {
  return present(parseSize(present(text)));
}

/** What the schema guarantees, by its patterns and defaults, to the reader of the types. */
function present<Value>(value: Value | null | undefined): Value {
  if (value === null || value === undefined)
    throw new TypeError('a value that the configuration schema guarantees is missing');
  return value;
}
