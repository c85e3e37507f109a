import { resolve } from 'node:path';
import type { RecordMode } from '../config/config.ts';
import { readCiContext } from '../platforms/detect.ts';
import { messageOf } from '../shared/errors.ts';
import type { CheckOptions } from './check/check-options.ts';
import { readFormats } from './check/report-files.ts';
import { readShard } from './check/shard.ts';
import { stoppedCheck } from './check/stopped-check.ts';
import { type CheckOutcome, planCheck, runCheck } from './check.ts';
import type { CommandResult } from './command-result.ts';
import { readDuration } from './duration-option.ts';
import { checkPlanText } from './plan-text.ts';
import { openPullRequest } from './pull-request.ts';
import { type ShowArguments, showReport } from './show-report.ts';
import type { Surroundings } from './surroundings.ts';

/** The options of `quickserveml check` as the argument parser gives them. */
export interface CheckArguments extends ShowArguments {
  readonly config?: string;
  readonly base?: string;
  readonly against?: string;
  readonly model?: readonly string[];
  readonly reportFormat?: string;
  readonly record?: RecordMode;
  readonly accept?: readonly string[];
  readonly budget?: string;
  readonly runtime?: string;
  readonly runtimePath?: string;
  readonly dryRun?: boolean;
  readonly shard?: string;
}

/** `check` on the command line, in any CI and on a laptop. */
export async function checkCommand(given: CheckArguments, world: Surroundings): Promise<CommandResult> {
  const context = readCiContext(world.env);
  const pullRequest = await openPullRequest(context, world, null);
  const options: CheckOptions = {
    cwd: given.cwd,
    configPath: given.config ?? null,
    base: given.base ?? null,
    against: given.against === undefined ? null : resolve(given.cwd, given.against),
    models: given.model ?? [],
    record: given.record ?? null,
    registryBranch: null,
    accept: given.accept ?? [],
    budgetMs: given.budget === undefined ? null : readDuration('--budget', given.budget),
    runtimeVersion: given.runtime ?? null,
    runtimePath: given.runtimePath ?? null,
    dryRun: given.dryRun === true,
    shard: given.shard === undefined ? null : readShard(given.shard),
    context,
    labels: await pullRequest.labels(),
    token: null,
  };
  if (options.dryRun) {
    const plan = await planCheck(options, world);
    return { document: { plan }, text: checkPlanText(plan), exitCode: 0 };
  }
  const formats = readFormats(given.reportFormat ?? '');
  const show = (shown: Pick<CheckOutcome, 'report' | 'comment'>): Promise<string> =>
    showReport(shown, given, formats, pullRequest, world);
  const outcome = await runCheck(options, world).catch(async thrown => {
    // A part has nothing to show, and `merge` says which are missing.
    if (options.shard === null) {
      const stopped = await stoppedCheck(thrown, options, world);
      await show(stopped).catch(error => world.progress.step(messageOf(error)));
    }
    throw thrown;
  });
  return { document: outcome.report, text: await show(outcome), exitCode: outcome.exitCode };
}
