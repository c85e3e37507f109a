import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/report/report.ts';
import { type GitHttpServer, startGitHttpServer } from '../support/git-http-server.ts';
import { GITHUB_ROUTES, GitHubServer, READ_ONLY_TOKEN, TEST_TOKEN } from '../support/github-server.ts';
import {
  handOver,
  type InstalledCopy,
  installCopy,
  runtimePath,
  unprivilegedUser,
} from '../support/installed-copy.ts';
import {
  type Contents,
  createTestRemote,
  pullRequestEvent,
  type TestRemote,
} from '../support/pull-request.ts';
import { lacks } from '../support/requirements.ts';
import { type ActionResult, runAction } from '../support/runner.ts';

const REPOSITORY = 'acme/models';
const PULL = 7;

/** A repository with a model on main, its remote over HTTP with the job's token, and GitHub's API. */
class World implements AsyncDisposable {
  readonly remote: TestRemote;
  readonly github: GitHubServer;
  readonly git: GitHttpServer;
  readonly copy: InstalledCopy;
  before: string;

  private constructor(
    remote: TestRemote,
    github: GitHubServer,
    git: GitHttpServer,
    copy: InstalledCopy,
    before: string,
  ) {
    this.remote = remote;
    this.github = github;
    this.git = git;
    this.copy = copy;
    this.before = before;
  }

  static async create(copy: InstalledCopy, contents: Contents): Promise<World> {
    const remote = createTestRemote();
    const before = remote.commit('main', contents, { message: 'Models' });
    const github = await GitHubServer.start({ repository: REPOSITORY });
    const git = await startGitHttpServer(remote.folder, {
      basicAuth: `x-access-token:${TEST_TOKEN}`,
      publicRead: true,
    });
    return new World(remote, github, git, copy, before);
  }

  /** Checks the ref out as actions/checkout does: the token is not in the address that stays. */
  checkout(ref: string): string {
    const clone = this.remote.checkout(ref, { url: `file://${this.remote.bare}` });
    this.remote.setUrl(clone, `${this.git.url}/remote.git`);
    handOver(clone);
    return clone;
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
  ): Promise<ActionResult & { readonly report: Report | null; readonly clone: string }> {
    const headSha = this.remote.commit('change', contents, { from: 'main' });
    const merge = this.remote.mergeRef(PULL, headSha);
    const clone = this.checkout(`refs/pull/${PULL}/merge`);
    this.github.addPull({
      number: PULL,
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
        number: PULL,
        headSha,
        baseSha: this.before,
        fork: options.fork ?? false,
      }),
      env: {
        GITHUB_SHA: merge,
        GITHUB_REF: `refs/pull/${PULL}/merge`,
        GITHUB_HEAD_REF: 'change',
        GITHUB_BASE_REF: 'main',
        ...options.env,
      },
      inputs: options.inputs ?? {},
      token: options.token ?? TEST_TOKEN,
    });
  }

  /** Merges contents into main and runs what a push to main runs. */
  async pushToMain(
    contents: Contents,
    mergedWithLabels: readonly string[] = [],
  ): Promise<ActionResult & { readonly report: Report | null; readonly clone: string }> {
    const before = this.before;
    const after = this.remote.commit('main', contents);
    this.before = after;
    this.github.addPull({
      number: PULL,
      state: 'closed',
      headSha: after,
      headRef: 'change',
      headRepository: REPOSITORY,
      baseRef: 'main',
      labels: mergedWithLabels,
      mergedAt: '2026-11-23T12:00:00Z',
      mergeCommitSha: after,
    });
    const clone = this.checkout('refs/heads/main');
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
  ): Promise<ActionResult & { readonly report: Report | null; readonly clone: string }> {
    const result = await runAction({
      actionPath: this.copy.folder,
      cwd: clone,
      eventName: run.eventName,
      event: run.event,
      inputs: { 'runtime-path': runtimePath, ...run.inputs },
      token: run.token,
      user: unprivilegedUser,
      timeoutMs: 150_000,
      env: {
        GITHUB_API_URL: this.github.apiUrl,
        GITHUB_SERVER_URL: 'https://github.example',
        GITHUB_REPOSITORY: REPOSITORY,
        GITHUB_RUN_ID: '4711',
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
    await this.git[Symbol.asyncDispose]();
    await this.github[Symbol.asyncDispose]();
    this.remote[Symbol.dispose]();
  }
}

const MODEL = 'models/digits.onnx';
const config = { text: 'version: 1\nmodels:\n  digits: { path: models/digits.onnx }\n' };
const firstModel: Contents = { [MODEL]: { model: 'digits' }, 'quickserveml.yml': config };

/** Everything that the product wrote where somebody might read it. */
const written = (result: ActionResult): string =>
  result.stdout
    .split('\n')
    .filter(line => !line.startsWith('::add-mask::'))
    .join('\n') +
  result.stderr +
  result.summary +
  JSON.stringify(result.outputs);

describe.skipIf(lacks('runtime'))('the GitHub Action, as the runner runs it', () => {
  let copy: InstalledCopy;
  beforeAll(() => {
    copy = installCopy();
  });
  afterAll(() => copy[Symbol.dispose]());

  it('fails a pull request that makes a model slower, and a second push updates the same comment', {
    timeout: 300_000,
  }, async () => {
    await using world = await World.create(copy, firstModel);
    const first = await world.pullRequest({ [MODEL]: { model: 'digits-wide' } });
    expect(first.report?.base?.sha).toBe(world.before);
    expect(first.report?.models[0]?.metrics.find(each => each.metric === 'latency')?.outcome).toEqual({
      kind: 'regressed',
      confirmed: true,
    });
    expect(first.exitCode).toBe(1);
    expect(first.outputs['verdict']).toBe('failed');
    const [comment] = world.github.commentsOf(PULL);
    expect(comment?.body).toMatch(
      /^<!-- quickserveml:report key=default -->\n### ❌ `digits` got [123]\d\s% slower/,
    );
    expect(first.outputs['comment-id']).toBe(String(comment?.id));
    expect(first.summary).toContain('slower');
    expect(first.commands.find(({ name }) => name === 'error')?.properties['file']).toBe(MODEL);
    expect(world.remote.registryFiles()).toEqual([]);

    const second = await world.pullRequest({ [MODEL]: { model: 'digits-equivalent' } });
    expect(second.exitCode).toBe(0);
    expect(world.github.commentsOf(PULL)).toHaveLength(1);
    expect(world.github.commentsOf(PULL)[0]?.id).toBe(comment?.id);
    expect(world.github.commentsOf(PULL)[0]?.body).not.toContain('❌');
    expect(world.github.violations).toEqual([]);
    expect(written(first) + written(second)).not.toContain(TEST_TOKEN);
  });

  it('annotates the model whose contract is broken', { timeout: 200_000 }, async () => {
    await using world = await World.create(copy, firstModel);
    const result = await world.pullRequest({ [MODEL]: { model: 'digits-renamed-input' } });
    expect(result.exitCode).toBe(1);
    const annotation = result.commands.find(({ name, data }) => name === 'error' && data.includes('pixels'));
    expect(annotation?.properties['file']).toBe(MODEL);
    expect(result.report?.models[0]?.contract?.bump).toBe('major');
    // The bytes are fed the same, so a new name alone makes nothing slower.
    expect(result.report?.models[0]?.metrics.find(each => each.metric === 'latency')?.outcome.kind).not.toBe(
      'regressed',
    );
  });

  it('lets a break through that a label accepts', { timeout: 200_000 }, async () => {
    await using world = await World.create(copy, firstModel);
    const result = await world.pullRequest(
      { [MODEL]: { model: 'digits-renamed-input' } },
      { labels: ['accept-break:digits'] },
    );
    expect(result.exitCode).toBe(0);
    expect(result.report?.models[0]?.accepted).toEqual([{ finding: 'break:digits', by: 'label' }]);
  });

  it('still accepts it on main after the merge, and records a major version', {
    timeout: 200_000,
  }, async () => {
    await using world = await World.create(copy, firstModel);
    await world.pushToMain({ 'README.md': { text: 'First record.' } });
    const refused = await world.pushToMain({ [MODEL]: { model: 'digits-renamed-input' } });
    expect(refused.exitCode).toBe(1);
    expect(world.remote.registryFiles().filter(path => path.includes('/versions/'))).toHaveLength(1);
    await world.pushToMain({ [MODEL]: { model: 'digits' } });
    const merged = await world.pushToMain({ [MODEL]: { model: 'digits-renamed-input' } }, [
      'accept-break:digits',
    ]);
    expect(merged.exitCode).toBe(0);
    expect(merged.report?.models[0]?.accepted).toEqual([{ finding: 'break:digits', by: 'label' }]);
    expect(JSON.parse(merged.outputs['versions'] ?? '')).toEqual({ digits: '2.0.0' });
  });

  it('passes an added output as a compatible change', { timeout: 200_000 }, async () => {
    await using world = await World.create(copy, firstModel);
    const result = await world.pullRequest({ [MODEL]: { model: 'digits-optional-output' } });
    expect(result.report?.models[0]?.contract?.kind).toBe('compatible');
    expect(result.report?.models[0]?.contract?.bump).toBe('minor');
  });

  it('does not measure identical bytes, and starts no runtime for them', { timeout: 60_000 }, async () => {
    await using world = await World.create(copy, firstModel);
    const result = await world.pullRequest(
      { 'README.md': { text: 'Only words.' } },
      { inputs: { 'runtime-path': '/nowhere' } },
    );
    expect(result.exitCode).toBe(0);
    expect(result.report?.models[0]?.state).toEqual({ kind: 'identical' });
    expect(result.report?.models[0]?.measurement).toEqual({
      kind: 'not-measured',
      reason: 'same bytes, same runtime',
    });
    expect(result.outputs['changed-models']).toBe('[]');
  });

  it("falls back to summary and saved report where a fork's token may only read", {
    timeout: 60_000,
  }, async () => {
    await using world = await World.create(copy, firstModel);
    const result = await world.pullRequest(
      { 'README.md': { text: 'From a fork.' } },
      { token: READ_ONLY_TOKEN, fork: true },
    );
    expect(result.exitCode).toBe(0);
    expect(world.github.commentsOf(PULL)).toEqual([]);
    expect(result.summary).toContain('workflow_run');
    expect(
      result.commands.some(
        ({ name, data }) => name === 'notice' && data.includes('quickserveml comment --report'),
      ),
    ).toBe(true);
    expect(result.report?.gate).toBe('passed');
    expect(result.outputs['comment-id']).toBe('');
  });

  it('records version and measurement of a push to main on the registry branch', {
    timeout: 300_000,
  }, async () => {
    await using world = await World.create(copy, firstModel);
    const first = await world.pushToMain({ 'README.md': { text: 'First record.' } });
    expect(first.exitCode).toBe(0);
    expect(JSON.parse(first.outputs['versions'] ?? '')).toEqual({ digits: '1.0.0' });
    const second = await world.pushToMain({ [MODEL]: { model: 'digits-optional-output' } });
    expect(JSON.parse(second.outputs['versions'] ?? '')).toEqual({ digits: '1.1.0' });
    expect(second.report?.models[0]?.history?.points.map(({ version }) => version)).toEqual(['1.0.0']);
    const files = world.remote.registryFiles();
    expect(files).toContain('models/digits/versions/1.0.0.json');
    expect(files).toContain('models/digits/versions/1.1.0.json');
    expect(files.filter(path => path.startsWith('models/digits/benchmarks/'))).toHaveLength(2);
    expect(JSON.parse(world.remote.registryFile('models/digits/versions/1.1.0.json'))).toMatchObject({
      previous: '1.0.0',
      bump: 'minor',
      author: { name: 'ada' },
    });
    const third = await world.pushToMain({ 'README.md': { text: 'Nothing new.' } });
    expect(JSON.parse(third.outputs['versions'] ?? '')).toEqual({ digits: '1.1.0' });
    expect(third.report?.models[0]?.measurement.kind).toBe('not-measured');
    expect(world.remote.registryFiles().filter(path => path.includes('/versions/'))).toHaveLength(2);
    for (const result of [first, second, third]) expect(written(result)).not.toContain(TEST_TOKEN);
  });

  describe('when GitHub fails, the verdict stands and the job does not fail for it', () => {
    const faults = [
      { name: 'a 403', fault: { kind: 'status', status: 403 }, times: 1, posted: false },
      { name: 'a 500 that passes', fault: { kind: 'status', status: 500 }, times: 1, posted: true },
      {
        name: 'a rate limit that passes',
        fault: { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
        times: 1,
        posted: true,
      },
      { name: 'a 500 that stays', fault: { kind: 'status', status: 500 }, times: 50, posted: false },
      { name: 'truncated JSON', fault: { kind: 'truncated' }, times: 50, posted: false },
    ] as const;
    for (const { name, fault, times, posted } of faults) {
      it(`${name} when the comments are listed`, { timeout: 100_000 }, async () => {
        await using world = await World.create(copy, firstModel);
        world.github.fail(GITHUB_ROUTES.listComments, fault, times);
        const result = await world.pullRequest({ 'README.md': { text: name } });
        expect(result.exitCode).toBe(0);
        expect(result.outputs['verdict']).toBe('passed');
        expect(result.summary).not.toBe('');
        expect(world.github.commentsOf(PULL)).toHaveLength(posted ? 1 : 0);
        expect(written(result)).not.toContain(TEST_TOKEN);
      });
    }
  });

  it("keeps a comment on 400 models within GitHub's limit", { timeout: 200_000 }, async () => {
    const many: Record<string, { readonly model: string }> = {};
    for (let index = 0; index < 400; index += 1)
      many[`models/a-model-with-a-rather-long-name-number-${index}.onnx`] = { model: 'fraud' };
    await using world = await World.create(copy, { [MODEL]: { model: 'digits' } });
    const broken = Object.fromEntries(Object.keys(many).map(path => [path, { text: 'not a model at all' }]));
    const result = await world.pullRequest({ ...broken });
    expect(result.exitCode).toBe(1);
    const [comment] = world.github.commentsOf(PULL);
    expect(Buffer.byteLength(comment?.body ?? '')).toBeLessThanOrEqual(65_536);
    expect(comment?.body).toContain('400 of 401 models fail');
    expect(result.report?.models).toHaveLength(401);
  });

  it('ends with its own code and a hint where the configuration is broken', { timeout: 60_000 }, async () => {
    await using world = await World.create(copy, firstModel);
    const result = await world.pullRequest({ 'quickserveml.yml': { text: 'version: 1\nmodls: {}\n' } });
    expect(result.exitCode).toBe(2);
    const error = result.commands.find(({ name }) => name === 'error');
    expect(error?.data).toContain('CONFIG_INVALID');
    expect(error?.data).toContain('quickserveml.yml:2');
    expect(error?.data).toContain('"models"');
  });
});
