import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { type GitHubJob, jobEnvironment, REPOSITORY, startGitHubJob } from '../support/github-job.ts';
import {
  CHECKS_TOKEN,
  type Fault,
  GITHUB_ROUTES,
  GitHubServer,
  STATUS_TOKEN,
} from '../support/github-server.ts';
import { unprivilegedUser } from '../support/installed-copy.ts';
import { pullRequestEvent } from '../support/pull-request.ts';
import { type ActionResult, runAction } from '../support/runner.ts';

/**
 * The built action with a GitHub that refuses or breaks: the exit code is the gate's, the verdict is in outputs, summary and
 * saved report, and the log says what was not possible. (test/integration/github-faults.test.ts has every fault at every
 * route, with clocks that do not wait.)
 */
const PULL = 7;

const FAULTS: Readonly<Record<string, Fault>> = {
  '401': { kind: 'status', status: 401 },
  '403': { kind: 'status', status: 403 },
  '404': { kind: 'status', status: 404 },
  '409': { kind: 'status', status: 409 },
  '422': { kind: 'status', status: 422 },
  'truncated JSON': { kind: 'truncated' },
};
const CALLS = [
  [GITHUB_ROUTES.getPull, CHECKS_TOKEN],
  [GITHUB_ROUTES.createCheckRun, CHECKS_TOKEN],
  [GITHUB_ROUTES.createStatus, STATUS_TOKEN],
  [GITHUB_ROUTES.listComments, CHECKS_TOKEN],
  [GITHUB_ROUTES.createComment, CHECKS_TOKEN],
] as const;

describe('a check whose gate fails', () => {
  let job: GitHubJob;
  let clone: string;
  let before: string;
  let headSha: string;
  let merge: string;
  /** Started first and awaited last: it asks again and again, waiting longer each time. */
  let unheard: Promise<ActionResult>;
  beforeAll(async () => {
    job = await startGitHubJob('none');
    before = job.remote.commit('main', { 'models/digits.onnx': { model: 'digits' } });
    headSha = job.remote.commit('change', { 'models/digits.onnx': { text: 'no model' } }, { from: 'main' });
    merge = job.remote.mergeRef(PULL, headSha);
    clone = job.checkout(`refs/pull/${PULL}/merge`);
    const apiUrl = `http://127.0.0.1:${await freePort()}`;
    unheard = run({ apiUrl }, CHECKS_TOKEN, job.checkout(`refs/pull/${PULL}/merge`));
  });
  afterAll(async () => {
    await job[Symbol.asyncDispose]();
  });

  async function run(
    github: Pick<GitHubServer, 'apiUrl'>,
    token: string,
    cwd = clone,
  ): Promise<ActionResult> {
    return runAction({
      actionPath: job.copy.folder,
      cwd,
      eventName: 'pull_request',
      event: pullRequestEvent({ repository: REPOSITORY, number: PULL, headSha, baseSha: before }),
      token,
      user: unprivilegedUser,
      timeoutMs: 60_000,
      env: jobEnvironment(github, { sha: merge, ref: `refs/pull/${PULL}/merge` }),
    });
  }

  const cases = CALLS.flatMap(([route, token]) =>
    Object.entries(FAULTS).map(([name, fault]) => ({ route, token, name, fault })),
  );

  it.each(cases)(
    'exits with 1 and keeps its verdict when $route answers with $name',
    {
      timeout: 90_000,
    },
    async ({ route, token, fault }) => {
      await using github = await GitHubServer.start({ repository: REPOSITORY });
      github.addPull({
        number: PULL,
        headSha,
        headRef: 'change',
        headRepository: REPOSITORY,
        baseRef: 'main',
        baseSha: before,
      });
      github.fail(route, fault, 50);
      const result = await run(github, token);
      expect(result.exitCode).toBe(1);
      expect(result.outputs['verdict']).toBe('failed');
      expect(result.outputs['report-json']).toBe('quickserveml-report/report.json');
      expect(result.summary).toContain('digits');
      expect(result.stdout + result.stderr).not.toContain('    at ');
      expect(github.requestsOf(route).length).toBeGreaterThan(0);
      expect(github.violations).toEqual([]);
    },
  );

  it('exits with 1 where nobody listens at the address', { timeout: 120_000 }, async () => {
    const result = await unheard;
    expect(result.exitCode).toBe(1);
    expect(result.outputs['verdict']).toBe('failed');
    expect(result.stdout).toContain('ECONNREFUSED');
  });
});

describe('a check that cannot be made', () => {
  let job: GitHubJob;
  beforeAll(async () => {
    job = await startGitHubJob('none');
  });
  afterAll(async () => {
    await job[Symbol.asyncDispose]();
  });

  it('takes the place of the verdict on an earlier commit, in the comment, the summary and the report', {
    timeout: 90_000,
  }, async () => {
    await using github = await GitHubServer.start({ repository: REPOSITORY });
    const baseSha = job.remote.commit('main', { 'models/digits.onnx': { model: 'digits' } });
    const run = async (
      config: string,
      inputs: Readonly<Record<string, string>> = {},
    ): Promise<ActionResult> => {
      const headSha = job.remote.commit('change', { 'quickserveml.yml': { text: config } }, { from: 'main' });
      const merge = job.remote.mergeRef(PULL, headSha);
      const pull = { number: PULL, headSha, headRef: 'change', headRepository: REPOSITORY };
      github.addPull({ ...pull, baseRef: 'main', baseSha });
      return runAction({
        actionPath: job.copy.folder,
        cwd: job.checkout(`refs/pull/${PULL}/merge`),
        eventName: 'pull_request',
        event: pullRequestEvent({ repository: REPOSITORY, number: PULL, headSha, baseSha }),
        token: CHECKS_TOKEN,
        inputs,
        user: unprivilegedUser,
        timeoutMs: 60_000,
        env: jobEnvironment(github, { sha: merge, ref: `refs/pull/${PULL}/merge` }),
      });
    };
    expect((await run('comment: { key: models }\n')).exitCode).toBe(0);
    const result = await run('comment: { key: models }\nmodel: {}\n');
    expect(result.exitCode).toBe(2);
    expect(result.outputs).toMatchObject({
      verdict: 'no-verdict',
      'exit-code': '2',
      'report-json': 'quickserveml-report/report.json',
    });
    const [comment, ...others] = github.commentsOf(PULL);
    expect(others).toEqual([]);
    for (const text of [comment?.body, result.summary]) {
      expect(text).toContain('No verdict: quickserveml.yml');
      expect(text).toContain('did you mean "models"?');
    }
    expect(result.commands).toContainEqual(
      expect.objectContaining({ name: 'error', properties: { title: 'CONFIG_INVALID' } }),
    );
    const wrong = await run('comment: { key: models }\n', { record: 'sometimes', budget: 'soon' });
    expect(wrong.exitCode).toBe(2);
    expect(wrong.outputs).toMatchObject({ verdict: 'no-verdict', 'report-json': expect.any(String) });
    expect(github.commentsOf(PULL)).toHaveLength(1);
    for (const text of [github.commentsOf(PULL)[0]?.body, wrong.summary]) {
      expect(text).toContain('No verdict: 2 inputs of the action are wrong');
      expect(text).toContain('The input "record" is "sometimes". It may be auto, always, never.');
      expect(text).toContain('soon');
    }
    expect(github.violations).toEqual([]);
  });

  it.each([
    [{ command: 'chek' }, 'The input "command" is "chek".'],
    [{ command: 'watch', record: 'sometimes' }, 'The input "record" is "sometimes".'],
    [{ command: 'comment' }, 'The input "report" is missing.'],
    [{ command: 'merge' }, 'The input "reports" is missing.'],
    [{ shard: '5/2' }, '5/2'],
  ])('with %j it is said in the summary of the step', { timeout: 60_000 }, async (inputs, words) => {
    const sha = job.remote.commit('main', { 'models/digits.onnx': { model: 'digits' } });
    await using github = await GitHubServer.start({ repository: REPOSITORY });
    const result = await runAction({
      actionPath: job.copy.folder,
      cwd: job.checkout('refs/heads/main'),
      eventName: 'push',
      event: {},
      token: CHECKS_TOKEN,
      inputs,
      user: unprivilegedUser,
      timeoutMs: 60_000,
      env: jobEnvironment(github, { sha, ref: 'refs/heads/main' }),
    });
    expect(result.exitCode).toBe(2);
    const summary = result.summary.replaceAll('&#34;', '"');
    expect(summary).toContain(words);
    expect(result.outputs['verdict']).toBe('no-verdict');
  });
});
