import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { commentOnReport } from '../../src/commands/comment.ts';
import type { Report } from '../../src/report/report.ts';
import { ACTIVE_CHARACTERS } from '../support/control-characters.ts';
import { GITHUB_ROUTES, GitHubServer, TEST_TOKEN } from '../support/github-server.ts';
import { HOSTILE, SAMPLE_REPORTS, sampleModel, sampleReport } from '../support/sample-reports.ts';

/** The privileged job of the pair of workflows: it has a token that writes, and a report that a stranger may have written. */
const HEAD = '9f8e7d6c5b4a39281706f5e4d3c2b1a098765432';
const RUN_URL = 'https://github.example/acme/models/actions/runs/4711';

let folder: string;
let server: GitHubServer;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'quickserveml-follow-up-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  server = await GitHubServer.start();
  server.addPull({
    number: 12,
    headSha: HEAD,
    headRef: 'topic',
    headRepository: 'eve/models',
    baseRef: 'main',
  });
  server.addPull({
    number: 1,
    headSha: 'b'.repeat(40),
    headRef: 'other',
    headRepository: 'acme/models',
    baseRef: 'main',
  });
});
afterEach(async () => {
  expect(server.violations).toEqual([]);
  await server[Symbol.asyncDispose]();
});

interface Event {
  readonly headSha?: string;
  readonly branch?: string;
  readonly event?: string;
}

async function followUp(
  report: Report | string,
  { headSha = HEAD, branch = 'topic', event = 'pull_request' }: Event = {},
): ReturnType<typeof commentOnReport> {
  const path = join(folder, 'report.json');
  const eventPath = join(folder, 'event.json');
  writeFileSync(path, typeof report === 'string' ? report : JSON.stringify(report));
  writeFileSync(
    eventPath,
    JSON.stringify({
      repository: { full_name: 'acme/models', default_branch: 'main' },
      workflow_run: {
        event,
        head_sha: headSha,
        head_branch: branch,
        html_url: RUN_URL,
        head_repository: {
          full_name: 'eve/models',
          html_url: 'https://github.example/eve/models',
          owner: { login: 'eve' },
        },
        // As GitHub sends it for forks.
        pull_requests: [],
      },
    }),
  );
  return commentOnReport(
    { report: path, key: 'default', cwd: folder },
    {
      env: {
        GITHUB_ACTIONS: 'true',
        GITHUB_API_URL: server.apiUrl,
        GITHUB_SERVER_URL: 'https://github.example',
        GITHUB_REPOSITORY: 'acme/models',
        GITHUB_EVENT_NAME: 'workflow_run',
        GITHUB_EVENT_PATH: eventPath,
        GITHUB_TOKEN: TEST_TOKEN,
      },
      now: Date.now,
      random: Math.random,
      progress: { step: () => undefined, update: () => undefined },
      toolVersion: '0.0.0',
      workerPath: '/nowhere',
      packageFolders: [],
      homeFolder: folder,
      cacheFolder: folder,
      patience: { sleep: async () => undefined },
    },
  );
}

const bodies = (): readonly string[] => [...server.comments.values()].flat().map(({ body }) => body);
const nothingWritten = (): void => {
  expect(bodies()).toEqual([]);
  expect(server.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
};

describe('a report of a fork', () => {
  it('is posted on the pull request of the followed run, with addresses that GitHub stated', async () => {
    expect(await followUp(SAMPLE_REPORTS.regressed)).toMatchObject({
      comment: { kind: 'posted', action: 'created' },
    });
    const [comment] = server.commentsOf(12);
    expect(comment?.body).toContain(`[Run and full report](${RUN_URL})`);
    expect(comment?.body).toContain(`https://github.example/eve/models/blob/${HEAD}/models/digits.onnx`);
  });

  it('goes nowhere else, whatever number, repository and addresses it states', async () => {
    const change = {
      platform: 'github',
      repository: 'acme/secret',
      pullRequest: 1,
      runUrl: 'https://evil.example/login',
      filesUrl: 'https://evil.example/blob',
    } as const;
    await followUp({ ...SAMPLE_REPORTS.regressed, change });
    expect(server.commentsOf(1)).toEqual([]);
    expect(server.commentsOf(12)).toHaveLength(1);
    expect(bodies().join('')).not.toContain('evil.example');
    expect(bodies().join('')).not.toContain('acme/secret');
  });

  it('of another commit than the followed one is refused', async () => {
    const head = { sha: 'c'.repeat(40), role: 'head' };
    await expect(followUp({ ...SAMPLE_REPORTS.regressed, head })).rejects.toMatchObject({
      code: 'COMMENT_FAILED',
    });
    nothingWritten();
  });

  it('is not posted when the pull request has moved on, is closed, or was none', async () => {
    const moved = { ...SAMPLE_REPORTS.regressed, head: { sha: 'd'.repeat(40), role: 'head' } };
    expect(await followUp(moved, { headSha: 'd'.repeat(40) })).toMatchObject({
      comment: null,
      message: expect.stringContaining('newer commits'),
    });
    expect((await followUp(SAMPLE_REPORTS.regressed, { branch: 'gone' })).message).toContain(
      'no open pull request',
    );
    expect((await followUp(SAMPLE_REPORTS.regressed, { event: 'push' })).message).toContain(
      'not of a pull request',
    );
    nothingWritten();
  });

  it('makes no check run and sets no status: whoever writes the report could pass a required one', async () => {
    await followUp(SAMPLE_REPORTS.improved);
    const routes = server.requests.map(({ route }) => route);
    expect(routes).not.toContain(GITHUB_ROUTES.createCheckRun);
    expect(routes).not.toContain(GITHUB_ROUTES.createStatus);
  });

  it('is harmless with markup, mentions, links, workflow commands and terminal sequences in every text', async () => {
    await followUp({ ...SAMPLE_REPORTS.hostile, head: { sha: HEAD, role: HOSTILE } });
    const [body = ''] = bodies();
    expect(body).not.toMatch(ACTIVE_CHARACTERS);
    expect(body).not.toMatch(/<(?:script|img|a|iframe)\b/iu);
    expect(body).not.toMatch(/@everyone|acme\/models#2|GH-3/u);
    expect(body).not.toMatch(/(?<!\\)\]\((?!https:\/\/github\.example\/)/u);
    expect(body.match(/<!--/g)).toHaveLength(1);
    expect(body.split('\n').filter(line => /^\s*(?:\/\w|::|##\[)/u.test(line))).toEqual([]);
  });
});

describe('a report that is none', () => {
  const report = SAMPLE_REPORTS.regressed;
  const withModel = (change: object): string =>
    JSON.stringify({ ...report, models: [{ ...report.models[0], ...change }] });
  const cases: readonly (readonly [what: string, text: string, code: string])[] = [
    ['with no content', '', 'REPORT_INVALID'],
    ['that is no JSON', '{"schemaVersion": 1', 'REPORT_INVALID'],
    ['that is a list', '[]', 'REPORT_INVALID'],
    ['of another schema version', JSON.stringify({ ...report, schemaVersion: 2 }), 'REPORT_INVALID'],
    ['with a gate that does not exist', JSON.stringify({ ...report, gate: 'green' }), 'REPORT_INVALID'],
    ['with a number for a name', withModel({ name: 7 }), 'REPORT_INVALID'],
    [
      'with a commit that is a path',
      JSON.stringify({ ...report, head: { sha: '../../x', role: '' } }),
      'REPORT_INVALID',
    ],
    [
      'with a history that is no history',
      withModel({ history: { fingerprint: 'x', points: 3 } }),
      'REPORT_INVALID',
    ],
    ['nested 100,000 deep', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'REPORT_INVALID'],
    [
      'of 10,000 models',
      JSON.stringify({ ...report, models: Array.from({ length: 10_000 }, () => ({})) }),
      'REPORT_TOO_LARGE',
    ],
    ['of 17 MB', JSON.stringify({ ...report, padding: 'x'.repeat(17 * 1024 * 1024) }), 'REPORT_TOO_LARGE'],
  ];

  it.each(cases)('%s is refused before anything is asked of GitHub', async (_, text, code) => {
    await expect(followUp(text)).rejects.toMatchObject({ code });
    expect(server.requests).toEqual([]);
  });

  it('does not pollute prototypes', async () => {
    const text = JSON.stringify(report).replace('{', '{"__proto__": {"polluted": true}, ');
    await followUp(text);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('of the most models that are read is posted within the limit', {
    timeout: 180_000,
  }, async () => {
    const crowd = Array.from({ length: 1_000 }, (_, index) =>
      sampleModel(`${index} ${HOSTILE}`.slice(0, 200)),
    );
    await followUp(sampleReport(crowd, { head: { sha: HEAD, role: '' } }));
    expect(Buffer.byteLength(bodies()[0] ?? '')).toBeLessThanOrEqual(65_536);
  });
});

it('nothing in the job runs or checks out anything: the command reads one file', () => {
  const source = readFileSync(new URL('../../src/commands/comment.ts', import.meta.url), 'utf8');
  expect(source).not.toMatch(/child_process|git\/|runtime\//u);
});
