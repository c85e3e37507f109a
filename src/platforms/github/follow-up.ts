import { commitId, idAt, stringAt } from '../json-values.ts';
import type { GitHubClient } from './client.ts';

/** The run that a privileged `workflow_run` job follows: said by GitHub, not by the report. */
export interface FollowedRun {
  readonly headSha: string;
  readonly headBranch: string;
  readonly headOwner: string;
  /** `owner/name` of the repository that the head is in. */
  readonly headRepository: string;
}

/** The followed run in the JSON of a `workflow_run` event, or null where it was not a pull request's. */
export function readFollowedRun(event: unknown): FollowedRun | null {
  if (stringAt(event, 'workflow_run', 'event') !== 'pull_request') return null;
  const headSha = commitId(stringAt(event, 'workflow_run', 'head_sha'));
  const headBranch = stringAt(event, 'workflow_run', 'head_branch');
  const headOwner = stringAt(event, 'workflow_run', 'head_repository', 'owner', 'login');
  const headRepository = stringAt(event, 'workflow_run', 'head_repository', 'full_name');
  if (headSha === null || headBranch === null || headOwner === null || headRepository === null) return null;
  return { headSha, headBranch, headOwner, headRepository };
}

export type PullRequestLookup =
  | { readonly kind: 'found'; readonly number: number }
  /** None, several, or one that has moved on: nothing may be posted. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

/**
 * The one open pull request whose head is the followed run's: same repository, branch and commit. The event itself names
 * none for forks, and the report could name any.
 */
export async function findFollowedPullRequest(
  client: GitHubClient,
  run: FollowedRun,
): Promise<PullRequestLookup> {
  const answer = await client.request('GET /repos/{owner}/{repo}/pulls', {
    state: 'open',
    head: `${run.headOwner}:${run.headBranch}`,
    per_page: 100,
  });
  if (answer.kind !== 'ok')
    return { kind: 'failed', reason: `the pull request cannot be looked up: ${answer.reason}` };
  if (!Array.isArray(answer.data))
    return {
      kind: 'failed',
      reason: 'the pull request cannot be looked up: the answer cannot be understood',
    };
  const sameBranch = answer.data.filter(
    (pull: unknown) => stringAt(pull, 'head', 'repo', 'full_name') === run.headRepository,
  );
  const matching = sameBranch.filter((pull: unknown) => stringAt(pull, 'head', 'sha') === run.headSha);
  const numbers = matching.map((pull: unknown) => idAt(pull, 'number')).filter(number => number !== null);
  const [only] = numbers;
  if (only !== undefined && numbers.length === 1) return { kind: 'found', number: only };
  if (numbers.length > 1)
    return { kind: 'refused', reason: `several pull requests have this head: ${numbers.join(', ')}` };
  return {
    kind: 'refused',
    reason:
      sameBranch.length === 0
        ? 'no open pull request has this head'
        : 'the pull request has newer commits than the measured one',
  };
}
