import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createGitHubClient,
  type GitHubClient,
  type GitHubClientOptions,
} from '../../src/platforms/github/client.ts';
import { DEFAULT_COMMENT_AUTHOR, gitHubThread } from '../../src/platforms/github/comment.ts';
import { findFollowedPullRequest, readFollowedRun } from '../../src/platforms/github/follow-up.ts';
import { readMergedLabels, readPullRequestLabels } from '../../src/platforms/github/labels.ts';
import { type CommentOutcome, upsertStickyComment } from '../../src/platforms/sticky-comment.ts';
import { GITHUB_ROUTES, GitHubServer, READ_ONLY_TOKEN, TEST_TOKEN } from '../support/github-server.ts';
import { EVERY_FAULT } from '../support/http-faults.ts';

const MARKER = '<!-- quickserveml:report key=default -->';
const HEAD = 'a'.repeat(40);

let server: GitHubServer;
let waits: number[];
beforeEach(async () => {
  server = await GitHubServer.start();
  waits = [];
});
afterEach(async () => {
  expect(server.violations).toEqual([]);
  await server[Symbol.asyncDispose]();
});

const client = (options: Partial<GitHubClientOptions> = {}): Promise<GitHubClient> =>
  createGitHubClient({
    token: TEST_TOKEN,
    apiUrl: server.apiUrl,
    owner: 'acme',
    repo: 'models',
    userAgent: 'quickserveml-test',
    environment: {},
    timeoutMs: 10_000,
    sleep: async durationMs => void waits.push(durationMs),
    ...options,
  });

const post = async (text = 'hello', options: Partial<GitHubClientOptions> = {}): Promise<CommentOutcome> =>
  upsertStickyComment(gitHubThread(await client(options), 12, [DEFAULT_COMMENT_AUTHOR]), {
    marker: MARKER,
    body: `${MARKER}\n${text}`,
  });

describe('the sticky comment', () => {
  it('is made once and updated from then on', async () => {
    expect(await post('first')).toMatchObject({ kind: 'posted', action: 'created' });
    expect(await post('second')).toMatchObject({ kind: 'posted', action: 'updated' });
    expect(await post('second')).toMatchObject({ kind: 'posted', action: 'unchanged' });
    expect(server.commentsOf(12).map(({ body }) => body)).toEqual([`${MARKER}\nsecond`]);
  });

  it('is found on the third page', async () => {
    for (let index = 0; index < 230; index += 1) server.addComment(12, 'ada', `remark ${index}`);
    const own = server.addComment(12, DEFAULT_COMMENT_AUTHOR, `${MARKER}\nold`);
    expect(await post('new')).toMatchObject({ kind: 'posted', id: own.id, action: 'updated' });
    expect(server.requestsOf(GITHUB_ROUTES.listComments)).toHaveLength(3);
    expect(server.commentsOf(12)).toHaveLength(231);
  });

  it('never takes over a comment of somebody else, nor one that only quotes the marker', async () => {
    server.addComment(12, 'mallory', `${MARKER}\nforged`);
    server.addComment(12, DEFAULT_COMMENT_AUTHOR, `> ${MARKER}\nquoted`);
    expect(await post('real')).toMatchObject({ kind: 'posted', action: 'created' });
    expect(server.commentsOf(12).map(({ body }) => body)).toEqual([
      `${MARKER}\nforged`,
      `> ${MARKER}\nquoted`,
      `${MARKER}\nreal`,
    ]);
  });

  it('is not permitted with a token that only reads, and says what to do', async () => {
    const outcome = await post('x', { token: READ_ONLY_TOKEN });
    expect(outcome).toMatchObject({
      kind: 'not-permitted',
      hint: expect.stringContaining('pull-requests: write'),
    });
    expect(JSON.stringify(outcome)).not.toContain(READ_ONLY_TOKEN);
  });

  it('is never sent over the limit', async () => {
    expect(await post('x'.repeat(65_536))).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('65536'),
    });
    expect(server.requests).toEqual([]);
  });

  it('is not doubled when the answer to its creation is lost', async () => {
    for (const kind of ['reset', 'truncated', 'endless'] as const) {
      server.comments.clear();
      server.fail(GITHUB_ROUTES.createComment, { kind, afterEffect: true });
      const outcome = await post('once', { maxBodyBytes: 200_000 });
      expect(server.commentsOf(12)).toHaveLength(1);
      // A cut answer says that the comment was made, but not which: that is reported, not guessed.
      expect(outcome.kind).toBe(kind === 'truncated' ? 'failed' : 'posted');
    }
  });

  it('is made anew when it was deleted between listing and updating', async () => {
    server.addComment(12, DEFAULT_COMMENT_AUTHOR, `${MARKER}\nold`);
    server.fail(GITHUB_ROUTES.updateComment, { kind: 'status', status: 404 });
    expect(await post('new')).toMatchObject({ kind: 'posted', action: 'created' });
  });

  it('is not made when the list of comments is damaged: it might be there already', async () => {
    server.fail(GITHUB_ROUTES.listComments, { kind: 'truncated' });
    expect(await post()).toMatchObject({ kind: 'failed' });
    expect(server.commentsOf(12)).toEqual([]);
  });

  it('works on an Enterprise Server under /api/v3', async () => {
    await using enterprise = await GitHubServer.start({ prefix: '/api/v3' });
    expect(await post('x', { apiUrl: enterprise.apiUrl })).toMatchObject({
      kind: 'posted',
      action: 'created',
    });
    expect(enterprise.violations).toEqual([]);
  });
});

const CALLS: Readonly<Record<string, (made: GitHubClient) => Promise<{ readonly kind: string }>>> = {
  [GITHUB_ROUTES.listComments]: made =>
    upsertStickyComment(gitHubThread(made, 12, [DEFAULT_COMMENT_AUTHOR]), { marker: MARKER, body: MARKER }),
  [GITHUB_ROUTES.createComment]: made =>
    upsertStickyComment(gitHubThread(made, 12, [DEFAULT_COMMENT_AUTHOR]), { marker: MARKER, body: MARKER }),
  [GITHUB_ROUTES.updateComment]: made =>
    upsertStickyComment(gitHubThread(made, 13, [DEFAULT_COMMENT_AUTHOR]), {
      marker: MARKER,
      body: `${MARKER}new`,
    }),
  [GITHUB_ROUTES.getPull]: made => readPullRequestLabels(made, 12),
  [GITHUB_ROUTES.pullsOfCommit]: made => readMergedLabels(made, HEAD, 'main'),
  [GITHUB_ROUTES.listPulls]: made =>
    findFollowedPullRequest(made, {
      headSha: HEAD,
      headBranch: 'topic',
      headOwner: 'eve',
      headRepository: 'eve/models',
    }),
};

describe.each(Object.entries(CALLS))('a persistent fault at %s', (route, call) => {
  it.each(Object.entries(EVERY_FAULT))(
    '%s is an outcome that names no token, never an exception',
    async (_, fault) => {
      server.addComment(13, DEFAULT_COMMENT_AUTHOR, `${MARKER}old`);
      server.fail(
        route,
        { ...fault, ...(fault.kind === 'status' ? { message: `no ${TEST_TOKEN}` } : {}) },
        20,
      );
      const outcome = await call(await client({ timeoutMs: 100, maxBodyBytes: 100_000, backoffMs: 1 }));
      // A deleted comment is made anew; of an update the status says enough.
      const updates = route === GITHUB_ROUTES.updateComment;
      const good = updates && (fault.status === 404 || fault.kind === 'truncated') ? ['posted'] : [];
      const bad = ['failed', 'not-permitted', 'unknown', 'refused'];
      expect([...good, ...bad]).toContain(outcome.kind);
      expect(JSON.stringify(outcome)).not.toContain(TEST_TOKEN);
      expect(server.requestsOf(route).length).toBeLessThanOrEqual(8);
    },
  );
});

describe('every route that is called', () => {
  it('has its faults above', async () => {
    server.addPull({
      number: 12,
      headSha: HEAD,
      headRef: 'topic',
      headRepository: 'acme/models',
      baseRef: 'main',
    });
    server.addComment(13, DEFAULT_COMMENT_AUTHOR, `${MARKER}old`);
    const made = await client();
    for (const call of Object.values(CALLS)) await call(made);
    expect(new Set(server.requests.map(({ route }) => route))).toEqual(new Set(Object.keys(CALLS)));
  });
});

describe('retries', () => {
  it('wait as long as the server says after a secondary rate limit', async () => {
    server.fail(GITHUB_ROUTES.createComment, {
      kind: 'status',
      status: 403,
      message: 'You have exceeded a secondary rate limit',
      headers: { 'retry-after': '7' },
    });
    expect(await post()).toMatchObject({ kind: 'posted', action: 'created' });
    expect(waits).toEqual([7000]);
  });

  it('give up at once where the server asks for more patience than there is', async () => {
    server.fail(GITHUB_ROUTES.listComments, {
      kind: 'status',
      status: 429,
      headers: { 'retry-after': '3600' },
    });
    expect(await post()).toMatchObject({ kind: 'failed', reason: expect.stringContaining('429') });
    expect(waits).toEqual([]);
  });

  it('wait for the reset of an exhausted primary limit', async () => {
    server.fail(GITHUB_ROUTES.listComments, {
      kind: 'status',
      status: 403,
      headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1030' },
    });
    expect(await post('x', { now: () => 1_000_000 })).toMatchObject({ kind: 'posted' });
    expect(waits).toEqual([30_000]);
  });

  it('get over a server error', async () => {
    server.fail(GITHUB_ROUTES.listComments, { kind: 'status', status: 502 }, 2);
    expect(await post('x', { backoffMs: 10 })).toMatchObject({ kind: 'posted' });
    expect(waits).toEqual([10, 20]);
  });

  it('do not follow a plain refusal', async () => {
    await post('x', { token: READ_ONLY_TOKEN });
    expect(server.requestsOf(GITHUB_ROUTES.createComment)).toHaveLength(1);
  });
});

describe('labels', () => {
  it('are those that the pull request has now', async () => {
    server.addPull({
      number: 12,
      headSha: HEAD,
      headRef: 'topic',
      headRepository: 'acme/models',
      baseRef: 'main',
      labels: ['accept-slower:digits'],
    });
    expect(await readPullRequestLabels(await client(), 12)).toEqual({
      kind: 'read',
      pullRequest: 12,
      labels: ['accept-slower:digits'],
    });
  });

  it('of a push are those of the pull request that was merged with this commit', async () => {
    const merge = 'c'.repeat(40);
    const shared = {
      headRef: 'topic',
      headRepository: 'acme/models',
      baseRef: 'main',
      state: 'closed',
      mergedAt: '2026-11-01T00:00:00Z',
    } as const;
    server.addPull({
      ...shared,
      number: 12,
      headSha: HEAD,
      mergeCommitSha: merge,
      labels: ['accept-slower:digits'],
    });
    server.addPull({
      ...shared,
      number: 13,
      headSha: 'b'.repeat(40),
      mergeCommitSha: 'd'.repeat(40),
      commits: [merge],
      labels: ['accept-break:digits'],
    });
    expect(await readMergedLabels(await client(), merge, 'main')).toEqual({
      kind: 'read',
      pullRequest: 12,
      labels: ['accept-slower:digits'],
    });
  });

  it('of a direct push, of an open pull request or of one into another branch are none', async () => {
    const shared = {
      headSha: HEAD,
      headRef: 'topic',
      headRepository: 'acme/models',
      labels: ['accept-slower:digits'],
    };
    expect(await readMergedLabels(await client(), HEAD, 'main')).toEqual({
      kind: 'read',
      pullRequest: null,
      labels: [],
    });
    server.addPull({ ...shared, number: 12, baseRef: 'main' });
    server.addPull({
      ...shared,
      number: 13,
      baseRef: 'develop',
      state: 'closed',
      mergedAt: '2026-11-01T00:00:00Z',
    });
    expect(await readMergedLabels(await client(), HEAD, 'main')).toEqual({
      kind: 'read',
      pullRequest: null,
      labels: [],
    });
  });
});

describe('the pull request of a followed run', () => {
  const run = readFollowedRun({
    workflow_run: {
      event: 'pull_request',
      head_sha: HEAD,
      head_branch: 'topic',
      head_repository: { full_name: 'eve/models', owner: { login: 'eve' } },
      pull_requests: [],
    },
  })!;

  it('is found by head repository, branch and commit', async () => {
    server.addPull({
      number: 12,
      headSha: HEAD,
      headRef: 'topic',
      headRepository: 'eve/models',
      baseRef: 'main',
    });
    server.addPull({
      number: 14,
      headSha: HEAD,
      headRef: 'topic',
      headRepository: 'mallory/models',
      baseRef: 'main',
    });
    expect(await findFollowedPullRequest(await client(), run)).toEqual({ kind: 'found', number: 12 });
  });

  it('is refused when it has moved on, is not there, or is not the only one', async () => {
    const made = await client();
    expect(await findFollowedPullRequest(made, run)).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('no open'),
    });
    server.addPull({
      number: 12,
      headSha: 'b'.repeat(40),
      headRef: 'topic',
      headRepository: 'eve/models',
      baseRef: 'main',
    });
    expect(await findFollowedPullRequest(made, run)).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('newer commits'),
    });
    server.addPull({
      number: 15,
      headSha: HEAD,
      headRef: 'topic',
      headRepository: 'eve/models',
      baseRef: 'main',
    });
    server.addPull({
      number: 16,
      headSha: HEAD,
      headRef: 'topic',
      headRepository: 'eve/models',
      baseRef: 'dev',
    });
    expect(await findFollowedPullRequest(made, run)).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('15, 16'),
    });
  });

  it('is none for a run that was not of a pull request', () => {
    expect(readFollowedRun({ workflow_run: { event: 'push', head_sha: HEAD } })).toBeNull();
    expect(readFollowedRun(null)).toBeNull();
  });
});
