import { idAt, listAt, stringAt } from '../json-values.ts';
import type { LabelsOutcome } from '../labels.ts';
import type { GitHubClient } from './client.ts';

const labelNames = (pullRequest: unknown): readonly string[] =>
  listAt(pullRequest, 'labels')
    .map(label => stringAt(label, 'name'))
    .filter(name => name !== null);

/** The labels that the pull request has now, not those of the event that started the run. */
export async function readPullRequestLabels(
  client: GitHubClient,
  pullRequest: number,
): Promise<LabelsOutcome> {
  const answer = await client.request('GET /repos/{owner}/{repo}/pulls/{pull_number}', {
    pull_number: pullRequest,
  });
  if (answer.kind !== 'ok') return { kind: 'unknown', reason: `the labels cannot be read: ${answer.reason}` };
  if (idAt(answer.data, 'number') !== pullRequest)
    return { kind: 'unknown', reason: 'the labels cannot be read: the answer cannot be understood' };
  return { kind: 'read', pullRequest, labels: labelNames(answer.data) };
}

/**
 * The labels of the pull request that brought a pushed commit to `branch`: merged, into that branch, and preferably with
 * this very commit as its merge. None where the commit was pushed directly.
 */
export async function readMergedLabels(
  client: GitHubClient,
  commitSha: string,
  branch: string,
): Promise<LabelsOutcome> {
  const answer = await client.request('GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls', {
    commit_sha: commitSha,
    per_page: 100,
  });
  if (answer.kind !== 'ok')
    return { kind: 'unknown', reason: `the merged pull request cannot be read: ${answer.reason}` };
  if (!Array.isArray(answer.data))
    return {
      kind: 'unknown',
      reason: 'the merged pull request cannot be read: the answer cannot be understood',
    };
  const merged = answer.data.filter(
    (pull: unknown) => stringAt(pull, 'merged_at') !== null && stringAt(pull, 'base', 'ref') === branch,
  );
  const exact = merged.find((pull: unknown) => stringAt(pull, 'merge_commit_sha') === commitSha);
  // A pull request that merely contains the commit must not lend it its acceptance when there are several.
  const chosen: unknown = exact ?? (merged.length === 1 ? merged[0] : undefined);
  if (chosen === undefined) return { kind: 'read', pullRequest: null, labels: [] };
  return { kind: 'read', pullRequest: idAt(chosen, 'number'), labels: labelNames(chosen) };
}
