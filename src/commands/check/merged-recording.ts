import { join } from 'node:path';
import type { RecordMode } from '../../config/config.ts';
import { effectiveRules } from '../../config/policy-for.ts';
import { basePathOf } from '../../git/model-changes.ts';
import { identifyRead } from '../../model/model-identity.ts';
import type { CiContext } from '../../platforms/context.ts';
import type { ShardReport } from '../../report/merge-reports.ts';
import type { ModelReport, Report } from '../../report/report.ts';
import { QuickServeError } from '../../shared/errors.ts';
import { openTemporaryFolder } from '../../shared/temporary-folder.ts';
import { readableModel } from '../readable-model.ts';
import type { Surroundings } from '../surroundings.ts';
import { type ChangeSet, openChangeSet } from './change-set.ts';
import type { CheckedModel } from './checked-model.ts';
import { headModelFile } from './model-files.ts';
import { recordIntent } from './recording.ts';
import { readRegistry, recordChecked, recordedGate } from './registry-access.ts';
import { planVersions } from './version-plan.ts';

/** How a merge records; `config` and `record` are null where nothing was said. */
export interface MergedRecordingOptions {
  readonly cwd: string;
  readonly config: string | null;
  readonly record: RecordMode | null;
  readonly context: CiContext;
  /** Authenticates at the git remote over HTTP; null: what the clone itself stores. */
  readonly token: string | null;
}

/** A model of a shard, read again: only what has the very bytes that were judged is recorded. */
async function readJudged(changes: ChangeSet, report: ModelReport, scratch: string): Promise<CheckedModel> {
  const change = changes.models.find(({ change: { path } }) => path === report.path);
  const config = change?.config ?? null;
  const measured = { kind: 'none', reason: 'measured by a shard' } as const;
  if (report.candidate === null || change === undefined || config === null)
    return { report, config, candidate: null, measured, policy: null };
  const candidate = readableModel(await headModelFile(changes, report.path, scratch));
  const identity = await identifyRead(candidate.model);
  if (identity.sha256 !== report.candidate.sha256) {
    throw new QuickServeError({
      code: 'SHARDS_MISMATCHED',
      message: `${report.path} has other bytes here (${identity.sha256}) than its shard judged (${report.candidate.sha256 ?? 'none'}).`,
      hint: 'Merge on a checkout of the commit that was checked; a `prepare` command has to make the same bytes each time.',
    });
  }
  const basePath = basePathOf(change.change);
  const { policy } = effectiveRules({ base: changes.baseConfig, model: config, basePath });
  return { report, config, candidate: { ...candidate, identity }, measured, policy };
}

/**
 * Records what the shards judged, now that there is one verdict. Whether and where is said by this run's own configuration
 * and flag: a report may come from anybody. What fails is in the report that comes back.
 * @throws QuickServeError SHARDS_MISMATCHED where the work tree is not what was judged, and as openChangeSet.
 */
export async function recordMerged(
  merged: Report,
  parts: readonly ShardReport[],
  options: MergedRecordingOptions,
  world: Surroundings,
): Promise<Report> {
  const { context, cwd, token } = options;
  await using changes = await openChangeSet(
    {
      cwd,
      configPath: options.config,
      base: null,
      against: null,
      models: [],
      record: options.record,
      registryBranch: null,
      accept: [],
      budgetMs: null,
      runtimePath: null,
      dryRun: false,
      context,
      labels: [],
      token,
    },
    world,
  );
  await using scratch = await openTemporaryFolder('merge');
  const intent = recordIntent(changes.config, context, changes.repository);
  const view = await readRegistry(context, changes, intent, world);
  const checked: CheckedModel[] = [];
  for (const [index, model] of merged.models.entries())
    checked.push(await readJudged(changes, model, join(scratch.path, String(index))));
  const environments = new Map(
    parts.flatMap(({ report }) => report.models.map(({ name }) => [name, report.environment] as const)),
  );
  const recorded = await recordChecked({
    world,
    changes,
    checked,
    gate: merged.gate,
    environmentOf: ({ name }) => environments.get(name) ?? null,
    intent,
    view,
  });
  const versions = planVersions(checked, view.state, recorded.summary.entries);
  return {
    ...merged,
    gate: recordedGate(merged.gate, recorded),
    models: merged.models.map(model => ({ ...model, version: versions.get(model.name) ?? null })),
    findings: [...merged.findings, ...recorded.findings],
    registry: recorded.summary,
  };
}
