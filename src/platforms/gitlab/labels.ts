import { idAt, listAt, stringAt } from '../json-values.ts';
import type { LabelsOutcome } from '../labels.ts';
import type { GitLabClient } from './client.ts';

const labelNames = (mergeRequest: unknown): readonly string[] =>
  listAt(mergeRequest, 'labels').filter(label => typeof label === 'string');

/** The labels that the merge request has now. */
export async function readMergeRequestLabels(
  client: GitLabClient,
  mergeRequest: number,
): Promise<LabelsOutcome> {
  const answer = await client.request('GET /projects/{id}/merge_requests/{merge_request_iid}', {
    merge_request_iid: mergeRequest,
  });
  if (answer.kind !== 'ok') return { kind: 'unknown', reason: `the labels cannot be read: ${answer.reason}` };
  if (idAt(answer.data, 'iid') !== mergeRequest)
    return { kind: 'unknown', reason: 'the labels cannot be read: the answer cannot be understood' };
  return { kind: 'read', pullRequest: mergeRequest, labels: labelNames(answer.data) };
}

/** The labels of the merge request that brought a pushed commit to `branch`; none where it was pushed directly. */
export async function readMergedRequestLabels(
  client: GitLabClient,
  commitSha: string,
  branch: string,
): Promise<LabelsOutcome> {
  const answer = await client.request('GET /projects/{id}/repository/commits/{sha}/merge_requests', {
    sha: commitSha,
    state: 'merged',
    per_page: 100,
  });
  if (answer.kind !== 'ok')
    return { kind: 'unknown', reason: `the merged merge request cannot be read: ${answer.reason}` };
  const merged = (Array.isArray(answer.data) ? (answer.data as readonly unknown[]) : []).filter(
    one => stringAt(one, 'state') === 'merged' && stringAt(one, 'target_branch') === branch,
  );
  const exact = merged.find(one =>
    [stringAt(one, 'merge_commit_sha'), stringAt(one, 'squash_commit_sha')].includes(commitSha),
  );
  // One that merely contains the commit must not lend it its acceptance when there are several.
  const chosen = exact ?? (merged.length === 1 ? merged[0] : undefined);
  if (chosen === undefined) return { kind: 'read', pullRequest: null, labels: [] };
  return { kind: 'read', pullRequest: idAt(chosen, 'iid'), labels: labelNames(chosen) };
}
