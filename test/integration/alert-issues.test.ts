import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type IssueTracker, updateAlertIssue } from '../../src/platforms/alerts/alert-issue.ts';
import type { ApiAnswer } from '../../src/platforms/api-answer.ts';
import type { AlertNews } from '../../src/report/alerts/news.ts';
import { AlertWorld, HOSTILE, ISSUE, item, kindsOf, newsOf } from '../support/alert-world.ts';
import { READ_ONLY_TOKEN, TEST_TOKEN } from '../support/github-server.ts';
import { CI_JOB_TOKEN, GITLAB_TOKEN } from '../support/gitlab-server.ts';
import { EVERY_FAULT } from '../support/http-faults.ts';
import { projectRoot } from '../support/requirements.ts';

/** For an answer that never comes. */
const NO_ANSWER_MS = 120;

let world: AlertWorld;
beforeEach(async () => {
  world = await AlertWorld.start();
});
afterEach(async () => {
  expect(world.violations).toEqual([]);
  await world[Symbol.asyncDispose]();
});

describe.each(['github', 'gitlab'] as const)('the issue on %s', platform => {
  const issue = () => {
    if (platform === 'github') {
      const [one] = world.github.issues;
      const comments = one === undefined ? [] : world.github.commentsOf(one.number).map(({ body }) => body);
      return {
        count: world.github.issues.length,
        body: one?.body ?? '',
        isOpen: one?.state === 'open',
        comments,
      };
    }
    const [one] = world.gitlab.issues;
    const comments =
      one === undefined ? [] : (world.gitlab.issueNotes.get(one.iid) ?? []).map(({ body }) => body);
    return {
      count: world.gitlab.issues.length,
      body: one?.description ?? '',
      isOpen: one?.state === 'opened',
      comments,
    };
  };
  const tellIssue = (news: AlertNews) => world.tell(news, [ISSUE], world.environment(platform));

  it('is opened, commented on, closed, and opened again: one for all times', async () => {
    expect(kindsOf(await tellIssue(newsOf([item()])))).toEqual(['arrived']);
    expect(issue()).toMatchObject({ count: 1, isOpen: true, comments: [] });
    expect(issue().body).toContain('digits 1.3.0 got 21');
    await tellIssue(newsOf([item('digits', 'changed')]));
    expect(issue().comments).toHaveLength(1);
    await tellIssue(newsOf([item('digits', 'recovered')]));
    expect(issue()).toMatchObject({ count: 1, isOpen: false });
    expect(issue().comments.at(-1)).toContain('has recovered');
    await tellIssue(newsOf([item('reader')]));
    expect(issue()).toMatchObject({ count: 1, isOpen: true });
  });

  it('is not opened to say that all is well, and one message makes one comment', async () => {
    await tellIssue(newsOf([item('digits', 'recovered')]));
    expect(issue().count).toBe(0);
    await tellIssue(newsOf([item()]));
    for (let time = 0; time < 3; time += 1) await tellIssue(newsOf([item('digits', 'changed')]));
    expect(issue().comments).toHaveLength(1);
  });

  it('stays readable for thousands of models, and nothing in it mentions, links or commands', async () => {
    const many = Array.from({ length: 3_000 }, (_, index) => item(`${HOSTILE}\n/close\n@ada ${index}`));
    expect(kindsOf(await tellIssue(newsOf(many)))).toEqual(['arrived']);
    expect(issue().body.length).toBeLessThan(65_536);
    expect(issue().body).not.toMatch(/(^|\s)@ada/u);
    expect(issue().body).not.toMatch(/^\/close/mu);
    expect(issue().body).not.toContain('](https://evil');
  });

  const sources = readFileSync(join(projectRoot, `src/platforms/${platform}/alert-issues.ts`), 'utf8');
  const routes = [...sources.matchAll(/'((?:GET|POST|PATCH|PUT) \/[^']+)'/gu)].map(([, route = '']) => route);
  it.each(routes.flatMap(route => Object.keys(EVERY_FAULT).map(fault => [route, fault] as const)))(
    'never comes twice and tells no token when %s answers with %s',
    async (route, fault) => {
      const server = platform === 'github' ? world.github : world.gitlab;
      const news = [
        newsOf([item()]),
        newsOf([item('digits', 'changed')]),
        newsOf([item('digits', 'recovered')]),
      ];
      if (fault === 'a timeout') world.timeoutMs = NO_ANSWER_MS;
      // First while it lasts, then again when it is over.
      for (const each of news) {
        server.fail(route, EVERY_FAULT[fault]!, 4);
        const said = JSON.stringify(await tellIssue(each));
        for (const token of [TEST_TOKEN, GITLAB_TOKEN]) expect(said).not.toContain(token);
        for (let attempt = 0; attempt < 4; attempt += 1) await tellIssue(each);
      }
      expect(server.requests.map(one => one.route)).toContain(route);
      expect(issue().count).toBe(1);
      expect(new Set(issue().comments).size).toBe(issue().comments.length);
    },
  );

  it('that was opened though the answer was lost is found again', async () => {
    const route = routes.find(one => one.startsWith('POST') && one.endsWith('/issues')) ?? '';
    (platform === 'github' ? world.github : world.gitlab).fail(route, { kind: 'reset', afterEffect: true });
    expect(kindsOf(await tellIssue(newsOf([item()])))).toEqual(['arrived']);
    expect(issue().count).toBe(1);
  });
});

describe('the issue', () => {
  it('is one where two runs open it at the same moment: the later one gives up its own', async () => {
    const marker = '<!-- quickserveml:alert key=change -->';
    const issues: { number: number; body: string; isOpen: boolean }[] = [];
    let creating = 0;
    let openBoth: () => void = () => undefined;
    const bothLooked = new Promise<void>(resolve => {
      openBoth = resolve;
    });
    const tracker: IssueTracker = {
      platform: 'a platform',
      hint: '',
      list: async () => ({ kind: 'ok', data: issues.toReversed(), hasNextPage: false }) as ApiAnswer,
      create: async ({ body }) => {
        creating += 1;
        if (creating === 2) openBoth();
        await bothLooked;
        const issue = { number: issues.length + 1, body, isOpen: true };
        issues.push(issue);
        return { kind: 'ok', data: issue, hasNextPage: false } as ApiAnswer;
      },
      update: async (number, { body, state }) => {
        const issue = issues.find(one => one.number === number)!;
        issue.body = body;
        if (state !== 'as it is') issue.isOpen = state === 'open';
        return { kind: 'ok', data: issue, hasNextPage: false } as ApiAnswer;
      },
      comments: async () => ({ kind: 'ok', data: [], hasNextPage: false }) as ApiAnswer,
      comment: async () => ({ kind: 'ok', data: {}, hasNextPage: false }) as ApiAnswer,
      read: data => {
        const { number, body, isOpen } = data as (typeof issues)[number];
        return { number, body, isOpen, url: `https://platform.example/${number}`, isTrusted: true };
      },
      readComment: () => '',
    };
    const news = (what: string) => ({
      marker,
      title: 'worse',
      body: `${marker}\n${what}`,
      comment: null,
      isOpen: true,
      labels: [],
    });
    const outcomes = await Promise.all([
      updateAlertIssue(tracker, news('one')),
      updateAlertIssue(tracker, news('other')),
    ]);
    expect(outcomes.map(outcome => outcome.kind === 'arrived' && outcome.url)).toEqual([
      'https://platform.example/1',
      'https://platform.example/1',
    ]);
    expect(issues).toMatchObject([
      { number: 1, isOpen: true, body: `${marker}\nother` },
      { number: 2, isOpen: false, body: expect.not.stringContaining(marker) },
    ]);
    // The given-up one is not found again.
    await updateAlertIssue(tracker, { ...news('over'), isOpen: false });
    expect(issues.map(({ isOpen }) => isOpen)).toEqual([false, false]);
  });

  it('is never one that a stranger opened with the marker in it', async () => {
    const body = '<!-- quickserveml:alert key=change -->\nmine';
    world.github.addIssue({ author: 'eve', title: 'x', body, labels: [] });
    await world.tell(newsOf([item()]), [ISSUE]);
    expect(world.github.issues).toHaveLength(2);
    expect(world.github.issues[0]?.body).toBe(body);
  });

  it('is found again without its label where it is this tool’s, and among pull requests', async () => {
    world.github.addPull({
      number: 7,
      headSha: 'a'.repeat(40),
      headRef: 'x',
      headRepository: null,
      baseRef: 'main',
    });
    await world.tell(newsOf([item()]), [ISSUE]);
    world.github.issues[0]!.labels = [];
    await world.tell(newsOf([item('digits', 'changed')]), [ISSUE]);
    expect(world.github.issues).toHaveLength(1);
  });

  it('says what the token lacks', async () => {
    const readOnly = { ...world.environment('github'), GITHUB_TOKEN: READ_ONLY_TOKEN };
    const [may] = await world.tell(newsOf([item()]), [ISSUE], readOnly);
    expect(may?.outcome).toMatchObject({ kind: 'failed', reason: expect.stringContaining('issues: write') });
    const { GITLAB_TOKEN: _, ...without } = world.environment('gitlab');
    const [none] = await world.tell(newsOf([item()]), [ISSUE], { ...without, CI_JOB_TOKEN });
    expect(none?.outcome).toMatchObject({ reason: expect.stringContaining('GITLAB_TOKEN') });
  });
});

it('every route of issues is in one of the two files that are tried here', () => {
  const platforms = join(projectRoot, 'src/platforms');
  const files = readdirSync(platforms, { recursive: true, encoding: 'utf8' }).filter(name =>
    name.endsWith('.ts'),
  );
  const withIssues = files.filter(name =>
    /'(?:POST|PUT|PATCH) \/[^']*\/issues(?:\/\{\w+\})?'/u.test(readFileSync(join(platforms, name), 'utf8')),
  );
  expect(withIssues.toSorted()).toEqual(['github/alert-issues.ts', 'gitlab/alert-issues.ts']);
});
