import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from '../../src/report/report.ts';
import { type GitHttpServer, startGitHttpServer } from './git-http-server.ts';
import { GitHubServer, TEST_TOKEN } from './github-server.ts';
import {
  createPipelineStarter,
  mergeRequestVariables,
  type PipelineResult,
  type PipelineStarter,
  runPipeline,
} from './gitlab-pipeline.ts';
import { GITLAB_PROJECT, GITLAB_TOKEN, GitLabServer } from './gitlab-server.ts';
import {
  handOver,
  type InstalledCopy,
  installCopy,
  runtimePath,
  unprivilegedUser,
} from './installed-copy.ts';
import { type JenkinsfileRun, runJenkins, type StepResult, type StepRun } from './jenkins-pipeline.ts';
import { type Contents, createTestRemote, pullRequestEvent, type TestRemote } from './pull-request.ts';
import { type ActionResult, runAction } from './runner.ts';

export const REPOSITORY = 'acme/models';
/** Of the pull request and of the merge request. */
export const NUMBER = 7;

/** What the clone's address has where a job may push. */
export const GIT_PASSWORD = 'plantedGitPassword0000000000';

/** What a platform made of a change: the job's code, the report's gate and states, and the comment. */
export interface Outcome {
  readonly exitCode: number | null;
  readonly gate: string;
  readonly states: readonly string[];
  readonly problems: readonly string[];
  readonly comment: string;
}

/** A commit that is proposed for main. */
export interface Change {
  readonly branch: string;
  readonly headSha: string;
}

type JenkinsRun = Pick<StepRun, 'step' | 'arguments'> | Pick<JenkinsfileRun, 'pipeline' | 'checkout'>;

/**
 * One repository with the delivered product on three platforms: GitHub's runner, gitlab-ci-local and Jenkins' steps, each
 * with its API on loopback and the repository over HTTP.
 */
export class ThreePlatforms implements AsyncDisposable {
  readonly copy: InstalledCopy;
  readonly starter: PipelineStarter;
  readonly remote: TestRemote;
  readonly git: GitHttpServer;
  readonly github: GitHubServer;
  readonly gitlab: GitLabServer;
  base: string;
  #changes = 0;

  private constructor(
    parts: Pick<ThreePlatforms, 'copy' | 'starter' | 'remote' | 'git' | 'github' | 'gitlab' | 'base'>,
  ) {
    this.copy = parts.copy;
    this.starter = parts.starter;
    this.remote = parts.remote;
    this.git = parts.git;
    this.github = parts.github;
    this.gitlab = parts.gitlab;
    this.base = parts.base;
  }

  /** @param contents the first commit of main */
  static async create(contents: Contents): Promise<ThreePlatforms> {
    const copy = installCopy();
    const remote = createTestRemote();
    // Addresses have an owner or a group.
    mkdirSync(join(remote.folder, 'acme'));
    symlinkSync(remote.bare, join(remote.folder, 'acme/models.git'));
    const base = remote.commit('main', contents);
    const git = await startGitHttpServer(remote.folder, {
      basicAuth: `ci:${GIT_PASSWORD}`,
      publicRead: true,
    });
    const github = await GitHubServer.start({ repository: REPOSITORY, prefix: '/api/v3' });
    const gitlab = await GitLabServer.start();
    gitlab.mergeRequests.set(NUMBER, { iid: NUMBER });
    return new ThreePlatforms({
      copy,
      starter: createPipelineStarter(copy.cli),
      remote,
      git,
      github,
      gitlab,
      base,
    });
  }

  /** What the APIs were asked and answered against their contracts. */
  get violations(): readonly string[] {
    return [...this.github.violations, ...this.gitlab.violations];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gitlab[Symbol.asyncDispose]();
    await this.github[Symbol.asyncDispose]();
    await this.git[Symbol.asyncDispose]();
    this.remote[Symbol.dispose]();
    this.starter[Symbol.dispose]();
    this.copy[Symbol.dispose]();
  }

  propose(contents: Contents): Change {
    const branch = `change-${++this.#changes}`;
    return { branch, headSha: this.remote.commit(branch, contents, { from: 'main' }) };
  }

  /** @param password left in the address of the clone, as GitLab does; left out: read-only */
  checkout({ branch }: Pick<Change, 'branch'>, password?: string): string {
    const clone = this.remote.checkout(`refs/heads/${branch}`);
    const origin = password === undefined ? this.git.url : this.git.url.replace('://', `://ci:${password}@`);
    this.remote.setUrl(clone, `${origin}/acme/models.git`);
    return clone;
  }

  /** A clone of the change for a job of GitHub's, which runs as somebody without rights. */
  checkoutForGitHub(change: Change): string {
    const clone = this.checkout(change);
    handOver(clone);
    this.github.addPull({
      number: NUMBER,
      headSha: change.headSha,
      headRef: change.branch,
      headRepository: REPOSITORY,
      baseRef: 'main',
      baseSha: this.base,
    });
    return clone;
  }

  /** One step with the Action, in a clone. */
  async runOnGitHub(
    clone: string,
    { branch, headSha }: Change,
    inputs: Readonly<Record<string, string>>,
  ): Promise<ActionResult> {
    const event = { repository: REPOSITORY, number: NUMBER, headSha, baseSha: this.base };
    return runAction({
      actionPath: this.copy.folder,
      cwd: clone,
      eventName: 'pull_request',
      event: pullRequestEvent(event),
      inputs: { 'runtime-path': runtimePath, base: this.base, ...inputs },
      token: TEST_TOKEN,
      user: unprivilegedUser,
      timeoutMs: 150_000,
      env: {
        GITHUB_API_URL: this.github.apiUrl,
        GITHUB_SERVER_URL: 'https://github.example',
        GITHUB_REPOSITORY: REPOSITORY,
        GITHUB_RUN_ID: '4711',
        GITHUB_SHA: headSha,
        GITHUB_REF: `refs/pull/${NUMBER}/merge`,
        GITHUB_HEAD_REF: branch,
      },
    });
  }

  async onGitHub(change: Change, inputs: Readonly<Record<string, string>>): Promise<Outcome> {
    this.github.comments.clear();
    const clone = this.checkoutForGitHub(change);
    const result = await this.runOnGitHub(clone, change, inputs);
    return this.outcomeOnGitHub(clone, result);
  }

  outcomeOnGitHub(clone: string, result: ActionResult): Outcome {
    const path = result.outputs['report-json'];
    if (path === undefined) throw new Error(`no report: ${result.stdout}${result.stderr}`);
    const comments = this.github.commentsOf(NUMBER);
    return outcomeOf(result.exitCode, readFileSync(join(clone, path), 'utf8'), comments);
  }

  /** The pipeline of a merge request, with the .gitlab-ci.yml of the change. */
  async runOnGitLab(
    clone: string,
    { headSha }: Change,
    variables: Readonly<Record<string, string>> = {},
  ): Promise<PipelineResult> {
    this.gitlab.notes.clear();
    return runPipeline({
      clone,
      variables: {
        ...mergeRequestVariables({
          apiUrl: this.gitlab.apiUrl,
          projectId: GITLAB_PROJECT,
          iid: NUMBER,
          headSha,
          baseSha: this.base,
        }),
        GITLAB_TOKEN,
        ...variables,
      },
    });
  }

  async onGitLab(change: Change): Promise<Outcome> {
    const result = await this.runOnGitLab(this.checkout(change), change);
    return this.outcomeOnGitLab(result);
  }

  outcomeOnGitLab(result: PipelineResult): Outcome {
    const report = result.artifact('quickserveml-report/report.json');
    if (report === null) throw new Error(`no report: ${result.log}`);
    return outcomeOf(result.jobExitCode, report, this.gitlab.notesOf(NUMBER));
  }

  /** A step or a whole Jenkinsfile for a pull request of GitHub. */
  async runOnJenkins(
    workspace: string,
    { branch, headSha }: Change,
    run: JenkinsRun,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<StepResult> {
    this.github.comments.clear();
    const [result] = await runJenkins([
      {
        ...run,
        workspace,
        environment: {
          JENKINS_URL: 'https://ci.example/',
          BUILD_URL: 'https://ci.example/job/models/1/',
          BRANCH_NAME: `PR-${NUMBER}`,
          CHANGE_ID: String(NUMBER),
          CHANGE_TARGET: 'main',
          CHANGE_BRANCH: branch,
          CHANGE_URL: `${this.github.apiUrl.replace('/api/v3', '')}/${REPOSITORY}/pull/${NUMBER}`,
          GIT_COMMIT: headSha,
          ...environment,
        },
        secrets: { api: TEST_TOKEN, 'github-token': TEST_TOKEN, 'api-token': TEST_TOKEN },
        plugins: ['junit'],
      },
    ]);
    if (result === undefined) throw new Error('nothing was run');
    return result;
  }

  /**
   * PATH of an agent whose `npx` is the delivered command line, without a registry. There the environment variable LOST
   * names a shard that dies.
   */
  pathWithNpx(folder: string): string {
    const path = join(folder, 'npx');
    const lost = 'if [ -n "$LOST" ]; then case " $* " in *" --shard $LOST "*) exit 3;; esac; fi';
    const machine = `--budget 1s --base ${this.base} --runtime-path ${runtimePath}`;
    const more = `if [ "$command" = check ]; then more='${machine}'; fi`;
    const start = `exec '${process.execPath}' '${this.copy.cli}' "$command" "$@" $more`;
    writeFileSync(path, `#!/bin/sh\n${lost}\nshift 2\ncommand=$1\nshift\n${more}\n${start}\n`);
    chmodSync(path, 0o755);
    return `${folder}:${process.env['PATH']}`;
  }

  async onJenkins(change: Change, options: Readonly<Record<string, unknown>>): Promise<Outcome> {
    const clone = this.checkout(change);
    const result = await this.runOnJenkins(clone, change, {
      step: 'quickservemlCheck',
      arguments: [
        {
          cli: `'${process.execPath}' '${this.copy.cli}'`,
          runtimePath,
          base: this.base,
          credentialsId: 'api',
          commentAuthor: 'github-actions[bot]',
          unstableOn: [],
          ...options,
        },
      ],
    });
    return this.outcomeOnJenkins(clone, result);
  }

  outcomeOnJenkins(workspace: string, result: StepResult): Outcome {
    const code = /exit code (\d+)/.exec(result.message ?? '')?.[1];
    const report = readFileSync(join(workspace, 'quickserveml-report/report.json'), 'utf8');
    const exitCode = result.result === 'SUCCESS' ? 0 : Number(code);
    return outcomeOf(exitCode, report, this.github.commentsOf(NUMBER));
  }
}

function outcomeOf(
  exitCode: number | null,
  reportText: string,
  comments: readonly { readonly body: string }[],
): Outcome {
  const report = JSON.parse(reportText) as Report;
  if (comments.length > 1) throw new Error(`${comments.length} comments where one was due`);
  return {
    exitCode,
    gate: report.gate,
    states: report.models.map(({ name, state }) => `${name}: ${state.kind}`),
    problems: [
      ...report.findings.map(({ code, severity }) => `${severity} ${code}`),
      ...report.models.flatMap(({ name, findings }) =>
        findings.map(({ code, severity }) => `${name}: ${severity} ${code}`),
      ),
    ].sort(),
    comment: comments[0]?.body ?? '',
  };
}

/**
 * What a reader takes from a comment: headline, verdict of each model, why, what now, and the breaks. Measured numbers
 * differ from run to run, and so does which of them there was time for; links differ from platform to platform.
 */
export const sayingsOf = (comment: string): readonly string[] =>
  comment
    .replace(/\]\([^)]*\)/g, ']')
    .replace(/[−+-]?\d+(?:[.,]\d+)*/g, '#')
    .split('\n')
    .filter(line => /^###|^\*\*Wh|^\| \[|^\| \*\*\[|\*\*breaking\*\* \| (?:input|output)/.test(line))
    .map(line => (/^\| (?:\*\*)?\[/.test(line) ? line.split('|').slice(0, 3).join('|') : line))
    // Whether a row has room for its reason depends on what there was time to measure in the others.
    .map(line => line.replace(/<br><sub>not measured.*/, '').trimEnd());
