import { idAt, stringAt } from '../json-values.ts';
import type { GitHubAnswer, GitHubClient } from './client.ts';
import { FOLLOW_UP_HINT } from './follow-up-hint.ts';

export const GITHUB_COMMENT_MAX_CHARACTERS = 65_536;
/** Who comments with the token that every job has. The token may not ask who it is, so an app's login is configured. */
export const DEFAULT_COMMENT_AUTHOR = 'github-actions[bot]';
const PAGE_SIZE = 100;
const PAGES_MAX = 200;

export interface CommentRequest {
  readonly pullRequest: number;
  /** First line of the comment, by which it is found again. */
  readonly marker: string;
  /** Starts with `marker`. */
  readonly body: string;
  /** Logins whose comments may be updated. */
  readonly authors: readonly string[];
}

export type CommentOutcome =
  | {
      readonly kind: 'posted';
      readonly id: number;
      readonly url: string;
      readonly action: 'created' | 'updated' | 'unchanged';
    }
  /** The token may not: a fork's, Dependabot's, or the workflow's permissions. */
  | { readonly kind: 'not-permitted'; readonly reason: string; readonly hint: string }
  | { readonly kind: 'failed'; readonly reason: string };

interface IssueComment {
  readonly id: number;
  readonly url: string;
  readonly author: string | null;
  readonly body: string;
}

type Lookup =
  | { readonly kind: 'done'; readonly own: IssueComment | null }
  | { readonly kind: 'stopped'; readonly outcome: CommentOutcome };

/**
 * Updates the one comment of this tool on a pull request, or makes it. It is found by its marker at the start and its
 * author, on whatever page it is. Where the comments cannot all be read none is made: a duplicate is worse than none.
 * Never throws for what the remote does.
 */
export async function upsertComment(client: GitHubClient, request: CommentRequest): Promise<CommentOutcome> {
  if (!request.body.startsWith(request.marker))
    return { kind: 'failed', reason: 'the comment does not start with its marker' };
  if (request.body.length > GITHUB_COMMENT_MAX_CHARACTERS) {
    return {
      kind: 'failed',
      reason: `the comment has ${request.body.length} characters; GitHub takes ${GITHUB_COMMENT_MAX_CHARACTERS}`,
    };
  }
  const lookup = await findOwnComment(client, request);
  if (lookup.kind === 'stopped') return lookup.outcome;
  return lookup.own === null ? createComment(client, request) : updateComment(client, request, lookup.own);
}

async function findOwnComment(client: GitHubClient, request: CommentRequest): Promise<Lookup> {
  for (let page = 1; page <= PAGES_MAX; page += 1) {
    const answer = await client.request('GET /repos/{owner}/{repo}/issues/{issue_number}/comments', {
      issue_number: request.pullRequest,
      per_page: PAGE_SIZE,
      page,
    });
    if (answer.kind !== 'ok') return { kind: 'stopped', outcome: refusal(answer, 'reading the comments') };
    const comments = readComments(answer.data);
    if (comments === null) return stopped('the list of comments cannot be understood');
    const own = comments.find(comment => isOwn(comment, request));
    if (own !== undefined) return { kind: 'done', own };
    if (!answer.hasNextPage) return { kind: 'done', own: null };
  }
  return stopped(`the pull request has more than ${PAGES_MAX * PAGE_SIZE} comments`);
}

const stopped = (reason: string): Lookup => ({ kind: 'stopped', outcome: { kind: 'failed', reason } });

const isOwn = (comment: IssueComment, request: CommentRequest): boolean =>
  comment.body.startsWith(request.marker) &&
  comment.author !== null &&
  request.authors.includes(comment.author);

function readComments(data: unknown): readonly IssueComment[] | null {
  if (!Array.isArray(data)) return null;
  const comments = data.map(readComment);
  return comments.includes(null) ? null : comments.filter(comment => comment !== null);
}

function readComment(data: unknown): IssueComment | null {
  const id = idAt(data, 'id');
  const url = stringAt(data, 'html_url');
  if (id === null || url === null) return null;
  return { id, url, author: stringAt(data, 'user', 'login'), body: stringAt(data, 'body') ?? '' };
}

async function updateComment(
  client: GitHubClient,
  request: CommentRequest,
  own: IssueComment,
): Promise<CommentOutcome> {
  // GitHub gives a body back with the line breaks of a form.
  if (own.body.replaceAll('\r\n', '\n') === request.body)
    return { kind: 'posted', id: own.id, url: own.url, action: 'unchanged' };
  const answer = await client.request('PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}', {
    comment_id: own.id,
    body: request.body,
  });
  if (answer.kind === 'ok') return { kind: 'posted', id: own.id, url: own.url, action: 'updated' };
  // Somebody deleted it since it was listed.
  if (answer.kind === 'refused' && (answer.status === 404 || answer.status === 410))
    return createComment(client, request);
  return refusal(answer, 'updating the comment');
}

async function createComment(client: GitHubClient, request: CommentRequest): Promise<CommentOutcome> {
  const create = (): Promise<GitHubAnswer> =>
    client.request('POST /repos/{owner}/{repo}/issues/{issue_number}/comments', {
      issue_number: request.pullRequest,
      body: request.body,
    });
  const first = await create();
  if (first.kind !== 'failed') return created(first);
  // The answer was lost, the comment perhaps not: look before trying again.
  const lookup = await findOwnComment(client, request);
  if (lookup.kind === 'stopped') return refusal(first, 'creating the comment');
  if (lookup.own !== null)
    return { kind: 'posted', id: lookup.own.id, url: lookup.own.url, action: 'created' };
  return created(await create());
}

function created(answer: GitHubAnswer): CommentOutcome {
  if (answer.kind !== 'ok') return refusal(answer, 'creating the comment');
  const comment = readComment(answer.data);
  if (comment === null)
    return { kind: 'failed', reason: 'the answer to creating the comment cannot be understood' };
  return { kind: 'posted', id: comment.id, url: comment.url, action: 'created' };
}

function refusal(answer: Exclude<GitHubAnswer, { kind: 'ok' }>, action: string): CommentOutcome {
  const reason = `${action} failed: ${answer.reason}`;
  if (
    answer.kind === 'refused' &&
    (answer.status === 401 || answer.status === 403 || answer.status === 404)
  ) {
    return { kind: 'not-permitted', reason, hint: FOLLOW_UP_HINT };
  }
  return { kind: 'failed', reason };
}
