import { mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/report/report.ts';
import { type GitHttpServer, startGitHttpServer } from '../support/git-http-server.ts';
import {
  createPipelineStarter,
  mergeRequestVariables,
  type PipelineResult,
  type PipelineStarter,
  runPipeline,
} from '../support/gitlab-pipeline.ts';
import {
  CI_JOB_TOKEN,
  GITLAB_PROJECT,
  GITLAB_TOKEN,
  GitLabServer,
  READ_API_TOKEN,
} from '../support/gitlab-server.ts';
import { handOver, type InstalledCopy, installCopy } from '../support/installed-copy.ts';
import { type Contents, createTestRemote, type TestRemote } from '../support/pull-request.ts';
import { lacks, projectRoot } from '../support/requirements.ts';
import { runCli } from '../support/run-cli.ts';

const MODEL = 'models/digits.onnx';
const IID = 12;
const REPORTS = 'quickserveml-report';

interface Merged {
  readonly result: PipelineResult;
  readonly report: Report | null;
}

describe.skipIf(lacks('runtime') || lacks('rsync'))('the GitLab component', () => {
  let copy: InstalledCopy;
  let remote: TestRemote;
  let git: GitHttpServer;
  let gitlab: GitLabServer;
  let base: string;
  let starter: PipelineStarter;
  let changes = 0;
  beforeAll(async () => {
    copy = installCopy();
    starter = createPipelineStarter(copy.cli);
    remote = createTestRemote();
    // GitLab's addresses have a group.
    mkdirSync(join(remote.folder, 'acme'));
    symlinkSync(remote.bare, join(remote.folder, 'acme/models.git'));
    base = remote.commit('main', { [MODEL]: { model: 'digits' } });
    git = await startGitHttpServer(remote.folder, {
      basicAuth: `gitlab-ci-token:${CI_JOB_TOKEN}`,
      publicRead: true,
    });
    gitlab = await GitLabServer.start();
    gitlab.mergeRequests.set(IID, { iid: IID });
  });
  afterAll(async () => {
    expect(gitlab.violations).toEqual([]);
    await gitlab[Symbol.asyncDispose]();
    await git[Symbol.asyncDispose]();
    remote[Symbol.dispose]();
    starter[Symbol.dispose]();
    copy[Symbol.dispose]();
  });

  /** GitLab leaves the job token in the address of the clone. */
  const checkout = (ref: string): string => {
    const clone = remote.checkout(ref);
    remote.setUrl(clone, `${git.url.replace('://', `://gitlab-ci-token:${CI_JOB_TOKEN}@`)}/acme/models.git`);
    return clone;
  };
  const readReport = (result: PipelineResult): Report | null => {
    const text = result.artifact(join(REPORTS, 'report.json'));
    return text === null ? null : (JSON.parse(text) as Report);
  };

  async function mergeRequest(
    contents: Contents,
    given: { readonly inputs?: Record<string, unknown>; readonly token?: Record<string, string> } = {},
  ): Promise<Merged> {
    const branch = `change-${++changes}`;
    const headSha = remote.commit(
      branch,
      { ...starter.files('check', { budget: '2s', ...given.inputs }), ...contents },
      { from: 'main' },
    );
    const clone = checkout(`refs/heads/${branch}`);
    gitlab.notes.clear();
    const result = await runPipeline({
      clone,
      variables: {
        ...mergeRequestVariables({
          apiUrl: gitlab.apiUrl,
          projectId: GITLAB_PROJECT,
          iid: IID,
          headSha,
          baseSha: base,
        }),
        ...(given.token ?? { GITLAB_TOKEN }),
      },
    });
    return { result, report: readReport(result) };
  }

  it('passes where no model changed, says so in one note, and leaves the files for the widgets', async () => {
    const { result, report } = await mergeRequest({ 'README.md': { text: 'words' } });
    expect(result).toMatchObject({ state: 'passed', jobExitCode: 0 });
    expect(report).toMatchObject({ gate: 'passed', change: { platform: 'gitlab', pullRequest: IID } });
    expect(gitlab.notesOf(IID)).toHaveLength(1);
    expect(result.artifact(join(REPORTS, 'junit.xml'))).toContain('<testsuites');
    expect(result.artifact(join(REPORTS, 'metrics.txt'))?.trimEnd()).toMatch(/# EOF$/);
    expect(Array.isArray(JSON.parse(result.artifact(join(REPORTS, 'codequality.json')) ?? ''))).toBe(true);
  });

  it('fails the job where callers break, with the break in the note and in the code quality file', async () => {
    const { result, report } = await mergeRequest({ [MODEL]: { model: 'digits-renamed-input' } });
    expect(result).toMatchObject({ state: 'failed', jobExitCode: 1 });
    expect(report?.gate).toBe('failed');
    expect(gitlab.notesOf(IID)[0]?.body).toContain('breaks callers');
    expect(result.artifact(join(REPORTS, 'codequality.json'))).toContain(MODEL);
  });

  it('measures and keeps the reports where only the job token is there, and names what a note needs', async () => {
    const { result, report } = await mergeRequest(
      { 'README.md': { text: 'other words' } },
      { token: { CI_JOB_TOKEN } },
    );
    expect(result.state).toBe('passed');
    expect(report?.gate).toBe('passed');
    expect(result.log).toContain('scope `api`');
    expect(gitlab.notesOf(IID)).toEqual([]);
  });

  it('writes no note where it is told not to', async () => {
    const { result } = await mergeRequest(
      { 'README.md': { text: 'third words' } },
      { inputs: { comment: false } },
    );
    expect(result.state).toBe('passed');
    expect(gitlab.notesOf(IID)).toEqual([]);
  });

  it('turns an exit code that is tolerated into a warning', async () => {
    const { result } = await mergeRequest(
      { [MODEL]: { text: 'no model' } },
      { inputs: { 'warn-on-exit-codes': [1, 3] } },
    );
    expect(result).toMatchObject({ state: 'warned', jobExitCode: 1 });
  });

  it('refuses an input that is none of the choices before any job runs', async () => {
    const { result } = await mergeRequest({}, { inputs: { record: 'sometimes' } });
    expect(result.state).toBe('not-run');
    expect(result.log).toMatch(/record/);
  });

  it('treats what an input holds as text, never as shell', async () => {
    const marker = join(remote.folder, 'marker');
    rmSync(marker, { force: true });
    const { result } = await mergeRequest({}, { inputs: { config: `$(touch ${marker}); touch ${marker}` } });
    expect(result).toMatchObject({ state: 'failed', jobExitCode: 2 });
    expect(() => rmSync(marker)).toThrow();
  });

  const mainVariables = (source: 'push' | 'schedule', before: string): Readonly<Record<string, string>> => ({
    GITLAB_CI: 'true',
    CI_PIPELINE_SOURCE: source,
    CI_API_V4_URL: gitlab.apiUrl,
    CI_PROJECT_ID: GITLAB_PROJECT,
    CI_COMMIT_BRANCH: 'main',
    CI_DEFAULT_BRANCH: 'main',
    CI_COMMIT_SHA: base,
    CI_COMMIT_BEFORE_SHA: before,
    CI_JOB_TOKEN,
  });

  it('records on the registry branch with the job token when main moves', async () => {
    const before = base;
    base = remote.commit('main', {
      ...starter.files('check', { budget: '2s' }),
      [MODEL]: { model: 'digits-equivalent' },
    });
    const clone = checkout('refs/heads/main');
    const result = await runPipeline({ clone, variables: mainVariables('push', before) });
    expect(result.state).toBe('passed');
    expect(remote.registryFiles().join('\n')).toMatch(/^models\/.*digits\/versions\/1\.0\.0\.json$/m);
  });

  it('measures what is in production when a schedule starts it, and records that with the job token', async () => {
    const laptop = checkout('refs/heads/main');
    handOver(laptop);
    const args = ['registry', 'promote', 'models/digits@1.0.0', '--reason', 'it passed'];
    expect(await runCli({ cli: copy.cli, args, cwd: laptop })).toMatchObject({ exitCode: 0 });
    const before = base;
    const example = readFileSync(join(projectRoot, 'docs/examples/gitlab-schedule.yml'), 'utf8');
    base = remote.commit('main', starter.filesOf(example.replace('budget: 30s', 'budget: 2s')));
    const run = { clone: checkout('refs/heads/main'), job: 'quickserveml-scheduled' };
    const measured = remote.registryFiles().length;
    const idle = await runPipeline({ ...run, variables: mainVariables('push', before) });
    expect(idle.state).toBe('not-run');
    const result = await runPipeline({ ...run, variables: mainVariables('schedule', before) });
    expect(result).toMatchObject({ state: 'passed', jobExitCode: 0 });
    expect(readReport(result)).toMatchObject({ gate: 'passed', models: [{ name: 'models/digits' }] });
    expect(result.artifact(join(REPORTS, 'metrics.txt'))?.trimEnd()).toMatch(/# EOF$/);
    expect(remote.registryFiles().length).toBeGreaterThan(measured);
  });

  it('names a wrong input of the scheduled component before any job runs', async () => {
    base = remote.commit('main', starter.files('scheduled', { record: 'sometimes' }));
    const result = await runPipeline({
      clone: checkout('refs/heads/main'),
      job: 'quickserveml-scheduled',
      variables: mainVariables('schedule', base),
    });
    expect(result.state).toBe('not-run');
    expect(result.log).toMatch(/record/);
  });

  it('prints no token, whatever it does', async () => {
    const { result } = await mergeRequest(
      { 'README.md': { text: 'last words' } },
      { token: { GITLAB_TOKEN: READ_API_TOKEN } },
    );
    const files = ['report.json', 'report.html', 'report.md', 'junit.xml'].map(name =>
      result.artifact(join(REPORTS, name)),
    );
    const written = [result.log.replaceAll(/^.*--variable.*$/gm, ''), ...files].join('\n');
    expect(written).toContain('insufficient_scope');
    for (const token of [READ_API_TOKEN, CI_JOB_TOKEN]) expect(written).not.toContain(token);
  });
});
