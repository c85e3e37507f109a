import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/report/report.ts';
import { type GitHttpServer, startGitHttpServer } from '../support/git-http-server.ts';
import { GitHubServer, TEST_TOKEN } from '../support/github-server.ts';
import {
  createPipelineStarter,
  mergeRequestVariables,
  type PipelineStarter,
  runPipeline,
} from '../support/gitlab-pipeline.ts';
import { GITLAB_PROJECT, GITLAB_TOKEN, GitLabServer } from '../support/gitlab-server.ts';
import {
  handOver,
  type InstalledCopy,
  installCopy,
  runtimePath,
  unprivilegedUser,
} from '../support/installed-copy.ts';
import { runStep } from '../support/jenkins-pipeline.ts';
import {
  type Contents,
  createTestRemote,
  pullRequestEvent,
  type TestRemote,
} from '../support/pull-request.ts';
import { lacks } from '../support/requirements.ts';
import { runAction } from '../support/runner.ts';

const REPOSITORY = 'acme/models';
const NUMBER = 7;
const CONFIG = 'version: 1\nmodels:\n  digits: { path: models/digits.onnx }\n';

/** What a platform made of a change: the job's code, the report's gate and states, and the comment. */
interface Outcome {
  readonly exitCode: number | null;
  readonly gate: string;
  readonly states: readonly string[];
  readonly problems: readonly string[];
  readonly comment: string;
}

/**
 * What a reader takes from a comment: headline, verdict of each model, why, what now, and the breaks. Measured numbers
 * differ from run to run, and so does which of them there was time for; links differ from platform to platform.
 */
const sayingsOf = (comment: string): readonly string[] =>
  comment
    .replace(/\]\([^)]*\)/g, ']')
    .replace(/[−+-]?\d+(?:[.,]\d+)*/g, '#')
    .split('\n')
    .filter(line => /^###|^\*\*Wh|^\| \[|^\| \*\*\[|\*\*breaking\*\* \| (?:input|output)/.test(line))
    .map(line => (/^\| (?:\*\*)?\[/.test(line) ? line.split('|').slice(0, 3).join('|') : line));

describe.skipIf(lacks('runtime') || lacks('rsync') || lacks('groovy'))(
  'the same change on three platforms',
  () => {
    let copy: InstalledCopy;
    let starter: PipelineStarter;
    let remote: TestRemote;
    let git: GitHttpServer;
    let github: GitHubServer;
    let gitlab: GitLabServer;
    let base: string;
    let changes = 0;
    beforeAll(async () => {
      copy = installCopy();
      starter = createPipelineStarter(copy.cli);
      remote = createTestRemote();
      mkdirSync(join(remote.folder, 'acme'));
      symlinkSync(remote.bare, join(remote.folder, 'acme/models.git'));
      base = remote.commit('main', {
        'quickserveml.yml': { text: CONFIG },
        'models/digits.onnx': { model: 'digits' },
      });
      git = await startGitHttpServer(remote.folder, { basicAuth: 'ci:word', publicRead: true });
      github = await GitHubServer.start({ repository: REPOSITORY, prefix: '/api/v3' });
      gitlab = await GitLabServer.start();
      gitlab.mergeRequests.set(NUMBER, { iid: NUMBER });
    });
    afterAll(async () => {
      expect([...github.violations, ...gitlab.violations]).toEqual([]);
      await gitlab[Symbol.asyncDispose]();
      await github[Symbol.asyncDispose]();
      await git[Symbol.asyncDispose]();
      remote[Symbol.dispose]();
      starter[Symbol.dispose]();
      copy[Symbol.dispose]();
    });

    const outcome = (exitCode: number | null, reportText: string, comment: string): Outcome => {
      const report = JSON.parse(reportText) as Report;
      return {
        exitCode,
        gate: report.gate,
        states: report.models.map(({ name, state }) => `${name}: ${state.kind}`),
        problems: report.models
          .flatMap(model => model.findings.map(({ code, severity }) => `${severity} ${code}`))
          .sort(),
        comment,
      };
    };
    const checkout = (branch: string): string => {
      const clone = remote.checkout(`refs/heads/${branch}`);
      remote.setUrl(clone, `${git.url}/acme/models.git`);
      return clone;
    };
    const lastComment = (comments: readonly { readonly body: string }[]): string =>
      comments.at(-1)?.body ?? '';

    async function onGitHub(branch: string, headSha: string, budget: string): Promise<Outcome> {
      const clone = checkout(branch);
      handOver(clone);
      github.comments.clear();
      github.addPull({
        number: NUMBER,
        headSha,
        headRef: branch,
        headRepository: REPOSITORY,
        baseRef: 'main',
        baseSha: base,
      });
      const result = await runAction({
        actionPath: copy.folder,
        cwd: clone,
        eventName: 'pull_request',
        event: pullRequestEvent({ repository: REPOSITORY, number: NUMBER, headSha, baseSha: base }),
        inputs: { 'runtime-path': runtimePath, budget, base },
        token: TEST_TOKEN,
        user: unprivilegedUser,
        timeoutMs: 150_000,
        env: {
          GITHUB_API_URL: github.apiUrl,
          GITHUB_SERVER_URL: 'https://github.example',
          GITHUB_REPOSITORY: REPOSITORY,
          GITHUB_RUN_ID: '4711',
          GITHUB_SHA: headSha,
          GITHUB_REF: `refs/pull/${NUMBER}/merge`,
        },
      });
      const report = readFileSync(join(clone, result.outputs['report-json'] ?? ''), 'utf8');
      return outcome(result.exitCode, report, lastComment(github.commentsOf(NUMBER)));
    }

    async function onGitLab(branch: string, headSha: string): Promise<Outcome> {
      gitlab.notes.clear();
      const result = await runPipeline({
        clone: checkout(branch),
        variables: {
          ...mergeRequestVariables({
            apiUrl: gitlab.apiUrl,
            projectId: GITLAB_PROJECT,
            iid: NUMBER,
            headSha,
            baseSha: base,
          }),
          GITLAB_TOKEN,
        },
      });
      const report = result.artifact('quickserveml-report/report.json') ?? '{}';
      return outcome(result.jobExitCode, report, lastComment(gitlab.notesOf(NUMBER)));
    }

    async function onJenkins(branch: string, headSha: string, budget: string): Promise<Outcome> {
      const clone = checkout(branch);
      github.comments.clear();
      const result = await runStep({
        step: 'quickservemlCheck',
        arguments: [
          {
            cli: `'${process.execPath}' '${copy.cli}'`,
            runtimePath,
            budget,
            base,
            credentialsId: 'api',
            commentAuthor: 'github-actions[bot]',
            unstableOn: [],
          },
        ],
        workspace: clone,
        environment: {
          JENKINS_URL: 'https://ci.example/',
          BUILD_URL: 'https://ci.example/job/models/1/',
          BRANCH_NAME: `PR-${NUMBER}`,
          CHANGE_ID: String(NUMBER),
          CHANGE_TARGET: 'main',
          CHANGE_BRANCH: branch,
          CHANGE_URL: `${github.apiUrl.replace('/api/v3', '')}/${REPOSITORY}/pull/${NUMBER}`,
          GIT_COMMIT: headSha,
        },
        secrets: { api: TEST_TOKEN },
        plugins: ['junit'],
      });
      const code = /exit code (\d+)/.exec(result.message ?? '')?.[1];
      const report = readFileSync(join(clone, 'quickserveml-report/report.json'), 'utf8');
      return outcome(
        result.result === 'SUCCESS' ? 0 : Number(code),
        report,
        lastComment(github.commentsOf(NUMBER)),
      );
    }

    async function everywhere(
      contents: Contents,
      budget: string,
    ): Promise<readonly [Outcome, Outcome, Outcome]> {
      const branch = `change-${++changes}`;
      const files = { ...starter.files('check', { budget, base }), ...contents };
      const headSha = remote.commit(branch, files, { from: 'main' });
      const hub = await onGitHub(branch, headSha, budget);
      const lab = await onGitLab(branch, headSha);
      return [hub, lab, await onJenkins(branch, headSha, budget)];
    }

    it.each([
      ['clean', { 'README.md': { text: 'words' } }, '2s', 0, 'identical'],
      ['breaks its callers', { 'models/digits.onnx': { model: 'digits-renamed-input' } }, '2s', 1, 'changed'],
      [
        'comes for the first time',
        {
          'models/reader.onnx': { model: 'digits-equivalent' },
          'quickserveml.yml': { text: `${CONFIG}  reader: { path: models/reader.onnx }\n` },
        },
        '2s',
        0,
        'added',
      ],
      ['is slower', { 'models/digits.onnx': { model: 'digits-wide' } }, '20s', 1, 'changed'],
    ] as const)(
      'that %s has the same verdict, exit code and comment',
      { timeout: 400_000 },
      async (_name, contents, budget, exitCode, state) => {
        const [hub, lab, jenkins] = await everywhere(contents, budget);
        expect(hub.exitCode, hub.comment).toBe(exitCode);
        expect(hub.states.join(' ')).toContain(state);
        for (const other of [lab, jenkins]) {
          expect(other).toMatchObject({
            exitCode: hub.exitCode,
            gate: hub.gate,
            states: hub.states,
            problems: hub.problems,
          });
          expect(sayingsOf(other.comment)).toEqual(sayingsOf(hub.comment));
        }
      },
    );
  },
);
