import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPullRequest, type PostOutcome, postReport } from '../../src/commands/pull-request.ts';
import { readCiContext } from '../../src/platforms/detect.ts';
import { createGitLabClient } from '../../src/platforms/gitlab/client.ts';
import { readBranchProtection, readTokenFacts } from '../../src/platforms/gitlab/token-facts.ts';
import {
  CI_JOB_TOKEN,
  GITLAB_BOT,
  GITLAB_PROJECT,
  GITLAB_TOKEN,
  GitLabServer,
  READ_API_TOKEN,
} from '../support/gitlab-server.ts';
import { EVERY_FAULT } from '../support/http-faults.ts';
import { projectRoot } from '../support/requirements.ts';
import { SAMPLE_REPORTS } from '../support/sample-reports.ts';
import { testSurroundings } from '../support/surroundings.ts';

const HEAD = '9f8e7d6c5b4a39281706f5e4d3c2b1a098765432';
const NOTES = 'GET /projects/{id}/merge_requests/{noteable_id}/notes';
const OLD = '<!-- quickserveml:report key=default -->\nold';
const TOKENS = [GITLAB_TOKEN, READ_API_TOKEN, CI_JOB_TOKEN];

/** The routes that the product calls, read from its sources: one that is added without a test here fails the last one. */
const ROUTES = [
  ...new Set(
    readdirSync(join(projectRoot, 'src/platforms/gitlab'))
      // Those of issues are tried in alert-issues.test.ts.
      .filter(name => name !== 'alert-issues.ts')
      .map(name => readFileSync(join(projectRoot, 'src/platforms/gitlab', name), 'utf8'))
      .flatMap(text =>
        [...text.matchAll(/\(\s*'((?:GET|POST|PUT|DELETE) \/[^']+)'/g)].map(([, route = '']) => route),
      ),
  ),
].sort();

let server: GitLabServer;
let log: string[];
beforeEach(async () => {
  server = await GitLabServer.start();
  server.mergeRequests.set(12, { iid: 12, labels: ['accept-slower:digits'] });
  log = [];
  timeoutMs = TIMEOUT_MS;
});
afterEach(async () => {
  expect(server.violations).toEqual([]);
  await server[Symbol.asyncDispose]();
});

const mergeRequest = (token: Readonly<Record<string, string>>): Readonly<Record<string, string>> => ({
  GITLAB_CI: 'true',
  CI_API_V4_URL: server.apiUrl,
  CI_PIPELINE_SOURCE: 'merge_request_event',
  CI_MERGE_REQUEST_IID: '12',
  CI_MERGE_REQUEST_PROJECT_ID: GITLAB_PROJECT,
  CI_MERGE_REQUEST_PROJECT_URL: 'https://gitlab.example/acme/models',
  CI_MERGE_REQUEST_TARGET_BRANCH_NAME: 'main',
  CI_PROJECT_ID: GITLAB_PROJECT,
  CI_COMMIT_SHA: HEAD,
  ...token,
});

/** Long enough for a busy machine; where the fault is that no answer comes, each of its waits is real. */
const TIMEOUT_MS = 5_000;
const NO_ANSWER_MS = 250;
let timeoutMs: number;
const patience = () => ({ timeoutMs, maxBodyBytes: 256 * 1024, sleep: async () => undefined });

/** What `doctor` asks. */
async function askFacts(): Promise<unknown> {
  const client = createGitLabClient({
    token: { kind: 'access-token', value: GITLAB_TOKEN },
    apiUrl: server.apiUrl,
    project: GITLAB_PROJECT,
    userAgent: 'test',
    environment: {},
    ...patience(),
  });
  return [await readTokenFacts(client), await readBranchProtection(client, 'quickserveml')];
}

async function open(env: Readonly<Record<string, string>>) {
  const world = {
    ...testSurroundings(),
    env,
    progress: { step: (text: string) => void log.push(text), update: () => undefined },
    patience: patience(),
  };
  return openPullRequest(
    readCiContext(env, () => ''),
    world,
    null,
  );
}

async function post(
  env: Readonly<Record<string, string>> = mergeRequest({ GITLAB_TOKEN }),
): Promise<PostOutcome> {
  return postReport(SAMPLE_REPORTS.regressed, await open(env), { key: 'default' });
}

describe('the note on a merge request', () => {
  it('is made once and updated from then on', async () => {
    expect((await post()).comment).toMatchObject({ kind: 'posted', action: 'created' });
    expect((await post()).comment).toMatchObject({ kind: 'posted', action: 'unchanged' });
    const [note] = server.notesOf(12);
    note!.body = OLD;
    const { comment } = await post();
    expect(comment).toMatchObject({
      action: 'updated',
      url: `https://gitlab.example/acme/models/-/merge_requests/12#note_${note!.id}`,
    });
    expect(server.notesOf(12)).toHaveLength(1);
  });

  it('is found behind more notes than a page holds', async () => {
    server.addNote(12, GITLAB_BOT, OLD);
    for (let index = 0; index < 230; index += 1) server.addNote(12, 'ada', `remark ${index}`);
    expect((await post()).comment).toMatchObject({ kind: 'posted', action: 'updated' });
    expect(server.notesOf(12)).toHaveLength(231);
  });

  it('leaves alone what others wrote with its marker, and what GitLab wrote itself', async () => {
    server.addNote(12, 'mallory', OLD);
    server.addNote(12, GITLAB_BOT, OLD, true);
    expect((await post()).comment).toMatchObject({ action: 'created' });
    expect(
      server
        .notesOf(12)
        .slice(0, 2)
        .map(({ body }) => body),
    ).toEqual([OLD, OLD]);
  });

  it('of an older token of the project stays beside the new one, which is said', async () => {
    server.addNote(12, `project_${GITLAB_PROJECT}_bot_older`, OLD);
    const { comment, message } = await post();
    expect(comment).toMatchObject({ action: 'created', leftBehind: `project_${GITLAB_PROJECT}_bot_older` });
    expect(message).toContain('stays');
    expect((await post()).comment).toMatchObject({ action: 'unchanged' });
  });

  it('is not tried with a job token alone, and the scope that is missing is named', async () => {
    const { comment, message } = await post(mergeRequest({ CI_JOB_TOKEN }));
    expect(comment).toMatchObject({ kind: 'not-permitted' });
    expect(message).toContain('GITLAB_TOKEN');
    expect(message).toContain('scope `api`');
    expect(server.requests.filter(({ route }) => route.startsWith('POST'))).toEqual([]);
  });

  it('names the scope where the token may only read', async () => {
    const { comment, message } = await post(mergeRequest({ GITLAB_TOKEN: READ_API_TOKEN }));
    expect(comment).toMatchObject({ kind: 'not-permitted' });
    expect(message).toContain('insufficient_scope');
    expect(message).toContain('scope `api`');
  });

  it('comes from Jenkins too, where CHANGE_URL is a merge request', async () => {
    const env = {
      JENKINS_URL: 'https://ci.example',
      CHANGE_URL: `${server.apiUrl.replace('/api/v4', '')}/acme/models/-/merge_requests/12`,
      CHANGE_ID: '12',
      CHANGE_TARGET: 'main',
      GIT_COMMIT: HEAD,
      GITLAB_TOKEN,
    };
    expect((await post(env)).comment).toMatchObject({ kind: 'posted', action: 'created' });
  });
});

describe('labels', () => {
  it('are those that the merge request has now', async () => {
    expect(await (await open(mergeRequest({ GITLAB_TOKEN }))).labels()).toEqual(['accept-slower:digits']);
  });

  it('are those of the merged merge request for a pushed commit', async () => {
    const merged = { state: 'merged', commits: [HEAD], mergeCommitSha: HEAD } as const;
    server.mergeRequests.set(3, { iid: 3, labels: ['accept-break:digits'], ...merged });
    server.mergeRequests.set(4, { iid: 4, labels: ['other'], ...merged, targetBranch: 'release' });
    const env = {
      GITLAB_CI: 'true',
      CI_API_V4_URL: server.apiUrl,
      CI_PIPELINE_SOURCE: 'push',
      CI_PROJECT_ID: GITLAB_PROJECT,
      CI_COMMIT_BRANCH: 'main',
      CI_DEFAULT_BRANCH: 'main',
      CI_COMMIT_SHA: HEAD,
      GITLAB_TOKEN,
    };
    expect(await (await open(env)).labels()).toEqual(['accept-break:digits']);
  });
});

describe.each(ROUTES)('a fault that lasts at %s', route => {
  it.each(Object.keys(EVERY_FAULT))('%s: every action ends with words, and no token in them', async name => {
    server.addNote(12, GITLAB_BOT, route.startsWith('PUT') ? OLD : 'a remark');
    const fault = EVERY_FAULT[name]!;
    if (fault.kind === 'timeout') timeoutMs = NO_ANSWER_MS;
    server.fail(route, fault, 20);
    const pullRequest = await open(mergeRequest({ GITLAB_TOKEN }));
    const labels = await pullRequest.labels();
    const pushed = await open({
      ...mergeRequest({ GITLAB_TOKEN }),
      CI_MERGE_REQUEST_IID: '',
      CI_PIPELINE_SOURCE: 'push',
      CI_COMMIT_BRANCH: 'main',
    });
    await pushed.labels();
    const facts = await askFacts();
    const outcome = await postReport(SAMPLE_REPORTS.regressed, pullRequest, { key: 'default' });
    expect(server.requests.map(one => one.route)).toContain(route);
    expect(outcome.message).not.toBe('');
    const said = JSON.stringify([labels, facts, outcome, log]);
    for (const token of TOKENS) expect(said).not.toContain(token);
    const current = server.notesOf(12).filter(({ body }) => body.startsWith('<!--') && body !== OLD);
    expect(current).toHaveLength(outcome.comment?.kind === 'posted' ? 1 : 0);
  });
});

it('a note that was written though the answer was lost is not written twice', async () => {
  server.fail(NOTES.replace('GET', 'POST'), { kind: 'reset', afterEffect: true });
  expect((await post()).comment).toMatchObject({ kind: 'posted' });
  expect(server.notesOf(12)).toHaveLength(1);
});
