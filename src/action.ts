import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as core from '@actions/core';
import type { CheckOptions } from './commands/check/check-options.ts';
import { type ReportFiles, readFormats, writeReportFiles } from './commands/check/report-files.ts';
import { runCheck } from './commands/check.ts';
import { postCheckRun } from './commands/check-run.ts';
import { commentOnReport } from './commands/comment.ts';
import { readDuration } from './commands/duration-option.ts';
import { describeFailure } from './commands/failure.ts';
import { openPullRequest, type PostOutcome, postReport } from './commands/pull-request.ts';
import type { Surroundings } from './commands/surroundings.ts';
import type { RecordMode } from './config/config.ts';
import { readCiContext } from './platforms/detect.ts';
import { writeAnnotations, writeJobSummary, writeOutputs } from './platforms/github/outputs.ts';
import { annotationsOf, GITHUB_STEP_ANNOTATIONS } from './report/annotations.ts';
import { renderJobSummary } from './report/comment.ts';
import type { ReportFormatName } from './report/formats.ts';
import { headlineText } from './report/headline.ts';
import type { Report } from './report/report.ts';
import { cacheFolder } from './runtime/cache-folder.ts';
import { QuickServeError } from './shared/errors.ts';
import { toolVersion } from './shared/tool-version.ts';

const ownFolder = dirname(fileURLToPath(import.meta.url));

function surroundings(): Surroundings {
  return {
    env: process.env,
    now: Date.now,
    random: Math.random,
    progress: { step: text => core.info(text), update: () => undefined },
    toolVersion,
    workerPath: join(ownFolder, import.meta.url.endsWith('.ts') ? 'runtime/worker.ts' : 'worker.js'),
    packageFolders: [ownFolder],
    homeFolder: homedir(),
    cacheFolder: cacheFolder(process.env, process.platform, homedir()),
  };
}

const optional = (name: string): string | null => core.getInput(name) || null;

function choice<T extends string>(name: string, allowed: readonly T[]): T | null {
  const given = optional(name);
  if (given === null) return null;
  const found = allowed.find(value => value === given);
  if (found !== undefined) return found;
  throw new QuickServeError({
    code: 'USAGE',
    message: `The input "${name}" is "${given}".`,
    hint: `It may be ${allowed.join(', ')}.`,
  });
}

interface ActionInputs {
  readonly check: CheckOptions;
  /** null: what the configuration says. */
  readonly comment: 'true' | 'false' | null;
  readonly commentKey: string | null;
  readonly checkRun: boolean;
  /** Beside the four that are always written. */
  readonly formats: readonly ReportFormatName[];
  readonly commentAuthor: string;
  readonly reportFolder: string;
  readonly token: string;
}

function readInputs(world: Surroundings): ActionInputs {
  const workspace = world.env['GITHUB_WORKSPACE'] ?? '.';
  const budget = optional('budget');
  const runtimePath = optional('runtime-path');
  const token = core.getInput('token');
  return {
    check: {
      cwd: resolve(workspace, core.getInput('working-directory')),
      configPath: optional('config'),
      base: optional('base'),
      against: null,
      models: core.getMultilineInput('models'),
      record: choice<RecordMode>('record', ['auto', 'always', 'never']),
      registryBranch: optional('registry-branch'),
      accept: core.getMultilineInput('accept'),
      budgetMs: budget === null ? null : readDuration('budget', budget),
      runtimePath: runtimePath === null ? null : resolve(workspace, runtimePath),
      dryRun: false,
      context: readCiContext(world.env, path => readFileSync(path, 'utf8')),
      labels: [],
      token: token === '' ? null : token,
    },
    comment: choice('comment', ['true', 'false']),
    commentKey: optional('comment-key'),
    checkRun: choice('check-run', ['true', 'false']) !== 'false',
    formats: readFormats(core.getInput('formats')),
    commentAuthor: core.getInput('comment-author'),
    reportFolder: resolve(workspace, core.getInput('report-dir') || 'quickserveml-report'),
    token,
  };
}

async function check(world: Surroundings): Promise<void> {
  const inputs = readInputs(world);
  const pullRequest = await openPullRequest(inputs.check.context, world, inputs.token);
  const outcome = await runCheck({ ...inputs.check, labels: await pullRequest.labels() }, world);
  const { report, exitCode } = outcome;
  const key = inputs.commentKey ?? outcome.comment.key;
  const isWanted = inputs.comment === null ? outcome.comment.enabled : inputs.comment === 'true';
  const files = await writeReportFiles(report, inputs.reportFolder, {
    commentKey: key,
    color: false,
    reportUrl: null,
    formats: inputs.formats,
  });
  const shown = inputs.checkRun ? await postCheckRun(report, pullRequest, inputs.check.context, key) : null;
  if (shown !== null && shown.message !== '') core.info(shown.message);
  // A check run has the annotations on the files already; the step's own would show each twice.
  if (shown?.checkRun?.kind !== 'check-run' || shown.checkRun.annotations === 0) {
    await writeAnnotations(annotationsOf(report, GITHUB_STEP_ANNOTATIONS));
  }
  const posted = isWanted
    ? await postReport(report, pullRequest, { key, author: inputs.commentAuthor })
    : null;
  await announce(report, files, posted, exitCode);
  if (exitCode !== 0) core.setFailed(headlineText(report));
  process.exitCode = exitCode;
}

async function announce(
  report: Report,
  files: ReportFiles,
  posted: PostOutcome | null,
  exitCode: number,
): Promise<void> {
  if (posted !== null) {
    if (posted.comment === null || posted.comment.kind === 'posted') core.info(posted.message);
    else core.notice(posted.message, { title: 'QuickServeML' });
  }
  const hint = posted?.comment?.kind === 'not-permitted' ? `\n\n${posted.comment.hint}\n` : '';
  const summary = await writeJobSummary(renderJobSummary(report, null) + hint);
  if (summary.kind === 'not-written') core.info(`No job summary: ${summary.reason}.`);
  const comment = posted?.comment?.kind === 'posted' ? posted.comment : null;
  const fromWorkspace = (path: string): string =>
    relative(process.env['GITHUB_WORKSPACE'] ?? '.', path) || path;
  await writeOutputs({
    verdict: report.gate,
    'exit-code': String(exitCode),
    'report-json': fromWorkspace(files.json),
    'report-html': fromWorkspace(files.html),
    'report-markdown': fromWorkspace(files.markdown),
    'report-junit': fromWorkspace(files.junit),
    'comment-id': comment === null ? '' : String(comment.id),
    'comment-url': comment?.url ?? '',
    versions: JSON.stringify(
      Object.fromEntries(report.registry.entries.map(({ model, version }) => [model, version])),
    ),
    'changed-models': JSON.stringify(
      report.models.filter(({ state }) => state.kind !== 'identical').map(({ name }) => name),
    ),
  });
}

async function comment(world: Surroundings): Promise<void> {
  const report = core.getInput('report', { required: true });
  const { comment: outcome, message } = await commentOnReport(
    {
      report,
      cwd: resolve(world.env['GITHUB_WORKSPACE'] ?? '.'),
      key: core.getInput('comment-key') || 'default',
      author: core.getInput('comment-author'),
      token: core.getInput('token') || null,
    },
    world,
  );
  core.info(message);
  if (outcome?.kind === 'posted')
    await writeOutputs({ 'comment-id': String(outcome.id), 'comment-url': outcome.url });
}

async function main(): Promise<void> {
  const token = core.getInput('token');
  if (token !== '') core.setSecret(token);
  try {
    const command = choice('command', ['check', 'comment', 'publish']) ?? 'check';
    if (command === 'check') await check(surroundings());
    else if (command === 'comment') await comment(surroundings());
    else await (await import('./action-publish.ts')).publishFromAction(surroundings());
  } catch (thrown) {
    const failure = describeFailure(thrown, toolVersion);
    core.setFailed(failure.text.trim());
    await writeOutputs({ verdict: 'no-verdict', 'exit-code': String(failure.exitCode) });
    process.exitCode = failure.exitCode;
  }
}

await main();
