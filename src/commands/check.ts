import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fingerprint } from '../benchmark/measurement.ts';
import type { CommentConfig, Config } from '../config/config.ts';
import { rulesChanged } from '../config/rules-changed.ts';
import type { ModelIdentity } from '../model/model-identity.ts';
import type { RegistryState } from '../registry/registry-state.ts';
import { planErrors } from '../regression/error-plan.ts';
import { worstGate } from '../regression/gate.ts';
import { TIMED_METRICS } from '../regression/timed.ts';
import type { Gate } from '../regression/verdict.ts';
import type { Report } from '../report/report.ts';
import type { RuntimeLocation } from '../runtime/runtime-location.ts';
import { QuickServeError } from '../shared/errors.ts';
import type { Finding } from '../shared/finding.ts';
import { type ChangeSet, openChangeSet } from './check/change-set.ts';
import type { CheckOptions } from './check/check-options.ts';
import type { Bench } from './check/measuring.ts';
import { type CheckedModel, checkModel } from './check/model-check.ts';
import {
  openCheckRegistry,
  type RecordIntent,
  reasonNotToRecord,
  recordEntries,
  recordIntent,
  registryRemote,
} from './check/recording.ts';
import { planVersions } from './check/version-plan.ts';
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
    readonly measured: boolean;
    readonly budgetMs: number | null;
  }[];
  readonly comparisons: number;
  readonly alpha: number;
  readonly record: { readonly branch: string; readonly planned: boolean; readonly reason: string };
}

const isChanged = ({ change }: ChangeSet['models'][number]): boolean =>
  change.kind === 'changed' || (change.kind === 'moved' && !change.identical);

/** Errors are bounded over all comparisons of the check: their number is fixed before the first look. */
function planComparisons(changes: ChangeSet): ReturnType<typeof planErrors> {
  return planErrors(changes.models.filter(isChanged).length * TIMED_METRICS.length);
}

/** What `check` would do. Reads git and the configuration; measures and writes nothing. */
export async function planCheck(options: CheckOptions, world: Surroundings): Promise<CheckPlan> {
  await using changes = await openChangeSet(options, world);
  const intent = recordIntent(changes.config, options.context, changes.repository);
  const { comparisons, alpha } = planComparisons(changes);
  return {
    base: changes.base,
    models: changes.models.map(model => ({
      name: model.change.name,
      path: model.change.path,
      change: model.change.kind,
      measured: isChanged(model) || model.change.kind === 'added',
      budgetMs: model.config?.benchmark.budgetMs ?? null,
    })),
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
  await using changes = await openChangeSet(options, world);
  requireOneModel(options, changes);
  const intent = recordIntent(changes.config, options.context, changes.repository);
  const registry = await readRegistry(options, changes, intent, world);
  const runtime = createRuntimeSource(
    { runtimePath: options.runtimePath, version: changes.config.runtime.version, cwd: options.cwd },
    world,
  );
  const bench: Bench = {
    world,
    config: changes.config,
    runtime: runtime.resolve,
    alpha: planComparisons(changes).alpha,
  };

  const checked = await checkModels(options, changes, bench, intent, registry.state);
  const environment = await fingerprintOfRun(runtime.resolved(), changes.config, checked);
  const findings = [...changes.findings, ...ruleFindings(options, changes), ...registry.findings];
  const gate = worstGate(checked.map(({ report }) => report.gate));
  const recorded = await record({
    options,
    world,
    changes,
    checked,
    gate,
    environment,
    intent,
    registryError: registry.error,
  });
  const versions = planVersions(checked, registry.state, recorded.outcomes);
  const { repository, base } = changes;
  const finalGate = worstGate([gate, ...(recorded.error === null ? [] : (['no-verdict'] as const))]);
  const report: Report = {
    schemaVersion: 1,
    tool: { name: 'quickserveml', version: world.toolVersion },
    createdAt,
    gate: finalGate,
    base: base.kind === 'commit' ? { sha: base.sha, role: base.role } : null,
    head:
      repository.headSha === null
        ? null
        : { sha: options.context.pullRequest?.headSha ?? repository.headSha, role: 'head' },
    change: {
      platform: options.context.platform,
      repository: options.context.repository,
      pullRequest: options.context.pullRequest?.number ?? null,
      runUrl: options.context.runUrl,
      filesUrl: options.context.filesUrl,
    },
    models: checked.map(({ report: model }) => ({ ...model, version: versions.get(model.name) ?? null })),
    findings: [...findings, ...recorded.findings],
    environment,
    seed: checked.find(({ config }) => config !== null)?.config?.benchmark.seed ?? 0,
    durationMs: Math.round(performance.now() - startMs),
    registry: recorded.summary,
  };
  return {
    report,
    exitCode: exitCodeOf(finalGate),
    comment: changes.config.comment,
    recordError: recorded.error,
  };
}

/** The machine as the first model was measured on it; null where nothing was measured. */
async function fingerprintOfRun(
  location: RuntimeLocation | null,
  config: Config,
  checked: readonly CheckedModel[],
): Promise<Fingerprint | null> {
  const first = checked.find(({ measured }) => measured.kind !== 'none');
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

/** Versions and measurements so far: needed to record, and to say what the next version would be. */
async function readRegistry(
  options: CheckOptions,
  changes: ChangeSet,
  intent: RecordIntent,
  world: Surroundings,
): Promise<{
  readonly state: RegistryState | null;
  readonly findings: readonly Finding[];
  readonly error: QuickServeError | null;
}> {
  const remote = registryRemote(changes.config, changes.repository);
  const isWanted = intent.kind === 'record' || changes.models.some(isChanged);
  if (remote === null || !isWanted) return { state: null, findings: [], error: null };
  try {
    const registry = await openCheckRegistry(
      changes.config,
      options.context,
      changes.repository,
      remote,
      world,
    );
    const models = changes.models.map(({ change }) => change.name);
    return { state: await registry.read({ models, measurementLimit: 1 }), findings: [], error: null };
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError)) throw thrown;
    if (intent.kind === 'record') return { state: null, findings: [], error: thrown };
    const finding: Finding = {
      code: thrown.code,
      severity: 'info',
      message: `The registry could not be read, so the next version is not known: ${thrown.message}`,
      hint: thrown.hint,
    };
    return { state: null, findings: [finding], error: null };
  }
}

async function checkModels(
  options: CheckOptions,
  changes: ChangeSet,
  bench: Bench,
  intent: RecordIntent,
  state: RegistryState | null,
): Promise<readonly CheckedModel[]> {
  const checked: CheckedModel[] = [];
  for (const model of changes.models) {
    const { name, kind } = model.change;
    bench.world.progress.step(`${name}: ${kind}`);
    const scratch = await mkdtemp(join(tmpdir(), 'quickserveml-check-'));
    const known = new Set(state?.models.get(name)?.versions.map(version => version.sha256));
    try {
      checked.push(
        await checkModel({
          changes,
          model,
          bench,
          accept: { flags: options.accept, labels: options.labels },
          against: options.against,
          measureIdentical: (identity: ModelIdentity) =>
            intent.kind === 'record' && state !== null && !known.has(identity.sha256),
          scratch,
        }),
      );
    } finally {
      await rm(scratch, { recursive: true, force: true, maxRetries: 3 });
    }
  }
  return checked;
}

interface RecordedPart {
  readonly summary: Report['registry'];
  readonly outcomes: Report['registry']['entries'];
  readonly findings: readonly Finding[];
  readonly error: QuickServeError | null;
}

async function record(input: {
  readonly options: CheckOptions;
  readonly world: Surroundings;
  readonly changes: ChangeSet;
  readonly checked: readonly CheckedModel[];
  readonly gate: Gate;
  readonly environment: Fingerprint | null;
  readonly intent: RecordIntent;
  readonly registryError: QuickServeError | null;
}): Promise<RecordedPart> {
  const { options, world, changes, intent } = input;
  const { branch } = changes.config.registry;
  const nothing = (reason: string): RecordedPart => ({
    summary: { branch, recording: 'skipped', reason, entries: [] },
    outcomes: [],
    findings: [],
    error: null,
  });
  if (intent.kind === 'skip') return nothing(intent.reason);
  const against = reasonNotToRecord(input.gate);
  if (against !== null) return nothing(against);
  try {
    if (input.registryError !== null) throw input.registryError;
    const registry = await openCheckRegistry(
      changes.config,
      options.context,
      changes.repository,
      intent.remote,
      world,
    );
    world.progress.step(`recording on ${branch}`);
    const outcomes = await registry.record(recordEntries(input.checked, changes, input.environment));
    const entries = outcomes.flatMap(({ model, version, new: isNew }) =>
      version === null ? [] : [{ model, version, new: isNew }],
    );
    return {
      summary: { branch, recording: 'recorded', reason: '', entries },
      outcomes: entries,
      findings: [],
      error: null,
    };
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError)) throw thrown;
    return {
      summary: { branch, recording: 'failed', reason: thrown.message, entries: [] },
      outcomes: [],
      findings: [
        {
          code: thrown.code,
          severity: 'error',
          message: `Not recorded: ${thrown.message}`,
          hint: thrown.hint,
        },
      ],
      error: thrown,
    };
  }
}
