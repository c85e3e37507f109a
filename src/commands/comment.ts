import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { readCiContext } from '../platforms/detect.ts';
import { findFollowedPullRequest, readFollowedRun } from '../platforms/github/follow-up.ts';
import { QuickServeError } from '../shared/errors.ts';
import type { CommandResult } from './command-result.ts';
import { openPullRequest, type PostOutcome, type PullRequest, postReport } from './pull-request.ts';
import { readReport } from './report.ts';
import type { Surroundings } from './surroundings.ts';

export interface CommentOptions {
  readonly report: string;
  readonly key: string;
  readonly author?: string;
  readonly cwd: string;
  /** null: GITHUB_TOKEN of the environment. */
  readonly token?: string | null;
}

function readEvent(world: Surroundings): unknown {
  const path = world.env['GITHUB_EVENT_PATH'];
  try {
    return path === undefined ? null : JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

/**
 * Posts a saved report. In a `workflow_run` job the pull request is the one of the followed run, found by repository,
 * branch and commit; what the report itself says of it is not believed.
 * @throws QuickServeError REPORT_*, FILE_UNREADABLE, COMMENT_FAILED where it could not be posted.
 */
export async function commentOnReport(options: CommentOptions, world: Surroundings): Promise<PostOutcome> {
  const report = await readReport(resolve(options.cwd, options.report));
  const context = readCiContext(world.env, path => readFileSync(path, 'utf8'));
  const pullRequest = await openPullRequest(context, world, options.token ?? null);
  const target = await followedPullRequest(pullRequest, world);
  const outcome = await postReport(report, target, {
    key: options.key,
    ...(options.author === undefined ? {} : { author: options.author }),
  });
  if (outcome.comment?.kind === 'posted') return outcome;
  throw new QuickServeError({
    code: 'COMMENT_FAILED',
    message: outcome.message,
    hint:
      outcome.comment?.kind === 'not-permitted'
        ? outcome.comment.hint
        : 'Run it in a workflow of the pull request, or in a workflow_run job that follows one (docs/forks.md).',
  });
}

async function followedPullRequest(pullRequest: PullRequest, world: Surroundings): Promise<PullRequest> {
  if (pullRequest.client === null || world.env['GITHUB_EVENT_NAME'] !== 'workflow_run') return pullRequest;
  const run = readFollowedRun(readEvent(world));
  if (run === null) return { ...pullRequest, number: null };
  const found = await findFollowedPullRequest(pullRequest.client, run);
  if (found.kind === 'found') return { ...pullRequest, number: found.number };
  return { ...pullRequest, client: null, whyNot: found.reason };
}

/** `comment --report F` on the command line. */
export async function commentCommand(options: CommentOptions, world: Surroundings): Promise<CommandResult> {
  const { comment, message } = await commentOnReport(options, world);
  return { document: { comment }, text: message, exitCode: 0 };
}
