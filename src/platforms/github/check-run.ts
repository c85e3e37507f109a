import type { Annotation } from '../../report/annotations.ts';
import { CHECK_RUN_SUMMARY_BYTES } from '../../report/host-limits.ts';
import type { ApiAnswer } from '../api-answer.ts';
import { idAt, stringAt } from '../json-values.ts';
import type { GitHubClient } from './client.ts';

/** GitHub takes this many annotations a request, and more by further updates. */
const ANNOTATIONS_A_REQUEST = 50;
const ANNOTATIONS_MAX = 200;
const TITLE_MAX_CHARACTERS = 255;
const DESCRIPTION_MAX_CHARACTERS = 140;

export interface CheckRunRequest {
  /** Shown in the list of checks; the same name replaces an earlier check run of the commit. */
  readonly name: string;
  readonly headSha: string;
  readonly conclusion: 'success' | 'neutral' | 'failure';
  readonly title: string;
  /** Markdown, at most 65,535 bytes. */
  readonly summary: string;
  readonly detailsUrl: string | null;
  readonly annotations: readonly Annotation[];
}

export type CheckRunOutcome =
  | {
      readonly kind: 'check-run';
      readonly id: number;
      readonly url: string;
      /** How many annotations GitHub took. */
      readonly annotations: number;
    }
  /** The token may not make check runs, but statuses: one line beside the commit. */
  | { readonly kind: 'status' }
  | { readonly kind: 'not-permitted'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

const LEVELS = { error: 'failure', warning: 'warning', notice: 'notice' } as const;

const usableAnnotations = (annotations: readonly Annotation[]): readonly object[] =>
  annotations
    .filter(({ path }) => path !== null && path !== '' && !path.split('/').includes('..'))
    .slice(0, ANNOTATIONS_MAX)
    .map(({ path, severity, title, message }) => ({
      path,
      start_line: 1,
      end_line: 1,
      annotation_level: LEVELS[severity],
      title: title.slice(0, TITLE_MAX_CHARACTERS).toWellFormed(),
      message: message === '' ? title : message,
    }));

/**
 * The verdict beside the commit: as a check run with annotations where the token has `checks: write`, else as a commit
 * status where it has `statuses: write`. Never throws for what the remote does: the job's own result is the gate.
 */
export async function publishCheckRun(
  client: GitHubClient,
  request: CheckRunRequest,
): Promise<CheckRunOutcome> {
  if (Buffer.byteLength(request.summary) > CHECK_RUN_SUMMARY_BYTES)
    return { kind: 'failed', reason: `the summary has more than ${CHECK_RUN_SUMMARY_BYTES} bytes` };
  const annotations = usableAnnotations(request.annotations);
  const first = annotations.slice(0, ANNOTATIONS_A_REQUEST);
  let taken = first.length;
  let answer = await create(client, request, first);
  if (answer.kind === 'refused' && answer.status === 422 && first.length > 0) {
    // An annotation that GitHub does not take must not cost the verdict.
    answer = await create(client, request, []);
    taken = 0;
  }
  if (answer.kind === 'refused' && isDenied(answer)) return createStatus(client, request, answer.reason);
  if (answer.kind !== 'ok')
    return { kind: 'failed', reason: `creating the check run failed: ${answer.reason}` };
  const id = idAt(answer.data, 'id');
  if (id === null)
    return { kind: 'failed', reason: 'the answer to creating the check run cannot be understood' };
  const url = stringAt(answer.data, 'html_url') ?? '';
  if (taken > 0) taken += await addAnnotations(client, request, id, annotations.slice(taken));
  return { kind: 'check-run', id, url, annotations: taken };
}

const isDenied = ({ status }: { readonly status: number }): boolean =>
  status === 401 || status === 403 || status === 404;

const outputOf = ({ title, summary }: CheckRunRequest, annotations: readonly object[]): object => ({
  title: title.slice(0, TITLE_MAX_CHARACTERS).toWellFormed(),
  summary,
  ...(annotations.length === 0 ? {} : { annotations }),
});

const create = (
  client: GitHubClient,
  request: CheckRunRequest,
  annotations: readonly object[],
): Promise<ApiAnswer> =>
  client.request('POST /repos/{owner}/{repo}/check-runs', {
    name: request.name,
    head_sha: request.headSha,
    status: 'completed',
    conclusion: request.conclusion,
    output: outputOf(request, annotations),
    ...(request.detailsUrl === null ? {} : { details_url: request.detailsUrl }),
  });

/** Adds what did not fit into the first request; how many GitHub took. */
async function addAnnotations(
  client: GitHubClient,
  request: CheckRunRequest,
  id: number,
  rest: readonly object[],
): Promise<number> {
  let taken = 0;
  while (taken < rest.length) {
    const next = rest.slice(taken, taken + ANNOTATIONS_A_REQUEST);
    const answer = await client.request('PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}', {
      check_run_id: id,
      status: 'completed',
      conclusion: request.conclusion,
      output: outputOf(request, next),
    });
    if (answer.kind !== 'ok') return taken;
    taken += next.length;
  }
  return taken;
}

const STATES = { success: 'success', neutral: 'success', failure: 'failure' } as const;

async function createStatus(
  client: GitHubClient,
  request: CheckRunRequest,
  denied: string,
): Promise<CheckRunOutcome> {
  const answer = await client.request('POST /repos/{owner}/{repo}/statuses/{sha}', {
    sha: request.headSha,
    state: STATES[request.conclusion],
    context: request.name,
    description: request.title.slice(0, DESCRIPTION_MAX_CHARACTERS).toWellFormed(),
    ...(request.detailsUrl === null ? {} : { target_url: request.detailsUrl }),
  });
  if (answer.kind === 'ok') return { kind: 'status' };
  if (answer.kind === 'refused' && isDenied(answer)) return { kind: 'not-permitted', reason: denied };
  return { kind: 'failed', reason: `creating the commit status failed: ${answer.reason}` };
}
