import { join } from 'node:path';
import type { Fingerprint, SoloMeasurement } from '../../benchmark/measurement.ts';
import { type Disturbance, worstOf } from '../../benchmark/noise.ts';
import type { TimeAllotment } from '../../benchmark/time-allotment.ts';
import { workloadsOf } from '../../benchmark/workload.ts';
import type { Config, ModelConfig } from '../../config/config.ts';
import { inspectRead } from '../../model/model-inspection.ts';
import type { MeasurementEntry } from '../../registry/record-entry.ts';
import { gateOf } from '../../regression/gate.ts';
import { type Health, type HealthProblem, isKnownProblem } from '../../regression/health.ts';
import type { Gate } from '../../regression/verdict.ts';
import type { ModelReport } from '../../report/report.ts';
import type { ErrorCode } from '../../shared/error-catalog.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { Finding } from '../../shared/finding.ts';
import { type HistoryInputs, historyPoints } from '../check/history.ts';
import { findingOf } from '../check/measured-model.ts';
import { summarise, type WorkloadTask } from '../check/measuring.ts';
import { measurementOf } from '../check/recording.ts';
import { type ReadableModel, readableModel } from '../readable-model.ts';
import { confirmedBy, type JudgedMetric, judgeMetrics, problemsOfMetrics } from './judged-model.ts';
import type { Measurer, ProductionMeasurement } from './measurer.ts';
import { describeOnset } from './onset.ts';
import {
  type ProductionModel,
  type ProductionSeries,
  productionSeries,
  type RememberedHealth,
  rememberedHealth,
} from './production-series.ts';

/** What a run found out about one model in production. */
export interface WatchedModel {
  readonly production: ProductionModel;
  readonly report: ModelReport;
  /** null: nothing could be said of it in this run, so nothing changes. */
  readonly found: {
    readonly fingerprint: Fingerprint;
    readonly remembered: RememberedHealth | null;
    readonly problems: readonly HealthProblem[];
    readonly onset: string | null;
    /** What is recorded of it; null: it does not run. */
    readonly entry: MeasurementEntry | null;
  } | null;
}

export interface WatchInput {
  readonly config: Config;
  readonly measurer: Measurer;
  /** Writes the version's files into a folder. @returns the path of the model file. */
  readonly fetch: (model: ProductionModel, folder: string) => Promise<string>;
  readonly scratch: string;
  /** Of the whole run. */
  readonly time: TimeAllotment;
  /** Of this run. ISO 8601, UTC. */
  readonly at: string;
}

/** Codes that say that the model itself does not work; others are about the machine, or about what it is fed with. */
const BROKEN: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MODEL_LOAD_REFUSED',
  'MODEL_RUN_FAILED',
  'RUNTIME_UNSUPPORTED_MODEL',
  'WORKER_CRASHED',
  'WORKER_TIMEOUT',
  'WORKER_OUT_OF_MEMORY',
]);

/** The model's settings in the configuration; of one that is only discovered, or not there any more, the defaults. */
export function configOf({ name, version }: ProductionModel, config: Config): ModelConfig {
  const own = config.models?.find(model => model.name === name);
  if (own !== undefined) return own;
  return {
    name,
    path: version.version.source.path,
    dims: Object.create(null) as ModelConfig['dims'],
    casesPath: null,
    benchmark: config.defaults.benchmark,
    policy: config.defaults.policy,
  };
}

/**
 * Fetches what is in production, measures it here and holds it against its own history on this kind of machine. What
 * looks worse for the first time is measured again with fresh processes, and only what both found counts.
 */
export async function watchModel(production: ProductionModel, input: WatchInput): Promise<WatchedModel> {
  const config = configOf(production, input.config);
  let readable: ReadableModel | null = null;
  try {
    const file = await input.fetch(production, input.scratch);
    readable = readableModel(file);
    return await measuredModel(production, config, readable, input);
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError)) throw thrown;
    const error = withoutFolder(thrown, input.scratch);
    if (readable === null || !BROKEN.has(error.code)) return unjudged(production, readable, error);
    return brokenModel(production, config, readable, error, input);
  }
}

interface MeasuredSet {
  readonly name: string;
  readonly rows: number;
  readonly measured: SoloMeasurement;
  readonly disturbance: Disturbance;
  readonly metrics: readonly JudgedMetric[];
}

/** One set of a model's inputs, measured again where it looks worse than was known. */
async function measureSet(
  task: WorkloadTask,
  config: ModelConfig,
  readable: ReadableModel,
  { config: whole, measurer, time }: WatchInput,
  { told, normal }: { readonly told: Health | null } & Pick<ProductionSeries, 'normal'>,
): Promise<MeasuredSet> {
  const { name } = task.workload;
  const inputs = { name, isFirst: task.isFirst };
  const judge = ({ measured }: ProductionMeasurement): readonly JudgedMetric[] =>
    judgeMetrics({ measured, inputs, normal, told, policy: config.policy, after: whole.alerts.after });
  let measurement = await measurer.measure(config, readable, task);
  let metrics = judge(measurement);
  if (problemsOfMetrics(metrics).some(problem => !isKnownProblem(told, problem))) {
    const budgetMs = Math.min(task.budgetMs, time.leftMs() ?? task.budgetMs);
    measurement = await measurer.measure(config, readable, { ...task, budgetMs });
    metrics = confirmedBy(metrics, judge(measurement));
  }
  return { name, ...measurement, metrics };
}

async function measuredModel(
  production: ProductionModel,
  config: ModelConfig,
  readable: ReadableModel,
  input: WatchInput,
): Promise<WatchedModel> {
  const { config: whole, measurer, time, at } = input;
  const fingerprint = await measurer.fingerprint(config);
  const remembered = rememberedHealth(production.model, fingerprint.key);
  const series = productionSeries(production, fingerprint.key);
  const known = { told: remembered?.health ?? null, normal: series.normal };
  const sets: MeasuredSet[] = [];
  for (const [index, workload] of workloadsOf(config).entries()) {
    const task = { workload, budgetMs: time.next(config.benchmark.budgetMs), isFirst: index === 0 };
    sets.push(await measureSet(task, config, readable, input, known));
  }
  const metrics = sets.flatMap(set => set.metrics);
  const problems = problemsOfMetrics(metrics);
  const comparisons = metrics.map(({ comparison }) => comparison);
  const measured = {
    metrics: comparisons,
    measurement: summarise(sets, worstOf(sets.map(({ disturbance }) => disturbance))),
  };
  const entry = measurementOf(measured, fingerprint);
  const digests = new Map(sets.map(({ name, measured: { feedDigest } }) => [name, feedDigest]));
  const inputsOf = (name: string | undefined): HistoryInputs => ({
    digest: digests.get(name ?? sets[0]?.name ?? '') ?? null,
    isFirst: name === undefined || name === sets[0]?.name,
  });
  const { version } = production.version.version;
  const onset =
    entry === null
      ? null
      : describeOnset(problems, series.all, { ...entry, createdAt: at, version }, inputsOf);
  const findings = onset === null ? [] : [onsetFinding(onset)];
  return {
    production,
    report: {
      ...reportBase(production, readable),
      ...measured,
      configured: isConfigured(config, whole),
      gate: gateOf(comparisons, null, findings, POLICY),
      findings,
      ...historyPart(series, fingerprint, inputsOf(undefined)),
    },
    found: { fingerprint, remembered, problems, onset, entry },
  };
}

const isConfigured = ({ name }: ModelConfig, { models }: Config): boolean =>
  models?.some(model => model.name === name) === true;

/** There is no contract to break and no pull request to be undecided about. */
const POLICY = {
  contract: 'off',
  contractAccepted: false,
  inconclusive: 'pass',
  noBaseline: 'pass',
} as const;

function historyPart(
  series: ProductionSeries,
  fingerprint: Fingerprint,
  inputs: HistoryInputs,
): Pick<ModelReport, 'history'> {
  const points = historyPoints(series.all, inputs);
  return points.length === 0 ? {} : { history: { fingerprint: fingerprint.key, points } };
}

const onsetFinding = (message: string): Finding => ({
  code: 'PRODUCTION_CHANGED',
  severity: 'info',
  message,
  hint: '`quickserveml registry history` says what happened to the model around that time.',
});

/** The error without the folder that only this run has. */
const withoutFolder = (error: QuickServeError, folder: string): QuickServeError =>
  new QuickServeError({
    code: error.code,
    message: error.message.replaceAll(join(folder, '/'), ''),
    hint: error.hint,
    cause: error,
  });

function reportBase(
  { name, version, since }: ProductionModel,
  readable: ReadableModel | null,
): Omit<ModelReport, 'gate' | 'metrics' | 'measurement' | 'findings'> {
  const { path } = version.version.source;
  return {
    name,
    path,
    state: { kind: 'production', version: version.version.version, since },
    base: null,
    candidate: readable === null ? null : { ...inspectRead(readable.model, null), path },
    contract: null,
    version: null,
    accepted: [],
  };
}

function failedReport(
  production: ProductionModel,
  readable: ReadableModel | null,
  error: QuickServeError,
  gate: Gate,
): ModelReport {
  return {
    ...reportBase(production, readable),
    gate,
    metrics: [],
    measurement: { kind: 'not-measured', reason: error.message },
    findings: [findingOf(error)],
  };
}

/** Neither well nor worse: its bytes could not be had, or there was nothing to feed it with. */
function unjudged(
  production: ProductionModel,
  readable: ReadableModel | null,
  error: QuickServeError,
): WatchedModel {
  const gate = error.exitCode === 3 ? 'no-verdict' : 'failed';
  return { production, report: failedReport(production, readable, error, gate), found: null };
}

async function brokenModel(
  production: ProductionModel,
  config: ModelConfig,
  readable: ReadableModel,
  error: QuickServeError,
  input: WatchInput,
): Promise<WatchedModel> {
  const fingerprint = await input.measurer.fingerprint(config);
  const { code, message } = error;
  return {
    production,
    report: failedReport(production, readable, error, 'failed'),
    found: {
      fingerprint,
      remembered: rememberedHealth(production.model, fingerprint.key),
      problems: [{ kind: 'broken', code, message }],
      onset: null,
      entry: null,
    },
  };
}
