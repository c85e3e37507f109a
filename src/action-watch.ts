import { relative, resolve } from 'node:path';
import * as core from '@actions/core';
import { inputReader, optional, type ReviewInputs, readReviewInputs, workspaceOf } from './action-inputs.ts';
import { testAlerts } from './commands/alerts.ts';
import { writeReportFiles } from './commands/check/report-files.ts';
import { readDuration } from './commands/duration-option.ts';
import type { Surroundings } from './commands/surroundings.ts';
import { runWatch } from './commands/watch.ts';
import { toldLine } from './commands/watch-command.ts';
import { writeAnnotations, writeJobSummary, writeOutputs } from './platforms/github/outputs.ts';
import { annotationsOf, GITHUB_STEP_ANNOTATIONS } from './report/annotations.ts';
import { renderJobSummary } from './report/comment.ts';
import { headlineText } from './report/headline.ts';

/** The job's token writes the issue where the configuration names no other. */
function withToken(world: Surroundings, token: string | null): Surroundings {
  return token === null ? world : { ...world, env: { ...world.env, GITHUB_TOKEN: token } };
}

/** @throws QuickServeError USAGE. */
function readInputs(world: Surroundings): ReviewInputs {
  const reader = inputReader();
  const inputs = readReviewInputs(world, reader);
  reader.requireRight();
  return inputs;
}

/** `command: watch` of the Action. */
export async function watchFromAction(world: Surroundings): Promise<void> {
  const inputs = readInputs(world);
  const { token, reportFolder, formats } = inputs;
  const budget = optional('budget');
  const branch = optional('registry-branch');
  const runtimePath = optional('runtime-path');
  const { report, exitCode, told } = await runWatch(
    {
      cwd: inputs.cwd,
      models: core.getMultilineInput('models'),
      accept: core.getMultilineInput('accept'),
      record: inputs.record,
      budgetMs: budget === null ? null : readDuration('budget', budget),
      runtimeVersion: null,
      runtimePath: runtimePath === null ? null : resolve(workspaceOf(world), runtimePath),
      insecure: core.getMultilineInput('insecure-registries'),
      ...(inputs.configPath === null ? {} : { config: inputs.configPath }),
      ...(branch === null ? {} : { branch }),
      ...(token === null ? {} : { token }),
    },
    withToken(world, token),
  );
  const files = await writeReportFiles(report, reportFolder, {
    commentKey: 'watch',
    color: false,
    reportUrl: null,
    formats,
  });
  for (const each of told) core.info(toldLine(each));
  await writeAnnotations(annotationsOf(report, GITHUB_STEP_ANNOTATIONS));
  const summary = await writeJobSummary(renderJobSummary(report, null));
  if (summary.kind === 'not-written') core.info(`No job summary: ${summary.reason}.`);
  const fromWorkspace = (path: string): string => relative(workspaceOf(world), path) || path;
  await writeOutputs({
    verdict: report.gate,
    'exit-code': String(exitCode),
    'report-json': fromWorkspace(files.json),
    'report-html': fromWorkspace(files.html),
    'report-markdown': fromWorkspace(files.markdown),
    'report-junit': fromWorkspace(files.junit),
  });
  if (exitCode !== 0) core.setFailed(headlineText(report));
  process.exitCode = exitCode;
}

/** `command: alerts-test` of the Action: where secrets are in CI only, they can only be tried there. */
export async function testAlertsFromAction(world: Surroundings): Promise<void> {
  const { cwd, configPath, token } = readInputs(world);
  const { text, exitCode } = await testAlerts(
    { cwd, place: [], ...(configPath === null ? {} : { config: configPath }) },
    withToken(world, token),
  );
  core.info(text);
  await writeOutputs({ 'exit-code': String(exitCode) });
  if (exitCode !== 0) core.setFailed('A place was not reached.');
  process.exitCode = exitCode;
}
