import type { CiContext } from '../platforms/context.ts';
import { type CheckRunOutcome, publishCheckRun } from '../platforms/github/check-run.ts';
import { annotationsOf, GITHUB_CHECK_RUN_ANNOTATIONS } from '../report/annotations.ts';
import { renderComment } from '../report/comment.ts';
import { visibleText } from '../report/escape.ts';
import { headlineText } from '../report/headline.ts';
import { CHECK_RUN_SUMMARY_BYTES } from '../report/host-limits.ts';
import type { Report } from '../report/report.ts';
import type { PullRequest } from './pull-request.ts';

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
  pullRequest: Pick<PullRequest, 'gitHub'>,
  context: CiContext,
  key: string,
): Promise<{ readonly checkRun: CheckRunOutcome | null; readonly message: string }> {
  const client = pullRequest.gitHub;
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
