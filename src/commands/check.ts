import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Fingerprint } from '../benchmark/measurement.ts';
import { allotTime } from '../benchmark/time-allotment.ts';
import { workloadsOf } from '../benchmark/workload.ts';
import type { CommentConfig, Config } from '../config/config.ts';
import { rulesChanged } from '../config/rules-changed.ts';
import type { Repository } from '../git/repository.ts';
import type { ModelIdentity } from '../model/model-identity.ts';
import type { CiContext } from '../platforms/context.ts';
import { comparisonCount } from '../regression/comparisons.ts';
import { planErrors } from '../regression/error-plan.ts';
import { worstGate } from '../regression/gate.ts';
import type { Gate } from '../regression/verdict.ts';
import type { ModelReport, Report, ReportShard } from '../report/report.ts';
import type { RuntimeLocation } from '../runtime/runtime-location.ts';
import { QuickServeError } from '../shared/errors.ts';
import type { Finding } from '../shared/finding.ts';
import { openTemporaryFolder } from '../shared/temporary-folder.ts';
import { acceptancesIn } from './check/acceptance.ts';
import { type ChangeSet, isChanged, openChangeSet } from './check/change-set.ts';
import type { CheckOptions } from './check/check-options.ts';
import type { CheckedModel } from './check/checked-model.ts';
import { drawGraphs } from './check/drawn-graphs.ts';
import { firstInputsOf, historyOf } from './check/history.ts';
import type { Bench } from './check/measuring.ts';
import { missingIn } from './check/missing-model.ts';
import { checkModel } from './check/model-check.ts';
import { type RecordIntent, recordIntent, requireCommitted } from './check/recording.ts';
import {
  type RecordedPart,
  type RegistryView,
  readRegistry,
  recordChecked,
  recordedBytes,
  recordedGate,
} from './check/registry-access.ts';
import { type ShardPart, takeShard } from './check/shard.ts';
import { planVersions } from './check/version-plan.ts';
import { reportedChange } from './reported-run.ts';
import { createRuntimeSource, readFingerprint } from './runtime-source.ts';
import type { Surroundings } from './surroundings.ts';

/** The exit code that a verdict has; 1 wins over 3. */
export function exitCodeOf(gate: Gate): 0 | 1 | 3 {
  if (gate === 'failed') return 1;
  return gate === 'no-verdict' ? 3 : 0;
}

export interface CheckOutcome {
  readonly report: Report;
  readonly exitCode: 0 | 1 | 3;
  /** What the configuration says of the comment; inputs and flags win over it. */
  readonly comment: CommentConfig;
  /** Why a demanded record was not made; null where there is nothing to say. */
  readonly recordError: QuickServeError | null;
}

/** What would be measured, compared and recorded: the answer to `--dry-run`. */
export interface CheckPlan {
  readonly base: ChangeSet['base'];
  readonly models: readonly {
    readonly name: string;
    readonly path: string;
    readonly change: string;
    /** Why there is no such file, and what to do; only where `change` is `missing`. */
    readonly hint?: string;
    readonly measured: boolean;
    readonly budgetMs: number | null;
    /** Names of its sets of inputs; one without a name where there is only one. */
    readonly inputs: readonly string[];
  }[];
  /** Which models each shard would check, with `--shard`. */
  readonly shard?: ReportShard;
  /** Time for all measurements: the smaller of the check's own budget and the sum of the models'. */
  readonly budgetMs: number;
  readonly comparisons: number;
  readonly alpha: number;
  readonly record: { readonly branch: string; readonly planned: boolean; readonly reason: string };
}

/** Errors are bounded over all comparisons of the check: their number is fixed before the first look. */
function planComparisons(changes: ChangeSet): ReturnType<typeof planErrors> {
  const counts = changes.models
    .filter(isChanged)
    .map(({ config }) => comparisonCount(config === null ? 1 : workloadsOf(config).length));
  return planErrors(counts.reduce((sum, count) => sum + count, 0));
}

/** The own budgets of the models that will be measured, in their order. */
const budgetsOf = (changes: ChangeSet): readonly number[] =>
  changes.models.flatMap(model =>
    model.config !== null && (isChanged(model) || model.change.kind === 'added')
      ? [model.config.benchmark.budgetMs]
      : [],
  );

/** A shard's part of the whole check's budget, so that each model gets the time that it would get without shards. */
function budgetOfPart(whole: ChangeSet, part: ChangeSet): number | null {
  const { budgetMs } = whole.config;
  if (budgetMs === null || whole === part) return budgetMs;
  const sum = (changes: ChangeSet): number => budgetsOf(changes).reduce((total, each) => total + each, 0);
  return (budgetMs * sum(part)) / Math.max(1, sum(whole));
}

/** What one shard does of the check; null: all of it. */
async function partOf(
  whole: ChangeSet,
  { shard = null, accept, labels }: CheckOptions,
  comparisons: number,
): Promise<ShardPart | null> {
  if (shard === null) return null;
  return takeShard(whole, shard, comparisons, acceptancesIn({ flags: accept, labels }));
}

const leftToMerge = (config: Config): RecordedPart => ({
  summary: { branch: config.registry.branch, recording: 'planned', reason: 'left to `merge`', entries: [] },
  findings: [],
  error: null,
});

/** What `check` would do. Reads git and the configuration; measures and writes nothing. */
export async function planCheck(options: CheckOptions, world: Surroundings): Promise<CheckPlan> {
  await using changes = await openChangeSet(options, world);
  const intent = recordIntent(changes.config, options.context, changes.repository);
  requireCommitted(intent, options.context, changes);
  const { comparisons, alpha } = planComparisons(changes);
  const part = await partOf(changes, options, comparisons);
  return {
    base: changes.base,
    ...(part === null ? {} : { shard: part.shard }),
    models: (part?.changes ?? changes).models.map(model => {
      const missing = missingIn(model.config, changes);
      return {
        name: model.change.name,
        path: model.change.path,
        ...(missing === null ? { change: model.change.kind } : { change: 'missing', hint: missing }),
        measured: missing === null && (isChanged(model) || model.change.kind === 'added'),
        budgetMs: model.config?.benchmark.budgetMs ?? null,
        inputs: model.config === null ? [] : workloadsOf(model.config).map(({ name }) => name),
      };
    }),
    budgetMs: Math.min(
      changes.config.budgetMs ?? Number.POSITIVE_INFINITY,
      budgetsOf(changes).reduce((sum, each) => sum + each, 0),
    ),
    comparisons,
    alpha,
    record: {
      branch: changes.config.registry.branch,
      planned: intent.kind === 'record',
      reason: intent.kind === 'skip' ? intent.reason : '',
    },
  };
}

/**
 * The main job: inspects every model, compares contracts, measures what changed against its base, decides, and records
 * what passed where that is due. What is wrong with a model is in the report.
 * @throws QuickServeError for usage, configuration and the repository itself.
 */
export async function runCheck(options: CheckOptions, world: Surroundings): Promise<CheckOutcome> {
  const startMs = performance.now();
  const createdAt = new Date(world.now()).toISOString();
  await using whole = await openChangeSet(options, world);
  await using scratch = await openTemporaryFolder('check');
  requireOneModel(options, whole);
  const { comparisons, alpha } = planComparisons(whole);
  const part = await partOf(whole, options, comparisons);
  const changes = part?.changes ?? whole;
  const intent = recordIntent(changes.config, options.context, changes.repository);
  requireCommitted(intent, options.context, changes);
  const registry = await readRegistry(options.context, changes, intent, world);
  const runtime = createRuntimeSource(
    { runtimePath: options.runtimePath, version: changes.config.runtime.version, cwd: options.cwd },
    world,
  );
  const bench: Bench = {
    world,
    config: changes.config,
    runtime: runtime.resolve,
    alpha,
    ...baseRuntimeOf(options, changes, world),
    time: allotTime(budgetOfPart(whole, changes), budgetsOf(changes), () => performance.now()),
  };

  const checked = await checkModels(options, changes, bench, intent, registry, scratch.path);
  const environment = await fingerprintOfRun(runtime.resolved(), changes.config, checked);
  const findings = [...changes.findings, ...ruleFindings(options, changes), ...registry.findings];
  const gate = worstGate(checked.map(({ report }) => report.gate));
  const recorded =
    part !== null && intent.kind === 'record'
      ? leftToMerge(changes.config)
      : await recordChecked({
          world,
          changes,
          checked,
          gate,
          intent,
          view: registry,
          environmentOf: () => environment,
        });
  const { repository, base } = changes;
  const finalGate = recordedGate(gate, recorded);
  const report: Report = {
    schemaVersion: 1,
    tool: { name: 'quickserveml', version: world.toolVersion },
    createdAt,
    gate: finalGate,
    base: base.kind === 'commit' ? { sha: base.sha, role: base.role } : null,
    head: headOf(options.context, repository),
    change: reportedChange(options.context),
    models: reportedModels(checked, registry, recorded, environment),
    findings: [...findings, ...recorded.findings],
    environment,
    seed: checked.find(({ config }) => config !== null)?.config?.benchmark.seed ?? 0,
    durationMs: Math.round(performance.now() - startMs),
    registry: recorded.summary,
    ...(part === null ? {} : { shard: part.shard }),
  };
  return {
    report,
    // One failed part must not stop the others: `merge` fails for it.
    exitCode: part === null ? exitCodeOf(finalGate) : 0,
    comment: changes.config.comment,
    recordError: recorded.error,
  };
}

function headOf(context: CiContext, { headSha, branch }: Repository): Report['head'] {
  if (headSha === null) return null;
  return {
    sha: context.pullRequest?.headSha ?? headSha,
    role: context.base.kind === 'local' ? (branch ?? 'detached HEAD') : 'head',
  };
}

/** The models as they were checked, each with its next version, its history on this machine and its drawing. */
function reportedModels(
  checked: readonly CheckedModel[],
  { state }: RegistryView,
  { summary }: RecordedPart,
  environment: Fingerprint | null,
): readonly ModelReport[] {
  const versions = planVersions(checked, state, summary.entries);
  const graphs = drawGraphs(checked);
  return checked.map(({ report }) => {
    const history = historyOf(state, report.name, environment?.key ?? null, firstInputsOf(report));
    const outline = graphs.get(report.name);
    return {
      ...report,
      version: versions.get(report.name) ?? null,
      ...(history === null ? {} : { history }),
      ...(outline === undefined ? {} : { outline }),
    };
  });
}

/** Where the base commit names another version of the runtime, that one too: two cannot live in one process. */
function baseRuntimeOf(
  options: CheckOptions,
  { baseConfig, config, base }: ChangeSet,
  world: Surroundings,
): Pick<Bench, 'baseRuntime'> {
  const version = baseConfig?.runtime.version;
  const isSame = version === undefined || version === config.runtime.version;
  if (isSame || base.kind !== 'commit' || options.runtimePath !== null) return {};
  return {
    baseRuntime: createRuntimeSource({ runtimePath: null, version, cwd: options.cwd }, world).resolve,
  };
}

/** The machine as the first model was measured on it; null where nothing was measured. */
async function fingerprintOfRun(
  location: RuntimeLocation | null,
  config: Config,
  checked: readonly CheckedModel[],
): Promise<Fingerprint | null> {
  const first = checked.find(({ measured }) => measured.kind === 'pair' || measured.kind === 'solo');
  if (location === null || first?.config == null) return null;
  return readFingerprint(location, {
    provider: config.runtime.provider,
    threads: first.config.benchmark.threads,
  });
}

function requireOneModel(options: CheckOptions, changes: ChangeSet): void {
  if (options.against === null || changes.models.length === 1) return;
  throw new QuickServeError({
    code: 'USAGE',
    message: `--against compares one model, and ${changes.models.length} would be checked.`,
    hint: 'Name the one with --model.',
  });
}

function ruleFindings(options: CheckOptions, changes: ChangeSet): readonly Finding[] {
  return options.base === null && changes.baseConfig !== null && changes.base.kind === 'commit'
    ? rulesChanged(changes.baseConfig, changes.config)
    : [];
}

async function checkModels(
  options: CheckOptions,
  changes: ChangeSet,
  bench: Bench,
  intent: RecordIntent,
  { state, registry }: RegistryView,
  scratch: string,
): Promise<readonly CheckedModel[]> {
  const checked: CheckedModel[] = [];
  for (const [index, model] of changes.models.entries()) {
    const { name, kind } = model.change;
    bench.world.progress.step(`${name}: ${kind}`);
    const versions = state?.models.get(name)?.versions ?? [];
    const known = new Set(versions.map(version => version.sha256));
    const folder = join(scratch, String(index));
    checked.push(
      await checkModel({
        changes,
        model,
        bench,
        accept: { flags: options.accept, labels: options.labels },
        against: options.against,
        measureIdentical: (identity: ModelIdentity) =>
          intent.kind === 'record' && state !== null && !known.has(identity.sha256),
        historyOf: async ({ benchmark }, inputs) => {
          const { provider } = changes.config.runtime;
          const { key } = await readFingerprint(await bench.runtime(), {
            provider,
            threads: benchmark.threads,
          });
          return historyOf(state, name, key, inputs);
        },
        recordedBytes: (sha256, target) => recordedBytes(registry, versions, sha256, target),
        scratch: folder,
      }),
    );
    // The candidate's copy is still to be recorded; the base's is not needed any more.
    await rm(join(folder, 'base'), { recursive: true, force: true, maxRetries: 3 });
  }
  return checked;
}
