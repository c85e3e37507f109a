import type { ApiAnswer, ApiRefusal } from './api-answer.ts';

export interface CommentRequest {
  /** First line of the comment, by which it is found again. */
  readonly marker: string;
  /** Starts with `marker`. */
  readonly body: string;
}

export type CommentOutcome =
  | {
      readonly kind: 'posted';
      readonly id: number;
      readonly url: string;
      readonly action: 'created' | 'updated' | 'unchanged';
      /** Author of an older comment that may not be edited and is left behind; only where there is one. */
      readonly leftBehind?: string;
    }
  /** The token may not: a fork's, a bot's, or its scope. */
  | { readonly kind: 'not-permitted'; readonly reason: string; readonly hint: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** A comment as a platform lists it. */
export interface ListedComment {
  readonly id: number;
  readonly url: string;
  readonly author: string | null;
  readonly body: string;
}

/** The comments of one pull or merge request, on any platform. */
export interface CommentThread {
  /** `GitHub`, for messages. */
  readonly platform: string;
  readonly maxCharacters: number;
  /** What to do where commenting is not permitted; one line. */
  readonly hint: string;
  /** Pages count from 1. */
  list(page: number): Promise<ApiAnswer>;
  create(body: string): Promise<ApiAnswer>;
  update(id: number, body: string): Promise<ApiAnswer>;
  /** One element of a list, or the answer to `create`; null where it cannot be understood. */
  read(data: unknown): ListedComment | null;
  /** May be one of this tool, from its author. */
  isOwn(comment: ListedComment): boolean;
  /** Whether a refused update means that a new comment has to be made. */
  isUneditable(refusal: ApiRefusal): boolean;
}

export const COMMENTS_PAGE_SIZE = 100;
const PAGES_MAX = 200;

type Lookup =
  | { readonly kind: 'done'; readonly own: ListedComment | null }
  | { readonly kind: 'stopped'; readonly outcome: CommentOutcome };

/**
 * Updates the one comment of this tool on a pull request, or makes it. It is found by its marker at the start and its
 * author, on whatever page it is. Where the comments cannot all be read none is made: a duplicate is worse than none.
 * Never throws for what the remote does.
 */
export async function upsertStickyComment(
  thread: CommentThread,
  request: CommentRequest,
): Promise<CommentOutcome> {
  if (!request.body.startsWith(request.marker))
    return { kind: 'failed', reason: 'the comment does not start with its marker' };
  if (request.body.length > thread.maxCharacters) {
    return {
      kind: 'failed',
      reason: `the comment has ${request.body.length} characters; ${thread.platform} takes ${thread.maxCharacters}`,
    };
  }
  const lookup = await findOwnComment(thread, request);
  if (lookup.kind === 'stopped') return lookup.outcome;
  return lookup.own === null ? createComment(thread, request) : updateComment(thread, request, lookup.own);
}

async function findOwnComment(thread: CommentThread, request: CommentRequest): Promise<Lookup> {
  for (let page = 1; page <= PAGES_MAX; page += 1) {
    const answer = await thread.list(page);
    if (answer.kind !== 'ok')
      return { kind: 'stopped', outcome: refusal(thread, answer, 'reading the comments') };
    const comments = readComments(thread, answer.data);
    if (comments === null) return stopped('the list of comments cannot be understood');
    const own = comments.find(comment => comment.body.startsWith(request.marker) && thread.isOwn(comment));
    if (own !== undefined) return { kind: 'done', own };
    if (!answer.hasNextPage) return { kind: 'done', own: null };
  }
  return stopped(`the pull request has more than ${PAGES_MAX * COMMENTS_PAGE_SIZE} comments`);
}

const stopped = (reason: string): Lookup => ({ kind: 'stopped', outcome: { kind: 'failed', reason } });

function readComments(thread: CommentThread, data: unknown): readonly ListedComment[] | null {
  if (!Array.isArray(data)) return null;
  const comments = data.map(one => thread.read(one));
  return comments.includes(null) ? null : comments.filter(comment => comment !== null);
}

async function updateComment(
  thread: CommentThread,
  request: CommentRequest,
  own: ListedComment,
): Promise<CommentOutcome> {
  // Bodies may come back with the line breaks of a form.
  if (own.body.replaceAll('\r\n', '\n') === request.body)
    return { kind: 'posted', id: own.id, url: own.url, action: 'unchanged' };
  const answer = await thread.update(own.id, request.body);
  if (answer.kind === 'ok') return { kind: 'posted', id: own.id, url: own.url, action: 'updated' };
  if (!thread.isUneditable(answer)) return refusal(thread, answer, 'updating the comment');
  const outcome = await createComment(thread, request);
  // Deleted since it was listed, or not editable by this token: then it stays beside the new one, which is said.
  const isLeft = answer.kind === 'refused' && answer.status !== 404 && answer.status !== 410;
  return outcome.kind === 'posted' && isLeft
    ? { ...outcome, leftBehind: own.author ?? 'somebody else' }
    : outcome;
}

async function createComment(thread: CommentThread, request: CommentRequest): Promise<CommentOutcome> {
  const first = await thread.create(request.body);
  if (first.kind !== 'failed') return created(thread, first);
  // The answer was lost, the comment perhaps not: look before trying again.
  const lookup = await findOwnComment(thread, request);
  if (lookup.kind === 'stopped') return refusal(thread, first, 'creating the comment');
  if (lookup.own !== null && lookup.own.body.replaceAll('\r\n', '\n') === request.body)
    return { kind: 'posted', id: lookup.own.id, url: lookup.own.url, action: 'created' };
  return created(thread, await thread.create(request.body));
}

function created(thread: CommentThread, answer: ApiAnswer): CommentOutcome {
  if (answer.kind !== 'ok') return refusal(thread, answer, 'creating the comment');
  const comment = thread.read(answer.data);
  if (comment === null)
    return { kind: 'failed', reason: 'the answer to creating the comment cannot be understood' };
  return { kind: 'posted', id: comment.id, url: comment.url, action: 'created' };
}

function refusal(thread: CommentThread, answer: ApiRefusal, action: string): CommentOutcome {
  const reason = `${action} failed: ${answer.reason}`;
  if (
    answer.kind === 'refused' &&
    (answer.status === 401 || answer.status === 403 || answer.status === 404)
  ) {
    return { kind: 'not-permitted', reason, hint: thread.hint };
  }
  return { kind: 'failed', reason };
}
