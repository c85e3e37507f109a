import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GitHubRepository, PULL_REQUEST } from '../support/github-repository.ts';
import { GITHUB_ROUTES, READ_ONLY_TOKEN, TEST_TOKEN } from '../support/github-server.ts';
import { type InstalledCopy, installCopy } from '../support/installed-copy.ts';
import type { Contents } from '../support/pull-request.ts';
import { lacks } from '../support/requirements.ts';
import { written } from '../support/runner.ts';

const MODEL = 'models/digits.onnx';
const config = { text: 'version: 1\nmodels:\n  digits: { path: models/digits.onnx }\n' };
const firstModel: Contents = { [MODEL]: { model: 'digits' }, 'quickserveml.yml': config };
/** Where it only matters that there is a measurement. */
const shortly: Contents = { ...firstModel, 'quickserveml.yml': { text: `${config.text}budget: 2s\n` } };

describe.skipIf(lacks('runtime'))('the GitHub Action, as the runner runs it', () => {
  let copy: InstalledCopy;
  beforeAll(() => {
    copy = installCopy();
  });
  afterAll(() => copy[Symbol.dispose]());

  it('annotates the model whose contract is broken', { timeout: 200_000 }, async () => {
    await using world = await GitHubRepository.create(copy, firstModel);
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
    await using world = await GitHubRepository.create(copy, shortly);
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
    await using world = await GitHubRepository.create(copy, shortly);
    await world.pushToMain({ 'README.md': { text: 'First record.' } });
    const refused = await world.pushToMain({ [MODEL]: { model: 'digits-renamed-input' } });
    expect(refused.exitCode).toBe(1);
    expect(world.job.remote.registryFiles().filter(path => path.includes('/versions/'))).toHaveLength(1);
    await world.pushToMain({ [MODEL]: { model: 'digits' } });
    const merged = await world.pushToMain({ [MODEL]: { model: 'digits-renamed-input' } }, [
      'accept-break:digits',
    ]);
    expect(merged.exitCode).toBe(0);
    expect(merged.report?.models[0]?.accepted).toEqual([{ finding: 'break:digits', by: 'label' }]);
    expect(JSON.parse(merged.outputs['versions'] ?? '')).toEqual({ digits: '2.0.0' });
    const { remote } = world.job;
    const accepted = remote
      .registryFiles()
      .filter(path => path.startsWith('verdicts/'))
      .flatMap(path => (JSON.parse(remote.registryFile(path)) as { accepted?: unknown[] }).accepted ?? []);
    expect(accepted).toEqual([{ finding: 'break:digits', by: 'label' }]);
  });

  it('passes an added output as a compatible change', { timeout: 200_000 }, async () => {
    await using world = await GitHubRepository.create(copy, shortly);
    const result = await world.pullRequest({ [MODEL]: { model: 'digits-optional-output' } });
    expect(result.report?.models[0]?.contract?.kind).toBe('compatible');
    expect(result.report?.models[0]?.contract?.bump).toBe('minor');
  });

  it('does not measure identical bytes, and starts no runtime for them', { timeout: 60_000 }, async () => {
    await using world = await GitHubRepository.create(copy, firstModel);
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
    await using world = await GitHubRepository.create(copy, firstModel);
    const result = await world.pullRequest(
      { 'README.md': { text: 'From a fork.' } },
      { token: READ_ONLY_TOKEN, fork: true },
    );
    expect(result.exitCode).toBe(0);
    expect(world.github.commentsOf(PULL_REQUEST)).toEqual([]);
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
    await using world = await GitHubRepository.create(copy, shortly);
    const first = await world.pushToMain({ 'README.md': { text: 'First record.' } });
    expect(first.exitCode).toBe(0);
    expect(JSON.parse(first.outputs['versions'] ?? '')).toEqual({ digits: '1.0.0' });
    const second = await world.pushToMain({ [MODEL]: { model: 'digits-optional-output' } });
    expect(JSON.parse(second.outputs['versions'] ?? '')).toEqual({ digits: '1.1.0' });
    expect(second.report?.models[0]?.history?.points.map(({ version }) => version)).toEqual(['1.0.0']);
    const files = world.job.remote.registryFiles();
    expect(files).toContain('models/digits/versions/1.0.0.json');
    expect(files).toContain('models/digits/versions/1.1.0.json');
    expect(files.filter(path => path.startsWith('models/digits/benchmarks/'))).toHaveLength(2);
    expect(JSON.parse(world.job.remote.registryFile('models/digits/versions/1.1.0.json'))).toMatchObject({
      previous: '1.0.0',
      bump: 'minor',
      author: { name: 'ada' },
    });
    const third = await world.pushToMain({ 'README.md': { text: 'Nothing new.' } });
    expect(JSON.parse(third.outputs['versions'] ?? '')).toEqual({ digits: '1.1.0' });
    expect(third.report?.models[0]?.measurement.kind).toBe('not-measured');
    expect(world.job.remote.registryFiles().filter(path => path.includes('/versions/'))).toHaveLength(2);
    for (const result of [first, second, third]) expect(written(result)).not.toContain(TEST_TOKEN);
  });

  // Beside each other: most of the time the action waits before it asks again.
  describe.concurrent('when GitHub fails, the verdict stands and the job does not fail for it', () => {
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
        await using world = await GitHubRepository.create(copy, firstModel);
        world.github.fail(GITHUB_ROUTES.listComments, fault, times);
        const result = await world.pullRequest({ 'README.md': { text: name } });
        expect(result.exitCode).toBe(0);
        expect(result.outputs['verdict']).toBe('passed');
        expect(result.summary).not.toBe('');
        expect(world.github.commentsOf(PULL_REQUEST)).toHaveLength(posted ? 1 : 0);
        expect(written(result)).not.toContain(TEST_TOKEN);
      });
    }
  });

  it("keeps a comment on 400 models within GitHub's limit", { timeout: 200_000 }, async () => {
    const many: Record<string, { readonly model: string }> = {};
    for (let index = 0; index < 400; index += 1)
      many[`models/a-model-with-a-rather-long-name-number-${index}.onnx`] = { model: 'fraud' };
    await using world = await GitHubRepository.create(copy, { [MODEL]: { model: 'digits' } });
    const broken = Object.fromEntries(Object.keys(many).map(path => [path, { text: 'not a model at all' }]));
    const result = await world.pullRequest({ ...broken });
    expect(result.exitCode).toBe(1);
    const [comment] = world.github.commentsOf(PULL_REQUEST);
    expect(Buffer.byteLength(comment?.body ?? '')).toBeLessThanOrEqual(65_536);
    expect(comment?.body).toContain('400 of 401 models fail');
    expect(result.report?.models).toHaveLength(401);
  });

  it('ends with its own code and a hint where the configuration is broken', { timeout: 60_000 }, async () => {
    await using world = await GitHubRepository.create(copy, firstModel);
    const result = await world.pullRequest({ 'quickserveml.yml': { text: 'version: 1\nmodls: {}\n' } });
    expect(result.exitCode).toBe(2);
    const error = result.commands.find(({ name }) => name === 'error');
    expect(error?.properties).toEqual({ title: 'CONFIG_INVALID' });
    expect(error?.data).toContain('quickserveml.yml:2');
    expect(error?.data).toContain('"models"');
  });
});
