import { ISSUES_PAGE_SIZE, type IssueTracker } from '../alerts/alert-issue.ts';
import { idAt, stringAt, valueAt } from '../json-values.ts';
import type { GitLabClient } from './client.ts';

const HINT =
  'Create a project access token with the role Reporter and the scope `api`, and store it as the masked CI variable GITLAB_TOKEN (docs/gitlab.md).';

/** The issues of a GitLab project. */
export function gitLabIssues(client: GitLabClient): IssueTracker {
  return {
    platform: 'GitLab',
    hint: HINT,
    list: (label, page) =>
      client.request('GET /projects/{id}/issues', {
        state: 'all',
        ...(label === null ? {} : { labels: label }),
        order_by: 'created_at',
        sort: 'desc',
        per_page: ISSUES_PAGE_SIZE,
        page,
      }),
    create: ({ title, body, labels }) =>
      client.request('POST /projects/{id}/issues', { title, description: body, labels: labels.join(',') }),
    update: (number, { body, state }) =>
      client.request('PUT /projects/{id}/issues/{issue_iid}', {
        issue_iid: number,
        description: body,
        ...(state === 'as it is' ? {} : { state_event: state === 'open' ? 'reopen' : 'close' }),
      }),
    comments: (number, page) =>
      client.request('GET /projects/{id}/issues/{noteable_id}/notes', {
        noteable_id: number,
        order_by: 'created_at',
        sort: 'desc',
        per_page: ISSUES_PAGE_SIZE,
        page,
      }),
    comment: (number, body) =>
      client.request('POST /projects/{id}/issues/{noteable_id}/notes', { noteable_id: number, body }),
    read(data) {
      const number = idAt(data, 'iid');
      if (number === null) return null;
      return {
        number,
        url: stringAt(data, 'web_url') ?? '',
        body: stringAt(data, 'description') ?? '',
        isOpen: valueAt(data, 'state') === 'opened',
        // Whoever may open issues with a token may set labels too.
        isTrusted: false,
      };
    },
    readComment: data => stringAt(data, 'body') ?? '',
  };
}
