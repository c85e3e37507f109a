import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { exitCodeOf } from '../../src/commands/check.ts';
import { postCheckRun } from '../../src/commands/check-run.ts';
import { commentOnReport } from '../../src/commands/comment.ts';
import { platformLines } from '../../src/commands/doctor/platform.ts';
import { openPullRequest, postReport } from '../../src/commands/pull-request.ts';
import type { Surroundings } from '../../src/commands/surroundings.ts';
import { defaultConfig } from '../../src/config/parse.ts';
import type { CiContext } from '../../src/platforms/context.ts';
import { readCiContext } from '../../src/platforms/detect.ts';
import { QuickServeError } from '../../src/shared/errors.ts';
import { CHECKS_TOKEN, GitHubServer, STATUS_TOKEN, TEST_TOKEN } from '../support/github-server.ts';
import { EVERY_FAULT } from '../support/http-faults.ts';
import { projectRoot } from '../support/requirements.ts';
import { SAMPLE_REPORTS, sampleModel, sampleReport } from '../support/sample-reports.ts';

/**
 * Everything that the product does on GitHub, against every fault at every route. The routes are read from the sources:
 * one that is added without an action here that calls it fails the last test.
 */
/** Long enough for a busy machine; where the fault is that no answer comes, each of its waits is real. */
const TIMEOUT_MS = 5_000;
const NO_ANSWER_MS = 120;
const HEAD = '9f8e7d6c5b4a39281706f5e4d3c2b1a098765432';
const OLD = '<!-- quickserveml:report key=default -->\nold';

const platformSources = readdirSync(join(projectRoot, 'src/platforms/github'), {
  recursive: true,
  encoding: 'utf8',
})
  // The routes of issues are tried in alert-issues.test.ts.
  .filter(name => name.endsWith('.ts') && name !== 'alert-issues.ts')
  .map(name => readFileSync(join(projectRoot, 'src/platforms/github', name), 'utf8'));
const ROUTES = [
  ...new Set(
    platformSources.flatMap(text =>
      [...text.matchAll(/'((?:GET|POST|PATCH|PUT|DELETE) \/[^']+)'/g)].map(([, route = '']) => route),
    ),
  ),
].sort();

let folder: string;
let server: GitHubServer;
let log: string[];
let timeoutMs: number;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'quickserveml-faults-'));
  writeFileSync(join(folder, 'report.json'), JSON.stringify(SAMPLE_REPORTS.regressed));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  server = await GitHubServer.start();
  log = [];
  timeoutMs = TIMEOUT_MS;
  server.addPull({
    number: 12,
    headSha: HEAD,
    headRef: 'topic',
    headRepository: 'eve/models',
    baseRef: 'main',
  });
});
afterEach(async () => {
  expect(server.violations).toEqual([]);
  await server[Symbol.asyncDispose]();
});

const events = {
  pull_request: {
    repository: { full_name: 'acme/models', default_branch: 'main' },
    pull_request: {
      number: 12,
      head: { sha: HEAD, ref: 'topic', repo: { full_name: 'eve/models' } },
      base: { sha: 'a'.repeat(40), ref: 'main', repo: { full_name: 'acme/models' } },
    },
  },
  push: { before: 'a'.repeat(40), repository: { full_name: 'acme/models', default_branch: 'main' } },
  workflow_run: {
    repository: { full_name: 'acme/models', default_branch: 'main' },
    workflow_run: {
      event: 'pull_request',
      head_sha: HEAD,
      head_branch: 'topic',
      html_url: 'https://github.example/acme/models/actions/runs/4711',
      head_repository: {
        full_name: 'eve/models',
        html_url: 'https://github.example/eve/models',
        owner: { login: 'eve' },
      },
    },
  },
} as const;

function world(eventName: keyof typeof events, token: string): Surroundings {
  const eventPath = join(folder, `${eventName}.json`);
  writeFileSync(eventPath, JSON.stringify(events[eventName]));
  return {
    env: {
      GITHUB_ACTIONS: 'true',
      GITHUB_API_URL: server.apiUrl,
      GITHUB_SERVER_URL: 'https://github.example',
      GITHUB_REPOSITORY: 'acme/models',
      GITHUB_EVENT_NAME: eventName,
      GITHUB_EVENT_PATH: eventPath,
      GITHUB_REF: 'refs/heads/main',
      GITHUB_SHA: HEAD,
      GITHUB_TOKEN: token,
    },
    now: Date.now,
    random: Math.random,
    progress: { step: text => void log.push(text), update: () => undefined },
    toolVersion: '0.0.0',
    workerPath: '/nowhere',
    packageFolders: [],
    homeFolder: folder,
    cacheFolder: folder,
    patience: { timeoutMs, maxBodyBytes: 300_000, backoffMs: 1, sleep: async () => undefined },
  };
}

const contextOf = ({ env }: Surroundings): CiContext =>
  readCiContext(env, path => readFileSync(path, 'utf8'));
const manyAnnotations = sampleReport(
  Array.from({ length: 80 }, (_, index) => ({ ...SAMPLE_REPORTS.regressed.models[0]!, name: `m${index}` })),
);

/** What a run does with the API, each as the front doors do it; what comes back is what the log would say. */
const ACTIONS: Readonly<Record<string, () => Promise<unknown>>> = {
  'a check of a pull request reads labels, comments and shows a check run': async () => {
    const surroundings = world('pull_request', CHECKS_TOKEN);
    const context = contextOf(surroundings);
    const pullRequest = await openPullRequest(context, surroundings, null);
    const labels = await pullRequest.labels();
    const posted = await postReport(SAMPLE_REPORTS.regressed, pullRequest, { key: 'default' });
    const shown = await postCheckRun(manyAnnotations, pullRequest, context, 'default');
    return { labels, posted, shown };
  },
  'a check that finds its comment updates it': async () => {
    server.addComment(12, 'github-actions[bot]', OLD);
    const surroundings = world('pull_request', TEST_TOKEN);
    const pullRequest = await openPullRequest(contextOf(surroundings), surroundings, null);
    return postReport(SAMPLE_REPORTS.regressed, pullRequest, { key: 'default' });
  },
  'a check without checks: write sets a status': async () => {
    const surroundings = world('pull_request', STATUS_TOKEN);
    const context = contextOf(surroundings);
    const pullRequest = await openPullRequest(context, surroundings, null);
    return postCheckRun(SAMPLE_REPORTS.regressed, pullRequest, context, 'default');
  },
  'doctor asks what the token may': async () => {
    const surroundings = world('push', TEST_TOKEN);
    return platformLines(defaultConfig(), contextOf(surroundings), null, surroundings);
  },
  'a push reads the labels of what it merged': async () => {
    const surroundings = world('push', TEST_TOKEN);
    return (await openPullRequest(contextOf(surroundings), surroundings, null)).labels();
  },
  'a follow-up job posts a saved report': async () => {
    try {
      return await commentOnReport(
        { report: join(folder, 'report.json'), key: 'default', cwd: folder },
        world('workflow_run', TEST_TOKEN),
      );
    } catch (thrown) {
      // Its one purpose is to comment: it says with its own code that it could not.
      if (!(thrown instanceof QuickServeError) || thrown.code !== 'COMMENT_FAILED') throw thrown;
      return { code: thrown.code, message: thrown.message, hint: thrown.hint };
    }
  },
};

describe.each(ROUTES)('%s', route => {
  it.each(Object.entries(EVERY_FAULT))(
    'answers with %s: every action ends with words, and no token in them',
    async (_, fault) => {
      if (fault.kind === 'timeout') timeoutMs = NO_ANSWER_MS;
      const said =
        fault.kind === 'status' ? { message: `no ${TEST_TOKEN} ${CHECKS_TOKEN} ${STATUS_TOKEN}` } : {};
      for (const act of Object.values(ACTIONS)) {
        server.fail(route, { ...fault, ...said }, 12);
        const outcome = JSON.stringify(await act());
        for (const token of [TEST_TOKEN, CHECKS_TOKEN, STATUS_TOKEN]) {
          expect(outcome).not.toContain(token);
          expect(log.join('\n')).not.toContain(token);
        }
        expect(outcome).toMatch(/[a-z[\]]/u);
      }
      // However often it fails, the number of requests is bounded.
      expect(server.requestsOf(route).length).toBeLessThanOrEqual(12 * Object.keys(ACTIONS).length);
    },
  );
});

it('every route in the sources is called by an action here, and no other route is', async () => {
  for (const act of Object.values(ACTIONS)) await act();
  expect([...new Set(server.requests.map(({ route }) => route))].sort()).toEqual(ROUTES);
});

describe('the exit code', () => {
  it('is that of the gate: nothing that GitHub answers is asked for it', () => {
    expect(exitCodeOf('failed')).toBe(1);
    expect(exitCodeOf('warned')).toBe(0);
  });
});

describe('the check run', () => {
  const show = async (token: string, report = SAMPLE_REPORTS.regressed): Promise<unknown> => {
    const surroundings = world('pull_request', token);
    const context = contextOf(surroundings);
    const pullRequest = await openPullRequest(context, surroundings, null);
    return (await postCheckRun(report, pullRequest, context, 'default')).checkRun;
  };

  it('is of the head commit, with title, summary and annotations on the models', async () => {
    expect(await show(CHECKS_TOKEN)).toMatchObject({ kind: 'check-run', annotations: 3 });
    const [run] = server.checkRuns;
    expect(run).toMatchObject({ name: 'QuickServeML', headSha: HEAD, conclusion: 'failure' });
    expect(run?.title).toContain('digits got 20');
    expect(run?.summary).toContain('accept-slower:digits');
    expect(run?.annotations.map(({ path }) => path)).toEqual(Array(3).fill('models/digits.onnx'));
  });

  it('gets more annotations than a request takes by further requests', async () => {
    expect(await show(CHECKS_TOKEN, manyAnnotations)).toMatchObject({ kind: 'check-run', annotations: 178 });
    expect(server.checkRuns).toHaveLength(1);
    expect(server.checkRuns[0]?.annotations).toHaveLength(178);
    const sizes = server.requests.map(
      ({ body }) => (body as { output?: { annotations?: unknown[] } })?.output?.annotations?.length,
    );
    expect(sizes).toEqual([50, 50, 50, 28]);
  });

  it('is made without annotations where GitHub does not take one of them', async () => {
    server.fail('POST /repos/{owner}/{repo}/check-runs', { kind: 'status', status: 422 });
    expect(await show(CHECKS_TOKEN)).toMatchObject({ kind: 'check-run', annotations: 0 });
  });

  it('is a commit status where the token may only do that, and nothing where it may neither', async () => {
    expect(await show(STATUS_TOKEN)).toEqual({ kind: 'status' });
    expect(server.statuses).toMatchObject([{ sha: HEAD, state: 'failure', context: 'QuickServeML' }]);
    expect(await show(TEST_TOKEN)).toMatchObject({ kind: 'not-permitted' });
  });

  it.each([
    ['passed', 'success'],
    ['warned', 'neutral'],
    ['failed', 'failure'],
    ['no-verdict', 'failure'],
  ] as const)('of a %s check concludes %s', async (gate, conclusion) => {
    await show(CHECKS_TOKEN, sampleReport([sampleModel('digits')], { gate }));
    expect(server.checkRuns.at(-1)?.conclusion).toBe(conclusion);
  });

  it('has a summary that GitHub takes, however many models there are', async () => {
    const crowd = sampleReport(Array.from({ length: 1_000 }, (_, index) => sampleModel(`model-${index}`)));
    await show(CHECKS_TOKEN, crowd);
    expect(Buffer.byteLength(server.checkRuns[0]?.summary ?? '')).toBeLessThanOrEqual(65_535);
  });
});
