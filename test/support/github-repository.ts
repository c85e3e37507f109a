import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from '../../src/report/report.ts';
import { type GitHubJob, jobEnvironment, REPOSITORY, startGitHubJob } from './github-job.ts';
import { GitHubServer, TEST_TOKEN } from './github-server.ts';
import { type InstalledCopy, runtimePath, unprivilegedUser } from './installed-copy.ts';
import { type Contents, pullRequestEvent } from './pull-request.ts';
import { type ActionResult, runAction } from './runner.ts';

/** Number of the pull request that every change comes by. */
export const PULL_REQUEST = 7;

export interface JobResult extends ActionResult {
  /** null: the run wrote none. */
  readonly report: Report | null;
  readonly clone: string;
}

/** A repository with models on main, GitHub's API, and the jobs that pull requests and pushes start. */
export class GitHubRepository implements AsyncDisposable {
  readonly job: GitHubJob;
  readonly github: GitHubServer;
  before: string;

  private constructor(job: GitHubJob, github: GitHubServer, before: string) {
    this.job = job;
    this.github = github;
    this.before = before;
  }

  static async create(copy: InstalledCopy, contents: Contents): Promise<GitHubRepository> {
    const job = await startGitHubJob(TEST_TOKEN, copy);
    const before = job.remote.commit('main', contents, { message: 'Models' });
    const github = await GitHubServer.start({ repository: REPOSITORY });
    return new GitHubRepository(job, github, before);
  }

  async pullRequest(
    contents: Contents,
    options: {
      readonly token?: string;
      readonly fork?: boolean;
      readonly env?: Record<string, string>;
      readonly inputs?: Record<string, string>;
      readonly labels?: readonly string[];
    } = {},
  ): Promise<JobResult> {
    const headSha = this.job.remote.commit('change', contents, { from: 'main' });
    const merge = this.job.remote.mergeRef(PULL_REQUEST, headSha);
    const clone = this.job.checkout(`refs/pull/${PULL_REQUEST}/merge`);
    this.github.addPull({
      number: PULL_REQUEST,
      headSha,
      headRef: 'change',
      headRepository: options.fork === true ? 'mallory/models' : REPOSITORY,
      baseRef: 'main',
      baseSha: this.before,
      labels: options.labels ?? [],
    });
    return this.run(clone, {
      eventName: 'pull_request',
      event: pullRequestEvent({
        repository: REPOSITORY,
        number: PULL_REQUEST,
        headSha,
        baseSha: this.before,
        fork: options.fork ?? false,
      }),
      env: {
        GITHUB_SHA: merge,
        GITHUB_REF: `refs/pull/${PULL_REQUEST}/merge`,
        GITHUB_HEAD_REF: 'change',
        GITHUB_BASE_REF: 'main',
        ...options.env,
      },
      inputs: options.inputs ?? {},
      token: options.token ?? TEST_TOKEN,
    });
  }

  /** Merges contents into main and runs what a push to main runs. */
  async pushToMain(contents: Contents, mergedWithLabels: readonly string[] = []): Promise<JobResult> {
    const before = this.before;
    const after = this.job.remote.commit('main', contents);
    this.before = after;
    this.github.addPull({
      number: PULL_REQUEST,
      state: 'closed',
      headSha: after,
      headRef: 'change',
      headRepository: REPOSITORY,
      baseRef: 'main',
      labels: mergedWithLabels,
      mergedAt: '2026-11-23T12:00:00Z',
      mergeCommitSha: after,
    });
    const clone = this.job.checkout('refs/heads/main');
    return this.run(clone, {
      eventName: 'push',
      event: {
        before,
        after,
        ref: 'refs/heads/main',
        repository: { full_name: REPOSITORY, default_branch: 'main' },
        sender: { login: 'ada' },
      },
      env: { GITHUB_SHA: after, GITHUB_REF: 'refs/heads/main', GITHUB_REF_NAME: 'main' },
      inputs: {},
      token: TEST_TOKEN,
    });
  }

  async run(
    clone: string,
    run: {
      readonly eventName: string;
      readonly event: object;
      readonly env: Record<string, string>;
      readonly inputs: Record<string, string>;
      readonly token: string;
    },
  ): Promise<JobResult> {
    const result = await runAction({
      actionPath: this.job.copy.folder,
      cwd: clone,
      eventName: run.eventName,
      event: run.event,
      inputs: { 'runtime-path': runtimePath, ...run.inputs },
      token: run.token,
      user: unprivilegedUser,
      timeoutMs: 150_000,
      env: {
        ...jobEnvironment(this.github, {
          sha: run.env['GITHUB_SHA'] ?? '',
          ref: run.env['GITHUB_REF'] ?? '',
        }),
        GITHUB_ACTOR: 'ada',
        ...run.env,
      },
    });
    const path = result.outputs['report-json'];
    const report =
      path === undefined ? null : (JSON.parse(readFileSync(join(clone, path), 'utf8')) as Report);
    if (process.env['QUICKSERVEML_TEST_LOG'] !== undefined) console.log(result.stdout, result.stderr);
    return { ...result, report, clone };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.github[Symbol.asyncDispose]();
    await this.job[Symbol.asyncDispose]();
  }
}
