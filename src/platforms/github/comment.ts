import { GITHUB_COMMENT_MAX_CHARACTERS } from '../../report/host-limits.ts';
import { idAt, stringAt } from '../json-values.ts';
import { COMMENTS_PAGE_SIZE, type CommentThread } from '../sticky-comment.ts';
import type { GitHubClient } from './client.ts';
import { FOLLOW_UP_HINT } from './follow-up-hint.ts';

/** Who comments with the token that every job has. The token may not ask who it is, so an app's login is configured. */
export const DEFAULT_COMMENT_AUTHOR = 'github-actions[bot]';

/**
 * The comments of a pull request.
 * @param authors logins whose comments may be updated
 */
export function gitHubThread(
  client: GitHubClient,
  pullRequest: number,
  authors: readonly string[],
): CommentThread {
  return {
    platform: 'GitHub',
    maxCharacters: GITHUB_COMMENT_MAX_CHARACTERS,
    hint: FOLLOW_UP_HINT,
    list: page =>
      client.request('GET /repos/{owner}/{repo}/issues/{issue_number}/comments', {
        issue_number: pullRequest,
        per_page: COMMENTS_PAGE_SIZE,
        page,
      }),
    create: body =>
      client.request('POST /repos/{owner}/{repo}/issues/{issue_number}/comments', {
        issue_number: pullRequest,
        body,
      }),
    update: (id, body) =>
      client.request('PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}', { comment_id: id, body }),
    read(data) {
      const id = idAt(data, 'id');
      const url = stringAt(data, 'html_url');
      if (id === null || url === null) return null;
      return { id, url, author: stringAt(data, 'user', 'login'), body: stringAt(data, 'body') ?? '' };
    },
    isOwn: ({ author }) => author !== null && authors.includes(author),
    isUneditable: refusal => refusal.kind === 'refused' && (refusal.status === 404 || refusal.status === 410),
  };
}
