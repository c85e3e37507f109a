import { resolve } from 'node:path';
import type { CiContext } from '../platforms/context.ts';
import { readCiContext, readEvent } from '../platforms/detect.ts';
import { type FollowedRun, findFollowedPullRequest, readFollowedRun } from '../platforms/github/follow-up.ts';
import { stringAt } from '../platforms/json-values.ts';
import type { Report } from '../report/report.ts';
import { QuickServeError } from '../shared/errors.ts';
import type { CommandResult } from './command-result.ts';
import { openPullRequest, type PostOutcome, type PullRequest, postReport } from './pull-request.ts';
import { readReport } from './report.ts';
import { reportedChange } from './reported-run.ts';
import type { Surroundings } from './surroundings.ts';

export interface CommentOptions {
  readonly report: string;
  readonly key: string;
  readonly author?: string;
  readonly cwd: string;
  /** null: GITHUB_TOKEN of the environment. */
  readonly token?: string | null;
}

/**
 * Posts a saved report, which may come from anybody. In a `workflow_run` job the pull request is the one of the followed
 * run, found by repository, branch and commit; number, commit and addresses that the report states are not believed.
 * A pull request that was closed or has moved on since is no error: nothing is posted, and the message says why.
 * @throws QuickServeError REPORT_*, FILE_UNREADABLE, COMMENT_FAILED where it could not be posted.
 */
export async function commentOnReport(options: CommentOptions, world: Surroundings): Promise<PostOutcome> {
  const report = await readReport(resolve(options.cwd, options.report));
  const context = readCiContext(world.env);
  const pullRequest = await openPullRequest(context, world, options.token ?? null);
  const isFollowUp = world.env['GITHUB_EVENT_NAME'] === 'workflow_run';
  const event = isFollowUp ? readEvent(world.env) : null;
  const run = readFollowedRun(event);
  const target = isFollowUp
    ? await followedPullRequest(pullRequest, run)
    : ({ kind: 'found', pullRequest } as const);
  if (target.kind === 'gone') return { comment: null, message: `No comment: ${target.reason}.` };
  const commit = run?.headSha ?? context.headSha;
  if (commit !== null && report.head !== null && !commit.startsWith(report.head.sha)) {
    throw new QuickServeError({
      code: 'COMMENT_FAILED',
      message: `The report is of commit ${report.head.sha}, the run of ${commit}: it is not posted.`,
      hint: 'Post the report of the run that this job follows.',
    });
  }
  const outcome = await postReport(withTrustedAddresses(report, context, event, run), target.pullRequest, {
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

type Target =
  | { readonly kind: 'found'; readonly pullRequest: PullRequest }
  /** None, several, or one that has moved on: nothing is to be posted. */
  | { readonly kind: 'gone'; readonly reason: string };

async function followedPullRequest(pullRequest: PullRequest, run: FollowedRun | null): Promise<Target> {
  if (pullRequest.gitHub === null) return { kind: 'found', pullRequest };
  if (run === null) return { kind: 'gone', reason: 'the followed run was not of a pull request' };
  const found = await findFollowedPullRequest(pullRequest.gitHub, run);
  if (found.kind === 'found') return { kind: 'found', pullRequest: { ...pullRequest, number: found.number } };
  if (found.kind === 'refused') return { kind: 'gone', reason: found.reason };
  return { kind: 'found', pullRequest: { ...pullRequest, reach: null, whyNot: found.reason } };
}

/** Every address in a comment comes from GitHub: a report could lead readers anywhere in the bot's name. */
function withTrustedAddresses(
  report: Report,
  context: CiContext,
  event: unknown,
  run: FollowedRun | null,
): Report {
  const own = reportedChange(context);
  if (run === null) return { ...report, change: own };
  const followed = stringAt(event, 'workflow_run', 'html_url');
  const home = stringAt(event, 'workflow_run', 'head_repository', 'html_url');
  const files = home === null ? null : `${home}/blob/${run.headSha}`;
  return { ...report, change: { ...own, runUrl: followed ?? own.runUrl, filesUrl: files } };
}

/** `comment --report F` on the command line. */
export async function commentCommand(options: CommentOptions, world: Surroundings): Promise<CommandResult> {
  const { comment, message } = await commentOnReport(options, world);
  return { document: { comment }, text: message, exitCode: 0 };
}
