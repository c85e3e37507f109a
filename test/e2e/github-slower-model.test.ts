import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GitHubRepository, PULL_REQUEST } from '../support/github-repository.ts';
import { TEST_TOKEN } from '../support/github-server.ts';
import { type InstalledCopy, installCopy } from '../support/installed-copy.ts';
import type { Contents } from '../support/pull-request.ts';
import { lacks } from '../support/requirements.ts';
import { written } from '../support/runner.ts';

const MODEL = 'models/digits.onnx';
const config = { text: 'version: 1\nmodels:\n  digits: { path: models/digits.onnx }\n' };
const firstModel: Contents = { [MODEL]: { model: 'digits' }, 'quickserveml.yml': config };

describe.skipIf(lacks('runtime'))('the GitHub Action and a model that got slower', () => {
  let copy: InstalledCopy;
  beforeAll(() => {
    copy = installCopy();
  });
  afterAll(() => copy[Symbol.dispose]());

  it('fails a pull request that makes a model slower, and a second push updates the same comment', {
    timeout: 300_000,
  }, async () => {
    await using world = await GitHubRepository.create(copy, firstModel);
    const first = await world.pullRequest({ [MODEL]: { model: 'digits-wide' } });
    expect(first.report?.base?.sha).toBe(world.before);
    expect(first.report?.models[0]?.metrics.find(each => each.metric === 'latency')?.outcome).toEqual({
      kind: 'regressed',
      confirmed: true,
    });
    expect(first.exitCode).toBe(1);
    expect(first.outputs['verdict']).toBe('failed');
    const [comment] = world.github.commentsOf(PULL_REQUEST);
    expect(comment?.body).toMatch(
      /^<!-- quickserveml:report key=default -->\n### ❌ `digits` got [123]\d\s% slower/,
    );
    expect(first.outputs['comment-id']).toBe(String(comment?.id));
    expect(first.summary).toContain('slower');
    expect(first.commands.find(({ name }) => name === 'error')?.properties['file']).toBe(MODEL);
    expect(world.job.remote.registryFiles()).toEqual([]);

    const second = await world.pullRequest({ [MODEL]: { model: 'digits-equivalent' } });
    expect(second.exitCode).toBe(0);
    expect(world.github.commentsOf(PULL_REQUEST)).toHaveLength(1);
    expect(world.github.commentsOf(PULL_REQUEST)[0]?.id).toBe(comment?.id);
    expect(world.github.commentsOf(PULL_REQUEST)[0]?.body).not.toContain('❌');
    expect(world.github.violations).toEqual([]);
    expect(written(first) + written(second)).not.toContain(TEST_TOKEN);
  });
});
