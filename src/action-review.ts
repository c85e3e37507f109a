import { relative, resolve } from 'node:path';
import * as core from '@actions/core';
import {
  type InputReader,
  inputReader,
  optional,
  type ReviewInputs,
  readReviewInputs,
  requiredLines,
  workspaceOf,
} from './action-inputs.ts';
import type { CheckOptions, ShardChoice } from './commands/check/check-options.ts';
import { type ReportFiles, writeReportFiles } from './commands/check/report-files.ts';
import { readShard } from './commands/check/shard.ts';
import { type StoppableOptions, stoppedCheck } from './commands/check/stopped-check.ts';
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
import { shardWords } from './report/measurement-words.ts';
import type { Report } from './report/report.ts';
import { QuickServeError } from './shared/errors.ts';

type CheckInputs = Omit<CheckOptions, 'labels'>;

function readPart(inputs: ReviewInputs): ShardChoice | null {
  const shard = optional('shard');
  if (shard !== null && inputs.comment === 'true') {
    throw new QuickServeError({
      code: 'USAGE',
      message: 'The inputs "shard" and "comment: true" cannot be used together.',
      hint: 'A shard has no verdict to comment on; the step with `command: merge` comments.',
    });
  }
  return shard === null ? null : readShard(shard);
}

function readCheckInputs(inputs: ReviewInputs, world: Surroundings, { take }: InputReader): CheckInputs {
  const budget = optional('budget');
  const runtimePath = optional('runtime-path');
  return {
    cwd: inputs.cwd,
    configPath: inputs.configPath,
    base: optional('base'),
    against: null,
    models: core.getMultilineInput('models'),
    record: inputs.record,
    registryBranch: optional('registry-branch'),
    accept: core.getMultilineInput('accept'),
    budgetMs: take(() => (budget === null ? null : readDuration('budget', budget)), null),
    runtimePath: runtimePath === null ? null : resolve(workspaceOf(world), runtimePath),
    dryRun: false,
    shard: take(() => readPart(inputs), null),
    context: inputs.context,
    token: inputs.token,
  };
}

/** `command: check` of the Action, whole or one shard of it. */
export async function checkFromAction(world: Surroundings): Promise<void> {
  const reader = inputReader();
  const inputs = readReviewInputs(world, reader);
  const options = readCheckInputs(inputs, world, reader);
  // A part has nothing to show, and the merge says which are missing.
  if (optional('shard') !== null) {
    reader.requireRight();
    const pullRequest = await openPullRequest(inputs.context, world, inputs.token);
    await leaveToMerge(
      await runCheck({ ...options, labels: await pullRequest.labels() }, world),
      inputs,
      world,
    );
    return;
  }
  await showOutcome(inputs, options, world, labels => {
    reader.requireRight();
    return runCheck({ ...options, labels }, world);
  });
}

/** `command: merge` of the Action. */
export async function mergeFromAction(world: Surroundings): Promise<void> {
  const reader = inputReader();
  const inputs = readReviewInputs(world, reader);
  const { cwd, configPath, record, context, token } = inputs;
  const workspace = workspaceOf(world);
  const given = reader.take<readonly string[]>(() => requiredLines('reports'), []);
  const reports = given.map(path => resolve(workspace, path));
  const { runMerge } = await import('./commands/merge.ts');
  await showOutcome(inputs, { ...inputs, registryBranch: null }, world, labels => {
    reader.requireRight();
    return runMerge({ reports, cwd, config: configPath, record, context, labels, token }, world);
  });
}

interface Outcome {
  readonly report: Report;
  readonly exitCode: 0 | 1 | 2 | 3;
  readonly comment: CommentConfig;
}

/** Shows what a review says, or that it could not be made. */
async function showOutcome(
  inputs: ReviewInputs,
  asked: StoppableOptions,
  world: Surroundings,
  review: (labels: readonly string[]) => Promise<Outcome>,
): Promise<void> {
  const pullRequest = await openPullRequest(inputs.context, world, inputs.token);
  const labels = await pullRequest.labels();
  let outcome: Outcome;
  try {
    outcome = await review(labels);
  } catch (thrown) {
    outcome = await stoppedCheck(thrown, asked, world);
  }
  await show(outcome, inputs, pullRequest, world);
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
  core.info([headlineText(report), shardWords(report) ?? ''].join(' '));
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
  const [report] = requiredLines('report');
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
