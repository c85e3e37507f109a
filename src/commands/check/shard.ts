import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { assignShards, expectedCostMs, type ShardWork } from '../../benchmark/shard-plan.ts';
import { POINTER_LIMIT_BYTES, parsePointer } from '../../git/lfs.ts';
import type { ReportShard } from '../../report/report.ts';
import { REPORT_MAX_SHARDS } from '../../report/report-schema.ts';
import { QuickServeError } from '../../shared/errors.ts';
import { type ChangedModel, type ChangeSet, isChanged } from './change-set.ts';
import type { ShardChoice } from './check-options.ts';

/** Reads `i/n`, i from 1. @throws QuickServeError USAGE. */
export function readShard(text: string): ShardChoice {
  const [, index, count] = /^(\d{1,4})\/(\d{1,4})$/u.exec(text.trim()) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  if (shard.index >= 1 && shard.index <= shard.count && shard.count <= REPORT_MAX_SHARDS) return shard;
  throw new QuickServeError({
    code: 'USAGE',
    message: `"${text}" is not a shard.`,
    hint: `Write i/n with i from 1 to n, and n at most ${REPORT_MAX_SHARDS}: --shard 2/10.`,
  });
}

/** Size of a model as committed: a pointer counts as its object, whether or not this machine has fetched it. */
async function committedSize(root: string, { config }: ChangedModel): Promise<number> {
  // What `prepare` makes may differ from run to run; then only its budget counts.
  if (config === null || (config.tests?.prepare ?? null) !== null) return 0;
  try {
    const { size } = await stat(join(root, config.path));
    if (size > POINTER_LIMIT_BYTES) return size;
    await using handle = await open(join(root, config.path));
    return parsePointer(await handle.readFile())?.sizeBytes ?? size;
  } catch {
    // A missing file is said where the model is checked.
    return 0;
  }
}

async function workOf(model: ChangedModel, root: string): Promise<ShardWork> {
  const isMeasured = model.config !== null && (isChanged(model) || model.change.kind === 'added');
  return {
    name: model.change.name,
    costMs: expectedCostMs(
      await committedSize(root, model),
      isMeasured ? { budgetMs: model.config.benchmark.budgetMs } : null,
    ),
  };
}

/** A change set that was cut down to one shard's models, and what the shard's report says of the whole. */
export interface ShardPart {
  readonly changes: ChangeSet;
  readonly shard: ReportShard;
}

/**
 * The part of a check that one shard does. Follows from the commits, the configuration and the sizes of the files alone:
 * what the registry says is left out, so that a record made while the shards start cannot tear the plan.
 * @param comparisons planned for the whole check, over all shards
 * @param acceptances labels and flags that let findings through (acceptancesIn)
 */
export async function takeShard(
  whole: ChangeSet,
  { index, count }: ShardChoice,
  comparisons: number,
  acceptances: readonly string[],
): Promise<ShardPart> {
  const work = await Promise.all(whole.models.map(model => workOf(model, whole.repository.root)));
  // What has one name stays together: a report is told apart by the names of its models.
  const named = new Map(work.map(each => [each.name, each]));
  const assignment = assignShards([...named.values()], count);
  const own = new Set(assignment[index - 1]);
  return {
    changes: { ...whole, models: whole.models.filter(({ change }) => own.has(change.name)) },
    shard: { index, assignment, comparisons, acceptances },
  };
}
