import type { ApiAnswer, ApiRefusal } from '../api-answer.ts';

/** Found again by this label, before its marker: outsiders cannot set one. */
export const ALERT_LABEL = 'quickserveml';
export const ISSUES_PAGE_SIZE = 100;
const PAGES_MAX = 50;

export interface ListedIssue {
  readonly number: number;
  readonly url: string;
  readonly body: string;
  readonly isOpen: boolean;
  /** Written by somebody who may set labels here, or by a bot: it may be this tool's even without the label. */
  readonly isTrusted: boolean;
}

/** The issues of one repository or project, on any platform. */
export interface IssueTracker {
  readonly platform: string;
  /** What to do where the token may not; one line. */
  readonly hint: string;
  /** Open and closed ones, newest first; pages count from 1. @param label null: with any labels, or none. */
  list(label: string | null, page: number): Promise<ApiAnswer>;
  create(issue: {
    readonly title: string;
    readonly body: string;
    readonly labels: readonly string[];
  }): Promise<ApiAnswer>;
  update(
    number: number,
    change: { readonly body: string; readonly state: 'open' | 'closed' | 'as it is' },
  ): Promise<ApiAnswer>;
  comments(number: number, page: number): Promise<ApiAnswer>;
  comment(number: number, body: string): Promise<ApiAnswer>;
  /** One element of a list, or the answer to `create`; null where it is none, such as a pull request. */
  read(data: unknown): ListedIssue | null;
  /** The text of an element of `comments`. */
  readComment(data: unknown): string;
}

export interface IssueNews {
  /** First line of `body`. */
  readonly marker: string;
  readonly title: string;
  readonly body: string;
  /** Its first line is a marker of its own; null: there is nothing new to say. */
  readonly comment: string | null;
  /** Whether the issue is to be open: something is worse. */
  readonly isOpen: boolean;
  readonly labels: readonly string[];
}

export type IssueOutcome =
  | {
      readonly kind: 'arrived';
      readonly url: string;
      readonly action: 'opened' | 'updated' | 'closed' | 'none';
    }
  | { readonly kind: 'failed'; readonly reason: string };

type Found =
  | { readonly kind: 'found'; readonly issue: ListedIssue | null }
  | { readonly kind: 'failed'; readonly reason: string };

/**
 * Brings the one issue up to date: opens it where there is none, comments on what is new, closes it when all is well,
 * opens the same one again. It is found by label and marker, open or closed; where the issues cannot all be read none is
 * made. Of two runs that open one at the same moment, the second gives up its own. A closed issue that somebody closed by
 * hand is left closed until something changes. Never throws for what the remote does.
 */
export async function updateAlertIssue(tracker: IssueTracker, news: IssueNews): Promise<IssueOutcome> {
  const found = await findIssue(tracker, news.marker);
  if (found.kind === 'failed') return found;
  const { issue } = found;
  if (issue === null) {
    // Nothing was ever told here, so there is nothing to take back.
    if (!news.isOpen) return { kind: 'arrived', url: '', action: 'none' };
    return openIssue(tracker, news);
  }
  return bringUpToDate(tracker, issue, news);
}

async function bringUpToDate(
  tracker: IssueTracker,
  issue: ListedIssue,
  news: IssueNews,
): Promise<IssueOutcome> {
  // The comment first: whoever is told by a closed issue is to read why.
  const commented = await addComment(tracker, issue, news.comment);
  if (commented !== null) return refusal(tracker, 'commenting', commented);
  const state = issue.isOpen === news.isOpen ? 'as it is' : news.isOpen ? 'open' : 'closed';
  const answer = await tracker.update(issue.number, { body: news.body, state });
  if (answer.kind !== 'ok') return refusal(tracker, `updating issue ${issue.number}`, answer);
  return {
    kind: 'arrived',
    url: issue.url,
    action: news.isOpen ? (issue.isOpen ? 'updated' : 'opened') : 'closed',
  };
}

async function openIssue(tracker: IssueTracker, news: IssueNews): Promise<IssueOutcome> {
  const { title, body } = news;
  const answer = await tracker.create({ title, body, labels: [ALERT_LABEL, ...news.labels] });
  if (answer.kind === 'ok') {
    const issue = tracker.read(answer.data);
    if (issue === null)
      return { kind: 'failed', reason: 'the answer to opening the issue cannot be understood' };
    const twin = await olderTwin(tracker, issue, news.marker);
    return twin === null
      ? { kind: 'arrived', url: issue.url, action: 'opened' }
      : giveUp(tracker, issue, twin, news);
  }
  // It may be there all the same: only its answer was lost.
  const again = answer.kind === 'failed' ? await findIssue(tracker, news.marker) : null;
  if (again?.kind === 'found' && again.issue !== null)
    return { kind: 'arrived', url: again.issue.url, action: 'opened' };
  return refusal(tracker, 'opening the issue', answer);
}

/**
 * The issue that another run opened between this run's look and its own: no platform has a lock. Both runs look again, and
 * both take the lower number for the one. Where it cannot be seen there is none, and the next run finds either.
 */
async function olderTwin(
  tracker: IssueTracker,
  own: ListedIssue,
  marker: string,
): Promise<ListedIssue | null> {
  for (const label of [ALERT_LABEL, null]) {
    const answer = await tracker.list(label, 1);
    if (answer.kind !== 'ok' || !Array.isArray(answer.data)) continue;
    const twins = answer.data
      .map(one => tracker.read(one))
      .filter(one => one !== null)
      .filter(one => one.number < own.number && one.isOpen && isOurs(one, label, marker));
    const [oldest] = twins.toSorted((a, b) => a.number - b.number);
    if (oldest !== undefined) return oldest;
  }
  return null;
}

/** Closes this run's own issue, without the marker so that nobody finds it again, and tells the news in the other. */
async function giveUp(
  tracker: IssueTracker,
  own: ListedIssue,
  twin: ListedIssue,
  news: IssueNews,
): Promise<IssueOutcome> {
  const body = `Another run opened ${twin.url} at the same moment; what is said here stands there.`;
  const answer = await tracker.update(own.number, { body, state: 'closed' });
  if (answer.kind !== 'ok') return refusal(tracker, `closing issue ${own.number}`, answer);
  return bringUpToDate(tracker, twin, { ...news, comment: null });
}

const isOurs = ({ body, isTrusted }: ListedIssue, label: string | null, marker: string): boolean =>
  body.startsWith(marker) && (label !== null || isTrusted);

async function findIssue(tracker: IssueTracker, marker: string): Promise<Found> {
  for (let page = 1; page <= PAGES_MAX; page += 1) {
    const looked = await lookAt(tracker, ALERT_LABEL, page, marker);
    if (looked.kind === 'failed' || looked.issue !== null) return looked;
    if (!looked.hasNextPage) break;
  }
  // The label may have been taken away, or the token may set none: the newest ones are looked at without it, but nobody
  // can put the marker into an issue of their own and have the alerts written there.
  return lookAt(tracker, null, 1, marker);
}

async function lookAt(
  tracker: IssueTracker,
  label: string | null,
  page: number,
  marker: string,
): Promise<Found & { readonly hasNextPage?: boolean }> {
  const answer = await tracker.list(label, page);
  if (answer.kind !== 'ok') return refusal(tracker, 'reading the issues', answer);
  if (!Array.isArray(answer.data))
    return { kind: 'failed', reason: 'the list of issues cannot be understood' };
  const issue = answer.data
    .map(one => tracker.read(one))
    .find(one => one !== null && isOurs(one, label, marker));
  return { kind: 'found', issue: issue ?? null, hasNextPage: answer.hasNextPage };
}

/**
 * Adds the comment unless it is there: its first line tells. Where the comments cannot be read none is added.
 * @returns what went wrong, or null.
 */
async function addComment(
  tracker: IssueTracker,
  issue: ListedIssue,
  comment: string | null,
): Promise<ApiRefusal | null> {
  if (comment === null) return null;
  const before = await lookForComment(tracker, issue, comment);
  if (before !== 'absent') return before === 'present' ? null : before;
  const answer = await tracker.comment(issue.number, comment);
  if (answer.kind === 'ok') return null;
  const isThere = answer.kind === 'failed' && (await lookForComment(tracker, issue, comment)) === 'present';
  return isThere ? null : answer;
}

async function lookForComment(
  tracker: IssueTracker,
  issue: ListedIssue,
  comment: string,
): Promise<'present' | 'absent' | ApiRefusal> {
  const marker = comment.split('\n', 1)[0] ?? '';
  for (let page = 1; page <= PAGES_MAX; page += 1) {
    const answer = await tracker.comments(issue.number, page);
    if (answer.kind !== 'ok') return answer;
    if (!Array.isArray(answer.data))
      return { kind: 'failed', status: null, reason: 'the list of comments cannot be understood' };
    if (answer.data.some(one => tracker.readComment(one).startsWith(marker))) return 'present';
    if (!answer.hasNextPage) return 'absent';
  }
  return {
    kind: 'failed',
    status: null,
    reason: `there are more than ${PAGES_MAX * ISSUES_PAGE_SIZE} comments`,
  };
}

function refusal(
  tracker: IssueTracker,
  action: string,
  answer: ApiRefusal,
): { readonly kind: 'failed'; readonly reason: string } {
  const mayNot = answer.kind === 'refused' && [401, 403, 404, 410].includes(answer.status);
  return {
    kind: 'failed',
    reason: `${action} on ${tracker.platform} failed: ${answer.reason}${mayNot ? `. ${tracker.hint}` : ''}`,
  };
}
