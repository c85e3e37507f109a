import { ISSUES_PAGE_SIZE, type IssueTracker } from '../alerts/alert-issue.ts';
import { idAt, stringAt, valueAt } from '../json-values.ts';
import type { GitHubClient } from './client.ts';

const HINT =
  'The token needs `issues: write` (permissions of the workflow), and the repository its issues switched on.';

const TRUSTED: ReadonlySet<string> = new Set(['OWNER', 'MEMBER', 'COLLABORATOR']);

/** The issues of a GitHub repository. */
export function gitHubIssues(client: GitHubClient): IssueTracker {
  return {
    platform: 'GitHub',
    hint: HINT,
    list: (label, page) =>
      client.request('GET /repos/{owner}/{repo}/issues', {
        state: 'all',
        ...(label === null ? {} : { labels: label }),
        sort: 'created',
        direction: 'desc',
        per_page: ISSUES_PAGE_SIZE,
        page,
      }),
    create: ({ title, body, labels }) =>
      client.request('POST /repos/{owner}/{repo}/issues', { title, body, labels: [...labels] }),
    update: (number, { body, state }) =>
      client.request('PATCH /repos/{owner}/{repo}/issues/{issue_number}', {
        issue_number: number,
        body,
        ...(state === 'as it is' ? {} : { state }),
      }),
    comments: (number, page) =>
      client.request('GET /repos/{owner}/{repo}/issues/{issue_number}/comments', {
        issue_number: number,
        per_page: ISSUES_PAGE_SIZE,
        page,
      }),
    comment: (number, body) =>
      client.request('POST /repos/{owner}/{repo}/issues/{issue_number}/comments', {
        issue_number: number,
        body,
      }),
    read(data) {
      const number = idAt(data, 'number');
      // The list has pull requests as well.
      if (number === null || valueAt(data, 'pull_request') !== undefined) return null;
      return {
        number,
        url: stringAt(data, 'html_url') ?? '',
        body: stringAt(data, 'body') ?? '',
        isOpen: valueAt(data, 'state') === 'open',
        isTrusted:
          stringAt(data, 'user', 'type') === 'Bot' || TRUSTED.has(stringAt(data, 'author_association') ?? ''),
      };
    },
    readComment: data => stringAt(data, 'body') ?? '',
  };
}
