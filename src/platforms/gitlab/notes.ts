import { GITLAB_NOTE_MAX_CHARACTERS } from '../../report/host-limits.ts';
import { idAt, stringAt, valueAt } from '../json-values.ts';
import { COMMENTS_PAGE_SIZE, type CommentThread } from '../sticky-comment.ts';
import type { GitLabClient } from './client.ts';

/** What a token has to be so that it may write notes; one line, for logs. */
export const NOTE_TOKEN_HINT =
  'Create a project access token with the role Reporter and the scope `api`, and store it as the masked CI variable GITLAB_TOKEN (docs/gitlab.md). The reports reach the merge request without it.';

export type GitLabUser =
  | { readonly kind: 'known'; readonly username: string }
  /** The token is refused, or may not ask: its scope is too small. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** Who the token is: a person, or the bot user of a project or group access token. */
export async function readTokenUser(client: GitLabClient): Promise<GitLabUser> {
  const answer = await client.request('GET /user');
  if (answer.kind !== 'ok') return { kind: 'unknown', reason: answer.reason };
  const username = stringAt(answer.data, 'username');
  return username === null
    ? { kind: 'unknown', reason: 'the answer cannot be understood' }
    : { kind: 'known', username };
}

/**
 * Bots of project access tokens are named `project_ID_bot_...`, and every new token is a new bot: after a rotation the
 * older note is still this tool's, but may not be editable any more.
 */
const isProjectBot = (author: string, project: string): boolean =>
  author.startsWith(`project_${project}_bot`);

/**
 * The notes of a merge request.
 * @param username who the token is
 * @param pageUrl address of the merge request; notes have none of their own in the API
 */
export function gitLabThread(
  client: GitLabClient,
  mergeRequest: number,
  username: string,
  pageUrl: string | null,
): CommentThread {
  return {
    platform: 'GitLab',
    maxCharacters: GITLAB_NOTE_MAX_CHARACTERS,
    hint: NOTE_TOKEN_HINT,
    list: page =>
      client.request('GET /projects/{id}/merge_requests/{noteable_id}/notes', {
        noteable_id: mergeRequest,
        order_by: 'created_at',
        // The newest of several is the one that can still be edited.
        sort: 'desc',
        per_page: COMMENTS_PAGE_SIZE,
        page,
      }),
    create: body =>
      client.request('POST /projects/{id}/merge_requests/{noteable_id}/notes', {
        noteable_id: mergeRequest,
        body,
      }),
    update: (id, body) =>
      client.request('PUT /projects/{id}/merge_requests/{noteable_id}/notes/{note_id}', {
        noteable_id: mergeRequest,
        note_id: id,
        body,
      }),
    read(data) {
      const id = idAt(data, 'id');
      if (id === null) return null;
      // GitLab's own remarks ("added 1 commit") are nobody's comment.
      const author = valueAt(data, 'system') === true ? null : stringAt(data, 'author', 'username');
      return {
        id,
        url: pageUrl === null ? '' : `${pageUrl}#note_${id}`,
        author,
        body: stringAt(data, 'body') ?? '',
      };
    },
    isOwn: ({ author }) => author !== null && (author === username || isProjectBot(author, client.project)),
    isUneditable: refusal => refusal.kind === 'refused' && (refusal.status === 403 || refusal.status === 404),
  };
}
