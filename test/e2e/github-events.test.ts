import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/report/report.ts';
import { type GitHubJob, jobEnvironment, REPOSITORY, startGitHubJob } from '../support/github-job.ts';
import { CHECKS_TOKEN, GitHubServer } from '../support/github-server.ts';
import { runtimePath, unprivilegedUser } from '../support/installed-copy.ts';
import { lacks } from '../support/requirements.ts';
import { runCli } from '../support/run-cli.ts';
import { type ActionResult, runAction } from '../support/runner.ts';
import { actionInputs, exampleSteps } from '../support/workflow-example.ts';

/** The built action on events beside pull_request and push, against an Enterprise Server's address. */
describe.skipIf(lacks('runtime'))('an event that is no pull request', () => {
  let job: GitHubJob;
  let github: GitHubServer;
  let base: string;
  let head: string;
  beforeAll(async () => {
    job = await startGitHubJob(CHECKS_TOKEN);
    base = job.remote.commit('main', { 'models/digits.onnx': { model: 'digits' } });
    head = job.remote.commit(
      'gh-readonly-queue/main/pr-7',
      { 'README.md': { text: 'words' } },
      { from: 'main' },
    );
    github = await GitHubServer.start({ prefix: '/api/v3' });
  });
  afterAll(async () => {
    await github[Symbol.asyncDispose]();
    await job[Symbol.asyncDispose]();
  });

  async function run(
    eventName: string,
    event: object,
    ref: string,
    sha: string,
    inputs: Readonly<Record<string, string>> = {},
  ): Promise<ActionResult & { readonly report: Report }> {
    const clone = job.checkout(sha);
    const result = await runAction({
      actionPath: job.copy.folder,
      cwd: clone,
      eventName,
      event: { repository: { full_name: REPOSITORY, default_branch: 'main' }, ...event },
      inputs: { 'runtime-path': runtimePath, record: 'never', budget: '2s', ...inputs },
      token: CHECKS_TOKEN,
      user: unprivilegedUser,
      env: jobEnvironment(github, { sha, ref }),
    });
    const path = join(clone, result.outputs['report-json'] ?? '');
    return { ...result, report: JSON.parse(readFileSync(path, 'utf8')) as Report };
  }

  it('merge_group: is compared with the base of the group, and shown on its commit', {
    timeout: 90_000,
  }, async () => {
    const event = { merge_group: { head_sha: head, base_sha: base } };
    const result = await run('merge_group', event, 'refs/heads/gh-readonly-queue/main/pr-7', head);
    expect(result.exitCode).toBe(0);
    expect(result.report.base).toEqual({ sha: base, role: 'base of the merge group' });
    expect(result.report.models.map(({ state }) => state.kind)).toEqual(['identical']);
    expect(github.checkRuns.at(-1)).toMatchObject({ headSha: head, conclusion: 'success' });
  });

  it.each([
    ['release', { action: 'published' }, 'refs/tags/v1.0.0'],
    ['schedule', { schedule: '0 4 * * 1' }, 'refs/heads/main'],
    ['workflow_dispatch', { inputs: null }, 'refs/heads/main'],
  ] as const)(
    '%s: has no base, is measured alone, and comments nowhere',
    { timeout: 90_000 },
    async (name, event, ref) => {
      const result = await run(name, event, ref, base);
      expect(result.exitCode).toBe(0);
      expect(result.report.base).toBeNull();
      expect(result.report.models[0]?.state.kind).toBe('no-base');
      expect(result.report.models[0]?.measurement.kind).toBe('alone');
      expect([...github.comments.values()]).toEqual([]);
      expect(github.checkRuns.at(-1)).toMatchObject({ headSha: base });
      expect(github.violations).toEqual([]);
    },
  );

  it('schedule, with the inputs of the example: measures what is in production, and records that', {
    timeout: 120_000,
  }, async () => {
    const recorded = await run('push', { before: base }, 'refs/heads/main', base, { record: 'always' });
    expect(recorded.exitCode).toBe(0);
    const url = `${job.git.url.replace('://', `://x-access-token:${CHECKS_TOKEN}@`)}/remote.git`;
    const laptop = job.checkout(base);
    job.remote.setUrl(laptop, url);
    const args = ['registry', 'promote', 'models/digits@1.0.0', '--reason', 'it passed'];
    expect(await runCli({ cli: job.copy.cli, args, cwd: laptop })).toMatchObject({ exitCode: 0, stderr: '' });
    const files = job.remote.registryFiles().length;
    const result = await run('schedule', { schedule: '0 4 * * *' }, 'refs/heads/main', base, {
      ...actionInputs(exampleSteps('github-schedule.yml')),
      record: 'auto',
    });
    expect(result).toMatchObject({ exitCode: 0, outputs: { verdict: 'passed' } });
    expect(result.report.models).toMatchObject([{ name: 'models/digits', measurement: { kind: 'alone' } }]);
    expect(job.remote.registryFiles().length).toBeGreaterThan(files);
  });
});
