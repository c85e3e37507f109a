import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Fingerprint } from '../benchmark/measurement.ts';
import { allotTime } from '../benchmark/time-allotment.ts';
import { workloadsOf } from '../benchmark/workload.ts';
import { applyOverrides } from '../config/overrides.ts';
import type { MeasurementAddition } from '../registry/measurement-plan.ts';
import type { RegistryState } from '../registry/registry-state.ts';
import { knownModelsHint } from '../registry/selector.ts';
import { comparisonCount } from '../regression/comparisons.ts';
import { planErrors } from '../regression/error-plan.ts';
import { worstGate } from '../regression/gate.ts';
import type { Report } from '../report/report.ts';
import { QuickServeError } from '../shared/errors.ts';
import type { Finding } from '../shared/finding.ts';
import { openTemporaryFolder } from '../shared/temporary-folder.ts';
import { recordIntent } from './check/recording.ts';
import { exitCodeOf } from './check.ts';
import type { ContainerRegistryOptions } from './container-registries.ts';
import { fetchVersion } from './registry/get.ts';
import {
  openSession,
  type RegistryCommandOptions,
  type RegistrySession,
  readExisting,
} from './registry/session.ts';
import type { Surroundings } from './surroundings.ts';
import { type HealthCase, healthCases, healthEvent } from './watch/health-cases.ts';
import { createMeasurer, type Measurer } from './watch/measurer.ts';
import { type ProductionModel, productionModels } from './watch/production-series.ts';
import { planNews, type Told, tellPlaces, toldOf } from './watch/tell-places.ts';
import { configOf, type WatchedModel, watchModel } from './watch/watched-model.ts';

export interface WatchOptions extends RegistryCommandOptions, ContainerRegistryOptions {
  /** Names; empty: all that are in production. */
  readonly models: readonly string[];
  /** Names of models whose present level is the normal one from now on. */
  readonly accept: readonly string[];
  readonly record: 'auto' | 'always' | 'never' | null;
  readonly budgetMs: number | null;
  readonly runtimeVersion: string | null;
  /** Absolute. */
  readonly runtimePath: string | null;
}

export interface WatchOutcome {
  readonly report: Report;
  readonly exitCode: 0 | 1 | 3;
  /** Only the places for which something was new. */
  readonly told: readonly Told[];
}

/** What `--dry-run` prints: what would be measured, and who would be told of a change. */
export interface WatchPlan {
  readonly models: readonly { readonly name: string; readonly version: string; readonly sha256: string }[];
  readonly record: boolean;
  /** Why nothing would be recorded and nobody told; empty otherwise. */
  readonly reason: string;
  readonly places: readonly { readonly name: string; readonly kind: string }[];
}

interface Watch {
  readonly session: RegistrySession;
  readonly registry: RegistryState;
  readonly wanted: readonly ProductionModel[];
  /** Empty: this run records, and tells. */
  readonly whyNot: string;
}

/** Measurements of each fingerprint that are read: enough for a window and for the change before it. */
const HISTORY_LIMIT = 100;

async function openWatch(options: WatchOptions, world: Surroundings): Promise<Watch> {
  const opened = await openSession(options, world);
  const config = applyOverrides(opened.config, {
    budgetMs: options.budgetMs ?? undefined,
    record: options.record ?? undefined,
    runtimeVersion: options.runtimeVersion ?? undefined,
  });
  const session = { ...opened, config };
  const registry = await readExisting(session, { measurementLimit: HISTORY_LIMIT });
  const all = productionModels(registry);
  for (const name of [...options.models, ...options.accept]) requireModel(registry, all, name);
  const wanted = options.models.length === 0 ? all : all.filter(({ name }) => options.models.includes(name));
  return { session, registry, wanted, whyNot: reasonNotToTell(session) };
}

function requireModel(registry: RegistryState, all: readonly ProductionModel[], name: string): void {
  if (all.some(model => model.name === name)) return;
  throw new QuickServeError({
    code: 'VERSION_NOT_FOUND',
    message: registry.models.has(name)
      ? `No version of "${name}" is in production.`
      : `The registry has no model "${name}".`,
    hint: !registry.models.has(name)
      ? knownModelsHint(name, registry.names)
      : all.length === 0
        ? `\`quickserveml registry promote ${name}\` puts one there; \`quickserveml registry list\` shows all.`
        : `In production are ${all
            .map(model => model.name)
            .slice(0, 10)
            .join(', ')}.`,
  });
}

/** What was told is remembered on the registry branch: who may not write there would tell the same again and again. */
function reasonNotToTell({ config, context, repository }: RegistrySession): string {
  if (context.event === 'pull-request') return 'a pull request says nothing about what is in production';
  const intent = recordIntent(config, context, repository);
  return intent.kind === 'record' ? '' : intent.reason;
}

export async function planWatch(options: WatchOptions, world: Surroundings): Promise<WatchPlan> {
  const { session, wanted, whyNot } = await openWatch(options, world);
  return {
    models: wanted.map(({ name, version: { version } }) => ({
      name,
      version: version.version,
      sha256: version.sha256,
    })),
    record: whyNot === '',
    reason: whyNot,
    places: session.config.alerts.places.map(({ name, kind }) => ({ name, kind })),
  };
}

/**
 * Measures what is in production on this machine, holds each model against its own history on the same kind of machine,
 * records the measurement, tells the configured places what changed, and remembers who knows.
 * @param openMeasurer how models are measured; replaced where no runtime is wanted
 * @throws QuickServeError for usage, configuration and a registry that cannot be read.
 */
export async function runWatch(
  options: WatchOptions,
  world: Surroundings,
  openMeasurer: (session: RegistrySession, comparisons: number) => Measurer = (session, comparisons) =>
    createMeasurer(
      {
        config: session.config,
        root: session.repository.root,
        runtimePath: options.runtimePath,
        alpha: planErrors(comparisons).alpha,
        cwd: options.cwd,
      },
      world,
    ),
): Promise<WatchOutcome> {
  const startMs = performance.now();
  const at = new Date(world.now()).toISOString();
  const { session, registry, wanted, whyNot } = await openWatch(options, world);
  const comparisons = wanted
    .map(model => comparisonCount(workloadsOf(configOf(model, session.config)).length))
    .reduce((sum, count) => sum + count, 0);
  const watched = await watchAll(options, session, wanted, openMeasurer(session, comparisons), at);
  const recorded = whyNot === '' ? await recordMeasurements(session, watched) : [];
  const cases = healthCases(registry, watched, { at, accepted: new Set(options.accept) });
  const { told, findings } = whyNot === '' ? await tell(session, cases, at) : { told: [], findings: [] };
  const all = [...nothingFindings(wanted), ...recorded, ...findings];
  const gate = worstGate([
    ...watched.map(({ report }) => report.gate),
    ...all.map(({ severity }) => (severity === 'error' ? 'no-verdict' : 'passed')),
  ]);
  const { context, config } = session;
  const environment: Fingerprint | null =
    watched.find(({ found }) => found !== null)?.found?.fingerprint ?? null;
  const report: Report = {
    schemaVersion: 1,
    tool: { name: 'quickserveml', version: world.toolVersion },
    createdAt: at,
    gate,
    base: null,
    head: null,
    change: {
      platform: context.platform,
      repository: context.repository,
      pullRequest: null,
      runUrl: context.runUrl,
      filesUrl: null,
    },
    models: watched.map(each => each.report),
    findings: all,
    environment,
    seed: config.defaults.benchmark.seed,
    durationMs: Math.round(performance.now() - startMs),
    registry: {
      branch: config.registry.branch,
      recording: whyNot !== '' ? 'skipped' : recorded.length > 0 ? 'failed' : 'recorded',
      reason: whyNot !== '' ? whyNot : (recorded[0]?.message ?? ''),
      entries: watched.flatMap(({ production, found }) =>
        whyNot !== '' || recorded.length > 0 || found?.entry == null
          ? []
          : [{ model: production.name, version: production.version.version.version, new: false }],
      ),
    },
  };
  return { report, exitCode: exitCodeOf(gate), told };
}

async function watchAll(
  options: WatchOptions,
  session: RegistrySession,
  wanted: readonly ProductionModel[],
  measurer: Measurer,
  at: string,
): Promise<readonly WatchedModel[]> {
  await using folder = await openTemporaryFolder('watch');
  const { config } = session;
  // As a check shares out its budget; a model that is looked at twice takes no more than it had the first time.
  const time = allotTime(
    config.budgetMs,
    wanted.flatMap(model => {
      const own = configOf(model, config);
      return workloadsOf(own).map(() => own.benchmark.budgetMs);
    }),
    () => performance.now(),
  );
  const watched: WatchedModel[] = [];
  for (const [index, production] of wanted.entries()) {
    session.world.progress.step(`${production.name} ${production.version.version.version}`);
    const scratch = join(folder.path, String(index));
    const fetch = (model: ProductionModel, target: string): Promise<string> =>
      fetchVersion(session, model.version, target, options);
    watched.push(await watchModel(production, { config, measurer, fetch, scratch, time, at }));
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 });
  }
  return watched;
}

const nothingFindings = (wanted: readonly ProductionModel[]): readonly Finding[] =>
  wanted.length > 0
    ? []
    : [
        {
          code: 'NOTHING_IN_PRODUCTION',
          severity: 'info',
          message: 'No version in the registry has the status production.',
          hint: 'Put one there with `quickserveml registry promote NAME@VERSION`.',
        },
      ];

const errorFinding = ({ code, message, hint }: QuickServeError, what: string): Finding => ({
  code,
  severity: 'error',
  message: `${what}: ${message}`,
  hint,
});

/** @returns what went wrong. */
async function recordMeasurements(
  { registry, world }: RegistrySession,
  watched: readonly WatchedModel[],
): Promise<readonly Finding[]> {
  const additions = watched.flatMap(({ production, found }): MeasurementAddition[] => {
    if (found?.entry == null) return [];
    const { sha256, version, source } = production.version.version;
    return [
      {
        ...found.entry,
        model: production.name,
        sha256,
        version,
        commit: source.commit,
      },
    ];
  });
  if (additions.length === 0) return [];
  try {
    world.progress.step(`recording on ${registry.branch}`);
    await registry.addMeasurements(additions);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError)) throw thrown;
    return [errorFinding(thrown, 'Not recorded')];
  }
}

/** Tells the places, then remembers who knows what: a run that dies in between tells again, it never keeps silent. */
async function tell(
  session: RegistrySession,
  cases: readonly HealthCase[],
  at: string,
): Promise<{ readonly told: readonly Told[]; readonly findings: readonly Finding[] }> {
  const { config, context, repository, world, registry } = session;
  const planned = planNews(config.alerts.places, cases, {
    at,
    repository: context.repository,
    runUrl: context.runUrl,
  });
  const told = await tellPlaces(planned, config.alerts.places, { context, remote: repository.remote }, world);
  const findings = told.flatMap(({ place, outcome }): Finding[] =>
    outcome.kind === 'arrived'
      ? []
      : [
          {
            code: 'ALERT_FAILED',
            severity: 'error',
            message: `${place} was not told: ${outcome.reason}`,
            hint: 'The next run tells it. `quickserveml alerts test` tries every place.',
          },
        ],
  );
  for (const each of cases) {
    const event = healthEvent(each, toldOf(each, told));
    if (event === null) continue;
    try {
      await registry.addEvent(event);
    } catch (thrown) {
      if (!(thrown instanceof QuickServeError)) throw thrown;
      findings.push(errorFinding(thrown, `It is not remembered who was told of ${each.model}`));
    }
  }
  return { told, findings };
}
