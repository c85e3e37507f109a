import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { CommentConfig, RecordMode } from '../config/config.ts';
import { gitEnvironment } from '../git/git-environment.ts';
import { openRepository } from '../git/repository.ts';
import type { CiContext } from '../platforms/context.ts';
import { readCiContext } from '../platforms/detect.ts';
import { worstGate } from '../regression/gate.ts';
import { mergeReports, type ShardReport } from '../report/merge-reports.ts';
import type { Report } from '../report/report.ts';
import { fileReason, QuickServeError } from '../shared/errors.ts';
import { type MergedRecordingOptions, recordMerged } from './check/merged-recording.ts';
import { readFormats } from './check/report-files.ts';
import { exitCodeOf } from './check.ts';
import type { CommandResult } from './command-result.ts';
import { loadConfig } from './config-file.ts';
import { openPullRequest } from './pull-request.ts';
import { readReport } from './report.ts';
import { headShaOf, reportedChange } from './reported-run.ts';
import { type ShowArguments, showReport } from './show-report.ts';
import type { Surroundings } from './surroundings.ts';

export interface MergeOptions extends MergedRecordingOptions {
  /** Files, or folders in which every report.json is taken; absolute or relative to `cwd`. */
  readonly reports: readonly string[];
  /** Labels of the pull request, read at run time. */
  readonly labels: readonly string[];
}

/** Folders below one that was named: download-artifact makes one an artifact. */
const DEEPEST = 4;
const MOST_FILES = 1_000;

async function reportFilesIn(path: string, depth = 0): Promise<readonly string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const found: string[] = [];
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const inside = join(path, entry.name);
    if (entry.isFile() && entry.name === 'report.json') found.push(inside);
    // Links are not followed: an artifact may hold one that leads elsewhere.
    else if (entry.isDirectory() && depth < DEEPEST) found.push(...(await reportFilesIn(inside, depth + 1)));
  }
  return found.sort();
}

async function readShardReports({ reports, cwd }: MergeOptions): Promise<readonly ShardReport[]> {
  const files: string[] = [];
  for (const given of reports) {
    try {
      files.push(...(await reportFilesIn(resolve(cwd, given))));
    } catch (thrown) {
      throw new QuickServeError({
        code: 'FILE_UNREADABLE',
        message: `The report ${given} cannot be read: ${fileReason(thrown)}`,
        hint: 'Name the report.json of every shard, or the folder in which they are.',
        cause: thrown,
      });
    }
  }
  if (files.length === 0 || files.length > MOST_FILES) {
    throw new QuickServeError({
      code: 'USAGE',
      message: `There are ${files.length} files report.json in ${reports.join(', ')}.`,
      hint: `Name the reports of the shards, at most ${MOST_FILES}; without any there is nothing to judge.`,
    });
  }
  const read: ShardReport[] = [];
  for (const path of files) read.push({ path, report: await readReport(path) });
  return read;
}

/** What CI knows of the run counts, not what the reports say of it. */
const withOwnAddresses = (report: Report, context: CiContext): Report =>
  context.platform === 'local' ? report : { ...report, change: reportedChange(context) };

export interface MergeOutcome {
  readonly report: Report;
  readonly exitCode: 0 | 1 | 3;
  readonly comment: CommentConfig;
}

/**
 * Merges the reports of all shards and, where the shards left it to this, records the versions.
 * @throws QuickServeError SHARDS_MISMATCHED, REPORT_*, FILE_UNREADABLE, USAGE, CONFIG_*, NOT_A_REPOSITORY.
 */
export async function runMerge(options: MergeOptions, world: Surroundings): Promise<MergeOutcome> {
  const parts = await readShardReports(options);
  const { context, cwd, labels } = options;
  const repository = await openRepository(cwd, { environment: gitEnvironment(world.env) });
  // Where the CI does not say what is checked, the checkout does.
  const headSha = headShaOf(context) ?? repository.headSha;
  const merged = withOwnAddresses(mergeReports(parts, { headSha, labels, worstGate }), context);
  const report =
    merged.registry.recording === 'planned' ? await recordMerged(merged, parts, options, world) : merged;
  const { comment } = await loadConfig(repository.root, cwd, options.config);
  return { report, exitCode: exitCodeOf(report.gate), comment };
}

/** The options of `quickserveml merge` as the argument parser gives them. */
export interface MergeArguments extends ShowArguments {
  readonly reports: readonly string[];
  readonly config?: string;
  readonly record?: RecordMode;
  readonly reportFormat?: string;
}

/** `merge REPORT...` on the command line. */
export async function mergeCommand(given: MergeArguments, world: Surroundings): Promise<CommandResult> {
  const context = readCiContext(world.env);
  const { reports, cwd, config = null, record = null } = given;
  const formats = readFormats(given.reportFormat ?? '');
  const pullRequest = await openPullRequest(context, world, null);
  const labels = await pullRequest.labels();
  const outcome = await runMerge({ reports, cwd, config, record, context, labels, token: null }, world);
  const text = await showReport(outcome, given, formats, pullRequest, world);
  return { document: outcome.report, text, exitCode: outcome.exitCode };
}
