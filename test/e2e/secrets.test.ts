import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GitHubJob, jobEnvironment, REPOSITORY, startGitHubJob } from '../support/github-job.ts';
import { GITHUB_ROUTES, GitHubServer, type TestToken } from '../support/github-server.ts';
import { runtimePath, unprivilegedUser } from '../support/installed-copy.ts';
import { pullRequestEvent, type TestRemote } from '../support/pull-request.ts';
import { lacks } from '../support/requirements.ts';
import { type ActionResult, runAction } from '../support/runner.ts';

/** Secrets as a job has them, planted wherever one can be; then everything that the product wrote is searched for them. */
const SECRETS = {
  token: 'ghs_plantedTokenOfTheJob0000000000000000',
  registry: 'npm_plantedRegistryToken0000000000000000',
  proxy: 'plantedProxyPassword0000',
  cloud: 'plantedCloudSecretKey000000000000000000',
} as const;
const PULL = 7;
const MODEL = 'models/digits.onnx';

/** Every file below a folder, as text; git's own store is not what the product wrote. */
function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && !join(entry.parentPath, entry.name).includes('/.git/'))
    .map(entry => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
}

describe.skipIf(lacks('runtime'))('planted secrets', () => {
  let job: GitHubJob;
  let github: GitHubServer;
  let before: string;
  beforeAll(async () => {
    job = await startGitHubJob(SECRETS.token);
    before = job.remote.commit('main', {
      [MODEL]: { model: 'digits' },
      'quickserveml.yml': { text: 'version: 1\nmodels:\n  digits: { path: models/digits.onnx }\n' },
    });
    const login: TestToken = { login: 'github-actions[bot]', mayWrite: true, mayCheck: true };
    github = await GitHubServer.start({ repository: REPOSITORY, tokens: { [SECRETS.token]: login } });
  });
  afterAll(async () => {
    await github[Symbol.asyncDispose]();
    await job[Symbol.asyncDispose]();
  });

  async function run(
    contents: Parameters<TestRemote['commit']>[1],
    inputs: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly result: ActionResult; readonly written: string }> {
    const headSha = job.remote.commit('change', contents, { from: 'main' });
    const merge = job.remote.mergeRef(PULL, headSha);
    const clone = job.checkout(`refs/pull/${PULL}/merge`);
    github.addPull({
      number: PULL,
      headSha,
      headRef: 'change',
      headRepository: REPOSITORY,
      baseRef: 'main',
      baseSha: before,
    });
    const result = await runAction({
      actionPath: job.copy.folder,
      cwd: clone,
      eventName: 'pull_request',
      event: pullRequestEvent({ repository: REPOSITORY, number: PULL, headSha, baseSha: before }),
      inputs: {
        'runtime-path': runtimePath,
        formats: 'sarif,csv,openmetrics,codequality,pdf,text',
        ...inputs,
      },
      token: SECRETS.token,
      user: unprivilegedUser,
      timeoutMs: 150_000,
      env: {
        ...jobEnvironment(github, { sha: merge, ref: `refs/pull/${PULL}/merge` }),
        GITHUB_ACTOR: 'ada',
        GITHUB_HEAD_REF: 'change',
        GITHUB_BASE_REF: 'main',
        GITHUB_TOKEN: SECRETS.token,
        ACTIONS_STEP_DEBUG: 'true',
        RUNNER_DEBUG: '1',
        NODE_DEBUG: '',
        NPM_TOKEN: SECRETS.registry,
        npm_config__authToken: SECRETS.registry,
        AWS_SECRET_ACCESS_KEY: SECRETS.cloud,
        QUICKSERVEML_UNRELATED: SECRETS.proxy,
      },
    });
    const printed = result.stdout.split('\n').filter(line => !line.startsWith('::add-mask::'));
    const written = [
      ...printed,
      result.stderr,
      result.summary,
      JSON.stringify(result.outputs),
      ...filesBelow(clone),
      ...[...github.comments.values()].flat().map(({ body }) => body),
      JSON.stringify(github.checkRuns),
      JSON.stringify(github.requests.map(({ path, query, body }) => ({ path, query, body }))),
    ].join('\n');
    return { result, written };
  }

  const expectNone = (written: string): void => {
    for (const [name, secret] of Object.entries(SECRETS)) {
      expect(written.includes(secret), `${name} is in the output`).toBe(false);
      expect(written.includes(Buffer.from(secret).toString('base64').slice(4, -4)), `${name} as base64`).toBe(
        false,
      );
      expect(written.includes(encodeURIComponent(secret).toLowerCase()), `${name} encoded`).toBe(false);
    }
  };

  it('are in nothing that a check writes, in any format, with debug logs on', {
    timeout: 200_000,
  }, async () => {
    const { result, written } = await run({ [MODEL]: { model: 'digits-renamed-input' } }, { budget: '3s' });
    expect(result.exitCode).toBe(1);
    expect(github.checkRuns).toHaveLength(1);
    expect(written).toContain('accept-break:digits');
    expect(written).toContain('# EOF');
    expectNone(written);
  });

  it('are in no error: GitHub that quotes them, a broken configuration, a model that is none', {
    timeout: 200_000,
  }, async () => {
    const fault = {
      kind: 'status',
      status: 401,
      message: `Bad credentials: ${Object.values(SECRETS).slice(0, 1).join(' ')}`,
    } as const;
    for (const route of [GITHUB_ROUTES.getPull, GITHUB_ROUTES.listComments, GITHUB_ROUTES.createCheckRun])
      github.fail(route, fault, 5);
    const refused = await run({ [MODEL]: { text: 'not a model' } });
    // The verdict is the gate's, whatever GitHub answers.
    expect(refused.result.exitCode).toBe(1);
    expectNone(refused.written);
    const broken = await run({
      'quickserveml.yml': {
        text: `version: 1\nregistry: { remote: "https://user:${SECRETS.proxy}@git.example/x.git" }\n`,
      },
    });
    expect(broken.result.exitCode).toBe(2);
    // The repository itself holds this one; what was said about it must not.
    const { stdout, stderr, summary, outputs } = broken.result;
    expect(stdout + stderr + summary + JSON.stringify(outputs)).not.toContain(SECRETS.proxy);
  });
});
