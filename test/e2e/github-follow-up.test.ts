import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHECKS_TOKEN, GitHubServer, TEST_TOKEN } from '../support/github-server.ts';
import { type InstalledCopy, installCopy } from '../support/installed-copy.ts';
import { type ActionResult, runAction } from '../support/runner.ts';
import { SAMPLE_REPORTS } from '../support/sample-reports.ts';

const HEAD = '9f8e7d6c5b4a39281706f5e4d3c2b1a098765432';

describe('the follow-up workflow with the built action', () => {
  let copy: InstalledCopy;
  let github: GitHubServer;
  let workspace: string;
  beforeAll(async () => {
    copy = installCopy();
    github = await GitHubServer.start();
    workspace = mkdtempSync(join(tmpdir(), 'quickserveml-workspace-'));
    mkdirSync(join(workspace, 'quickserveml-report'));
    github.addPull({
      number: 12,
      headSha: HEAD,
      headRef: 'topic',
      headRepository: 'eve/models',
      baseRef: 'main',
    });
  });
  afterAll(async () => {
    await github[Symbol.asyncDispose]();
    rmSync(workspace, { recursive: true, force: true });
    copy[Symbol.dispose]();
  });

  function run(
    report: string,
    options: { readonly headSha?: string; readonly token?: string } = {},
  ): Promise<ActionResult> {
    writeFileSync(join(workspace, 'quickserveml-report/report.json'), report);
    return runAction({
      actionPath: copy.folder,
      cwd: workspace,
      eventName: 'workflow_run',
      event: {
        repository: { full_name: 'acme/models', default_branch: 'main' },
        workflow_run: {
          event: 'pull_request',
          head_sha: options.headSha ?? HEAD,
          head_branch: 'topic',
          html_url: 'https://github.example/acme/models/actions/runs/4711',
          head_repository: {
            full_name: 'eve/models',
            html_url: 'https://github.example/eve/models',
            owner: { login: 'eve' },
          },
          pull_requests: [],
        },
      },
      inputs: { command: 'comment', report: 'quickserveml-report/report.json' },
      token: options.token ?? TEST_TOKEN,
      env: {
        GITHUB_API_URL: github.apiUrl,
        GITHUB_SERVER_URL: 'https://github.example',
        GITHUB_REPOSITORY: 'acme/models',
      },
    });
  }

  it('posts the report once, and a second time changes the same comment', { timeout: 60_000 }, async () => {
    const first = await run(JSON.stringify(SAMPLE_REPORTS.regressed));
    expect(first.exitCode).toBe(0);
    expect(first.outputs['comment-id']).toBe(String(github.commentsOf(12)[0]?.id));
    const second = await run(JSON.stringify(SAMPLE_REPORTS.improved));
    expect(second.exitCode).toBe(0);
    expect(github.commentsOf(12)).toHaveLength(1);
    expect(github.commentsOf(12)[0]?.body).toMatch(/`fraud` got 29\s% faster/u);
    expect(github.violations).toEqual([]);
  });

  it('passes where the pull request has moved on, and shows no check whatever the token may', {
    timeout: 60_000,
  }, async () => {
    const before = github.commentsOf(12).map(({ body }) => body);
    const result = await run(JSON.stringify(SAMPLE_REPORTS.regressed), {
      headSha: 'b'.repeat(40),
      token: CHECKS_TOKEN,
    });
    expect(result.exitCode).toBe(0);
    expect(result.stdout).toContain('newer commits');
    expect(github.commentsOf(12).map(({ body }) => body)).toEqual(before);
    expect(github.checkRuns).toEqual([]);
  });

  it('fails for a report that is none, and echoes nothing of it', { timeout: 60_000 }, async () => {
    const result = await run('::set-output name=x::y\n::error::pwned\n{"schemaVersion": 1}');
    expect(result.exitCode).not.toBe(0);
    const errors = result.commands.filter(({ name }) => name === 'error');
    expect(errors).toHaveLength(1);
    expect(errors[0]?.data).toContain('REPORT_INVALID');
    expect(result.stdout).not.toContain('pwned');
  });
});
