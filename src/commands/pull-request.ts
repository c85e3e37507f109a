import type { CiContext } from '../platforms/context.ts';
import { type CheckRunOutcome, publishCheckRun } from '../platforms/github/check-run.ts';
import { createGitHubClient, type GitHubClient } from '../platforms/github/client.ts';
import { type CommentOutcome, DEFAULT_COMMENT_AUTHOR, upsertComment } from '../platforms/github/comment.ts';
import { type LabelsOutcome, readMergedLabels, readPullRequestLabels } from '../platforms/github/labels.ts';
import { annotationsOf, GITHUB_CHECK_RUN_ANNOTATIONS } from '../report/annotations.ts';
import { CHECK_RUN_SUMMARY_BYTES, GITHUB_COMMENT_BYTES, renderComment } from '../report/comment.ts';
import { commentMarker } from '../report/comment-marker.ts';
import { visibleText } from '../report/escape.ts';
import { headlineText } from '../report/headline.ts';
import type { Report } from '../report/report.ts';
import type { Surroundings } from './surroundings.ts';

/** The pull request of a run, as far as the platform and a token let it be reached. */
export interface PullRequest {
  readonly number: number | null;
  /** null: there is nothing that could comment, and `whyNot` says why. */
  readonly client: GitHubClient | null;
  readonly whyNot: string;
  /** Labels now, or of the pull request that a pushed commit merged; none where they cannot be read, which is logged. */
  labels(): Promise<readonly string[]>;
}

const DEFAULT_API_URL = 'https://api.github.com';

/**
 * @param token null: GITHUB_TOKEN of the environment, if there is one.
 */
export async function openPullRequest(
  context: CiContext,
  world: Surroundings,
  token: string | null,
): Promise<PullRequest> {
  const number = context.pullRequest?.number ?? null;
  const usable = token ?? world.env['GITHUB_TOKEN'] ?? '';
  const [owner, repo] = context.repository?.split('/') ?? [];
  const whyNot = reasonNotToReach(context, usable);
  if (whyNot !== null || owner === undefined || repo === undefined) {
    return { number, client: null, whyNot: whyNot ?? 'the repository is not known', labels: async () => [] };
  }
  const client = await createGitHubClient({
    token: usable,
    apiUrl: world.env['GITHUB_API_URL'] ?? DEFAULT_API_URL,
    owner,
    repo,
    userAgent: `quickserveml/${world.toolVersion}`,
    ...world.patience,
  });
  return { number, client, whyNot: '', labels: () => readLabels(context, client, world) };
}

function reasonNotToReach(context: CiContext, token: string): string | null {
  if (context.platform === 'local') return 'this is not a CI run';
  if (context.platform !== 'github')
    return `comments on ${context.platform} are not supported yet; the reports are written`;
  return token === '' ? 'there is no token (set GITHUB_TOKEN)' : null;
}

async function readLabels(
  context: CiContext,
  client: GitHubClient,
  world: Surroundings,
): Promise<readonly string[]> {
  let outcome: LabelsOutcome;
  if (context.pullRequest !== null) outcome = await readPullRequestLabels(client, context.pullRequest.number);
  else if (context.event === 'push' && context.headSha !== null && context.branch !== null) {
    outcome = await readMergedLabels(client, context.headSha, context.branch);
  } else return [];
  if (outcome.kind === 'read') return outcome.labels;
  world.progress.step(`No label counts: ${outcome.reason}`);
  return [];
}

export interface PostOutcome {
  readonly comment: CommentOutcome | null;
  /** One line for the log. */
  readonly message: string;
}

/** Posts the comment of a report. Never throws for what the platform does: a comment decides nothing. */
export async function postReport(
  report: Report,
  pullRequest: PullRequest,
  options: { readonly key: string; readonly author?: string; readonly reportUrl?: string | null },
): Promise<PostOutcome> {
  const { client, number } = pullRequest;
  if (client === null) return { comment: null, message: `No comment: ${pullRequest.whyNot}.` };
  if (number === null) return { comment: null, message: 'No comment: this run belongs to no pull request.' };
  const body = renderComment(report, {
    key: options.key,
    budgetBytes: GITHUB_COMMENT_BYTES,
    reportUrl: options.reportUrl ?? null,
  });
  const comment = await upsertComment(client, {
    pullRequest: number,
    marker: commentMarker(options.key),
    body,
    authors: [options.author ?? DEFAULT_COMMENT_AUTHOR],
  });
  return { comment, message: describeOutcome(comment) };
}

function describeOutcome(comment: CommentOutcome): string {
  switch (comment.kind) {
    case 'posted':
      return `Comment ${comment.action}: ${comment.url}`;
    case 'not-permitted':
      return `No comment: ${comment.reason}. ${comment.hint}`;
    case 'failed':
      return `No comment: ${comment.reason}. The report is saved all the same.`;
  }
}

const CONCLUSIONS = {
  passed: 'success',
  warned: 'neutral',
  failed: 'failure',
  'no-verdict': 'failure',
} as const;

/**
 * Shows the verdict beside the commit, where the token may. Only for a report of this very run: a check may be required
 * for merging, and whoever writes a report of a fork could pass it.
 */
export async function postCheckRun(
  report: Report,
  pullRequest: Pick<PullRequest, 'client'>,
  context: CiContext,
  key: string,
): Promise<{ readonly checkRun: CheckRunOutcome | null; readonly message: string }> {
  const { client } = pullRequest;
  const headSha = context.headSha;
  if (client === null || headSha === null) return { checkRun: null, message: '' };
  const checkRun = await publishCheckRun(client, {
    name: key === 'default' ? 'QuickServeML' : `QuickServeML (${key})`,
    headSha,
    conclusion: CONCLUSIONS[report.gate],
    title: visibleText(headlineText(report)),
    summary: renderComment(report, { key: null, budgetBytes: CHECK_RUN_SUMMARY_BYTES, reportUrl: null }),
    detailsUrl: context.runUrl,
    annotations: annotationsOf(report, GITHUB_CHECK_RUN_ANNOTATIONS),
  });
  return { checkRun, message: describeCheckRun(checkRun) };
}

function describeCheckRun(outcome: CheckRunOutcome): string {
  switch (outcome.kind) {
    case 'check-run':
      return `Check run with ${outcome.annotations} annotations: ${outcome.url}`;
    case 'status':
      return 'Commit status set; a check run with annotations needs `checks: write`.';
    case 'not-permitted':
      return `No check run: the token has neither checks: write nor statuses: write (${outcome.reason}).`;
    case 'failed':
      return `No check run: ${outcome.reason}.`;
  }
}
