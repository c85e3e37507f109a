import { relative, resolve } from 'node:path';
import * as core from '@actions/core';
import { optional, type ReviewInputs, readReviewInputs, workspaceOf } from './action-inputs.ts';
import type { CheckOptions } from './commands/check/check-options.ts';
import { type ReportFiles, writeReportFiles } from './commands/check/report-files.ts';
import { readShard } from './commands/check/shard.ts';
import { stoppedCheck } from './commands/check/stopped-check.ts';
import { runCheck } from './commands/check.ts';
import { postCheckRun } from './commands/check-run.ts';
import { readDuration } from './commands/duration-option.ts';
import { openPullRequest, type PostOutcome, type PullRequest, postReport } from './commands/pull-request.ts';
import type { Surroundings } from './commands/surroundings.ts';
import type { CommentConfig } from './config/config.ts';
import { writeAnnotations, writeJobSummary, writeOutputs } from './platforms/github/outputs.ts';
import { annotationsOf, GITHUB_STEP_ANNOTATIONS } from './report/annotations.ts';
import { renderJobSummary } from './report/comment.ts';
import { headlineText } from './report/headline.ts';
import type { Report } from './report/report.ts';
import { QuickServeError } from './shared/errors.ts';

type CheckInputs = Omit<CheckOptions, 'labels'>;

function readCheckInputs(inputs: ReviewInputs, world: Surroundings): CheckInputs {
  const budget = optional('budget');
  const runtimePath = optional('runtime-path');
  const shard = optional('shard');
  if (shard !== null && inputs.comment === 'true') {
    throw new QuickServeError({
      code: 'USAGE',
      message: 'The inputs "shard" and "comment: true" cannot be used together.',
      hint: 'A shard has no verdict to comment on; the step with `command: merge` comments.',
    });
  }
  return {
    cwd: inputs.cwd,
    configPath: inputs.configPath,
    base: optional('base'),
    against: null,
    models: core.getMultilineInput('models'),
    record: inputs.record,
    registryBranch: optional('registry-branch'),
    accept: core.getMultilineInput('accept'),
    budgetMs: budget === null ? null : readDuration('budget', budget),
    runtimePath: runtimePath === null ? null : resolve(workspaceOf(world), runtimePath),
    dryRun: false,
    shard: shard === null ? null : readShard(shard),
    context: inputs.context,
    token: inputs.token,
  };
}

/** `command: check` of the Action, whole or one shard of it. */
export async function checkFromAction(world: Surroundings): Promise<void> {
  const inputs = readReviewInputs(world);
  const options = readCheckInputs(inputs, world);
  const pullRequest = await openPullRequest(inputs.context, world, inputs.token);
  const all = { ...options, labels: await pullRequest.labels() };
  const outcome = await runCheck(all, world).catch(thrown => {
    // A part has nothing to show, and the merge says which are missing.
    if (options.shard !== null) throw thrown;
    return stoppedCheck(thrown, all, world);
  });
  if (options.shard === null) await show(outcome, inputs, pullRequest, world);
  else await leaveToMerge(outcome, inputs, world);
}

/** `command: merge` of the Action. */
export async function mergeFromAction(world: Surroundings): Promise<void> {
  const inputs = readReviewInputs(world);
  const { cwd, configPath, record, context, token } = inputs;
  const workspace = workspaceOf(world);
  const reports = core.getMultilineInput('reports', { required: true }).map(path => resolve(workspace, path));
  const { runMerge } = await import('./commands/merge.ts');
  const pullRequest = await openPullRequest(context, world, token);
  const labels = await pullRequest.labels();
  const options = { reports, cwd, config: configPath, record, context, labels, token };
  await show(await runMerge(options, world), inputs, pullRequest, world);
}

interface Outcome {
  readonly report: Report;
  readonly exitCode: 0 | 1 | 2 | 3;
  readonly comment: CommentConfig;
}

/** Writes the files, and shows the verdict wherever the token may. */
async function show(
  outcome: Outcome,
  inputs: ReviewInputs,
  pullRequest: PullRequest,
  world: Surroundings,
): Promise<void> {
  const { report, exitCode } = outcome;
  const key = inputs.commentKey ?? outcome.comment.key;
  const isWanted = inputs.comment === null ? outcome.comment.enabled : inputs.comment === 'true';
  const files = await writeFiles(report, inputs, key);
  const shown = inputs.checkRun ? await postCheckRun(report, pullRequest, inputs.context, key) : null;
  if (shown !== null && shown.message !== '') core.info(shown.message);
  // A check run has the annotations on the files already; the step's own would show each twice.
  if (shown?.checkRun?.kind !== 'check-run' || shown.checkRun.annotations === 0) {
    await writeAnnotations(annotationsOf(report, GITHUB_STEP_ANNOTATIONS));
  }
  const posted = isWanted
    ? await postReport(report, pullRequest, { key, author: inputs.commentAuthor })
    : null;
  await announce(report, posted);
  await writeOutputs({ ...reportOutputs(report, files, world), ...verdictOutputs(report, exitCode, posted) });
  if (exitCode !== 0) core.setFailed(headlineText(report));
  process.exitCode = exitCode;
}

/** A shard has no verdict: what it found is in its report and its log, and the merge shows all of it once. */
async function leaveToMerge(
  { report, exitCode }: Outcome,
  inputs: ReviewInputs,
  world: Surroundings,
): Promise<void> {
  const files = await writeFiles(report, inputs, inputs.commentKey ?? 'default');
  const { index, assignment } = report.shard ?? { index: 1, assignment: [[]] };
  core.info(
    `Shard ${index} of ${assignment.length}: ${headlineText(report)} The verdict is left to the merge.`,
  );
  await writeOutputs({ 'exit-code': String(exitCode), ...reportOutputs(report, files, world) });
  process.exitCode = exitCode;
}

const writeFiles = (
  report: Report,
  { reportFolder, formats }: ReviewInputs,
  key: string,
): Promise<ReportFiles> =>
  writeReportFiles(report, reportFolder, { commentKey: key, color: false, reportUrl: null, formats });

async function announce(report: Report, posted: PostOutcome | null): Promise<void> {
  if (posted !== null) {
    if (posted.comment === null || posted.comment.kind === 'posted') core.info(posted.message);
    else core.notice(posted.message, { title: 'QuickServeML' });
  }
  const hint = posted?.comment?.kind === 'not-permitted' ? `\n\n${posted.comment.hint}\n` : '';
  const summary = await writeJobSummary(renderJobSummary(report, null) + hint);
  if (summary.kind === 'not-written') core.info(`No job summary: ${summary.reason}.`);
}

type Outputs = Readonly<Record<string, string>>;

function reportOutputs(report: Report, files: ReportFiles, world: Surroundings): Outputs {
  const fromWorkspace = (path: string): string => relative(workspaceOf(world), path) || path;
  return {
    'report-json': fromWorkspace(files.json),
    'report-html': fromWorkspace(files.html),
    'report-markdown': fromWorkspace(files.markdown),
    'report-junit': fromWorkspace(files.junit),
    'changed-models': JSON.stringify(
      report.models.filter(({ state }) => state.kind !== 'identical').map(({ name }) => name),
    ),
  };
}

function verdictOutputs(report: Report, exitCode: number, posted: PostOutcome | null): Outputs {
  const comment = posted?.comment?.kind === 'posted' ? posted.comment : null;
  return {
    verdict: report.gate,
    'exit-code': String(exitCode),
    'comment-id': comment === null ? '' : String(comment.id),
    'comment-url': comment?.url ?? '',
    versions: JSON.stringify(
      Object.fromEntries(report.registry.entries.map(({ model, version }) => [model, version])),
    ),
  };
}

/** `command: comment` of the Action. */
export async function commentFromAction(world: Surroundings): Promise<void> {
  const { commentOnReport } = await import('./commands/comment.ts');
  const report = core.getInput('report', { required: true });
  const { comment: outcome, message } = await commentOnReport(
    {
      report,
      cwd: workspaceOf(world),
      key: optional('comment-key') ?? 'default',
      author: core.getInput('comment-author'),
      token: optional('token'),
    },
    world,
  );
  core.info(message);
  if (outcome?.kind === 'posted')
    await writeOutputs({ 'comment-id': String(outcome.id), 'comment-url': outcome.url });
}
