import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { effectiveRules } from '../../config/policy-for.ts';
import { identifyRead } from '../../model/model-identity.ts';
import { readModel } from '../../model/model-reader.ts';
import { worstGate } from '../../regression/gate.ts';
import type { ShardReport } from '../../report/merge-reports.ts';
import type { ModelReport, Report } from '../../report/report.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { MergeOptions } from '../merge.ts';
import type { Surroundings } from '../surroundings.ts';
import { type ChangeSet, openChangeSet } from './change-set.ts';
import type { CheckedModel } from './checked-model.ts';
import { headModelFile } from './model-files.ts';
import { recordIntent } from './recording.ts';
import { readRegistry, recordChecked } from './registry-access.ts';
import { planVersions } from './version-plan.ts';

/** A model of a shard, read again: only what has the very bytes that were judged is recorded. */
async function readJudged(changes: ChangeSet, report: ModelReport, scratch: string): Promise<CheckedModel> {
  const change = changes.models.find(({ change: { path } }) => path === report.path);
  const config = change?.config ?? null;
  const measured = { kind: 'none', reason: 'measured by a shard' } as const;
  if (report.candidate === null || change === undefined || config === null)
    return { report, config, candidate: null, measured, policy: null };
  const file = await headModelFile(changes, report.path, scratch);
  const model = readModel(file);
  const identity = await identifyRead(model);
  if (identity.sha256 !== report.candidate.sha256) {
    throw new QuickServeError({
      code: 'SHARDS_MISMATCHED',
      message: `${report.path} has other bytes here (${identity.sha256}) than its shard judged (${report.candidate.sha256 ?? 'none'}).`,
      hint: 'Merge on a checkout of the commit that was checked; a `prepare` command has to make the same bytes each time.',
    });
  }
  const basePath = 'basePath' in change.change ? change.change.basePath : null;
  const { policy } = effectiveRules({ base: changes.baseConfig, model: config, basePath });
  return { report, config, candidate: { file, model, identity }, measured, policy };
}

/**
 * Records what the shards judged, now that there is one verdict. Whether and where is said by this run's own configuration
 * and flag: a report may come from anybody. What fails is in the report that comes back.
 * @throws QuickServeError SHARDS_MISMATCHED where the work tree is not what was judged, and as openChangeSet.
 */
export async function recordMerged(
  merged: Report,
  parts: readonly ShardReport[],
  options: MergeOptions,
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
  const scratch = await mkdtemp(join(tmpdir(), 'quickserveml-merge-'));
  try {
    const intent = recordIntent(changes.config, context, changes.repository);
    const view = await readRegistry(context, changes, intent, world);
    const checked: CheckedModel[] = [];
    for (const [index, model] of merged.models.entries())
      checked.push(await readJudged(changes, model, join(scratch, String(index))));
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
      gate: worstGate([merged.gate, ...(recorded.error === null ? [] : (['no-verdict'] as const))]),
      models: merged.models.map(model => ({ ...model, version: versions.get(model.name) ?? null })),
      findings: [...merged.findings, ...recorded.findings],
      registry: recorded.summary,
    };
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 });
  }
}
