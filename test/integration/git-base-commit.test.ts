import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { resolveBase } from '../../src/git/base-commit.ts';
import { relateCommits } from '../../src/git/history.ts';
import { openObjectStore } from '../../src/git/object-store.ts';
import { openRepository } from '../../src/git/repository.ts';
import { listFilesAtCommit } from '../../src/git/tree-files.ts';
import type { BaseHint } from '../../src/platforms/context.ts';
import {
  bytesOf,
  commitFiles,
  createBare,
  createClone,
  git,
  snapshot,
  temporaryFolder,
  testEnvironment,
} from '../support/git-repositories.ts';

/** main: five commits; topic: three more from the second one, and a merge of topic into main as platforms make it. */
function createHistory(folder: string, filters = true) {
  const bare = createBare(folder, 'remote', { filters });
  const work = createClone(folder, 'work', `file://${bare}`);
  const main: string[] = [];
  for (let index = 1; index <= 5; index += 1) {
    main.push(
      commitFiles(work, { 'model.onnx': bytesOf(`main${index}`, 5000), [`f${index}/x`]: `${index}` }),
    );
  }
  git(work, 'checkout', '--quiet', '-b', 'topic', main[1]!);
  const topic: string[] = [];
  for (let index = 1; index <= 3; index += 1) {
    topic.push(commitFiles(work, { 'topic.onnx': bytesOf(`topic${index}`, 5000) }));
  }
  git(work, 'checkout', '--quiet', '-b', 'merged', 'main');
  git(work, 'merge', '--quiet', '--no-ff', '-m', 'merge', 'topic');
  const merge = git(work, 'rev-parse', 'HEAD');
  git(work, 'push', '--quiet', 'origin', 'main', 'topic', 'merged:refs/pull/1/merge');
  return { bare, work, main, topic, merge };
}

async function resolve(clone: string, folder: string, hint: BaseHint, options = {}) {
  const repository = await openRepository(clone, { environment: testEnvironment(folder) });
  await using store = await openObjectStore({
    environment: repository.environment,
    remote: repository.remote,
    repository,
  });
  const before = snapshot(clone);
  const base = await resolveBase(repository, store, hint, options);
  const files = base.kind === 'commit' ? [...(await listFilesAtCommit(store, base.sha)).keys()] : [];
  expect(snapshot(clone)).toEqual(before);
  return { base, files };
}

const fallback: BaseHint = { kind: 'none', reason: 'no fallback' };

describe.each([true, false])('resolving the base, server with filters: %s', filters => {
  test('a depth-1 checkout of a merge commit gives its first parent, fetched with its trees', async () => {
    await using folder = temporaryFolder();
    const { bare, main, merge } = createHistory(folder.path, filters);
    const clone = createClone(folder.path, 'ci', `file://${bare}`);
    git(clone, 'fetch', '--quiet', '--depth=1', 'origin', 'refs/pull/1/merge');
    git(clone, 'checkout', '--quiet', '--detach', 'FETCH_HEAD');
    expect(git(clone, 'rev-parse', 'HEAD')).toBe(merge);

    const { base, files } = await resolve(clone, folder.path, { kind: 'merge-commit', fallback });

    expect(base).toEqual({ kind: 'commit', sha: main[4], role: 'first parent of the merge commit' });
    expect(files).toEqual(['f1/x', 'f2/x', 'f3/x', 'f4/x', 'f5/x', 'model.onnx']);
  });

  test('a shallow branch checkout gives the merge base after deepening', async () => {
    await using folder = temporaryFolder();
    const { bare, main } = createHistory(folder.path, filters);
    const clone = join(folder.path, 'ci');
    git(folder.path, 'clone', '--quiet', '--depth=1', '--branch=topic', `file://${bare}`, clone);

    const { base, files } = await resolve(clone, folder.path, {
      kind: 'merge-base',
      of: 'main',
      role: 'merge base of main',
    });

    expect(base).toEqual({ kind: 'commit', sha: main[1], role: 'merge base of main' });
    expect(files).toEqual(['f1/x', 'f2/x', 'model.onnx']);
  });

  test('the commit before a push is fetched into a shallow clone', async () => {
    await using folder = temporaryFolder();
    const { bare, main } = createHistory(folder.path, filters);
    const clone = join(folder.path, 'ci');
    git(folder.path, 'clone', '--quiet', '--depth=1', `file://${bare}`, clone);

    const { base } = await resolve(clone, folder.path, {
      kind: 'commit',
      sha: main[3]!,
      role: 'before the push',
    });

    expect(base).toEqual({ kind: 'commit', sha: main[3], role: 'before the push' });
  });
});

test('a partial clone without blobs and trees gets what it lacks in the store', async () => {
  await using folder = temporaryFolder();
  const { bare, main } = createHistory(folder.path);
  const clone = join(folder.path, 'ci');
  git(folder.path, 'clone', '--quiet', '--filter=tree:0', `file://${bare}`, clone);

  const { base, files } = await resolve(clone, folder.path, {
    kind: 'commit',
    sha: main[2]!,
    role: 'before',
  });

  expect(base).toMatchObject({ kind: 'commit', sha: main[2] });
  expect(files).toEqual(['f1/x', 'f2/x', 'f3/x', 'model.onnx']);
});

test('HEAD that is not a merge commit falls back', async () => {
  await using folder = temporaryFolder();
  const { work } = createHistory(folder.path);
  git(work, 'checkout', '--quiet', 'topic');
  const { base } = await resolve(work, folder.path, { kind: 'merge-commit', fallback });
  expect(base).toEqual({ kind: 'none', reason: 'no fallback' });
});

test('the first push of a branch has no base, and says so', async () => {
  await using folder = temporaryFolder();
  const { work } = createHistory(folder.path);
  const { base } = await resolve(work, folder.path, {
    kind: 'commit',
    sha: '0'.repeat(40),
    role: 'before the push',
  });
  expect(base).toMatchObject({ kind: 'none', reason: expect.stringContaining('first push') });
});

test('a commit that a force push removed is a reason on CI and an error where a person named it', async () => {
  await using folder = temporaryFolder();
  const { work } = createHistory(folder.path);
  const hint: BaseHint = { kind: 'commit', sha: 'a'.repeat(40), role: 'before the push' };
  expect((await resolve(work, folder.path, hint)).base).toMatchObject({ kind: 'none' });
  await expect(resolve(work, folder.path, hint, { demanded: true })).rejects.toMatchObject({
    code: 'BASE_NOT_FOUND',
  });
});

test('--base takes a tag or branch that only the remote has', async () => {
  await using folder = temporaryFolder();
  const { bare, main, work } = createHistory(folder.path);
  git(work, 'tag', '-a', '-m', 'one', 'v1', main[0]!);
  git(work, 'push', '--quiet', 'origin', 'v1');
  const clone = join(folder.path, 'ci');
  git(folder.path, 'clone', '--quiet', '--depth=1', '--no-tags', '--single-branch', `file://${bare}`, clone);
  const { base } = await resolve(
    clone,
    folder.path,
    { kind: 'commit', sha: 'v1', role: '--base v1' },
    { demanded: true },
  );
  expect(base).toEqual({ kind: 'commit', sha: main[0], role: '--base v1' });
});

describe('on a laptop', () => {
  test('a changed work tree is compared with HEAD, without touching the index', async () => {
    await using folder = temporaryFolder();
    const { work, merge } = createHistory(folder.path);
    appendFileSync(join(work, 'model.onnx'), 'more');
    const { base } = await resolve(work, folder.path, { kind: 'local' }, { modelPaths: ['model.onnx'] });
    expect(base).toMatchObject({ kind: 'commit', sha: merge, role: expect.stringContaining('work tree') });
  });

  test('a change elsewhere than beside a model does not hide what the branch did to the model', async () => {
    await using folder = temporaryFolder();
    const { work, topic, main } = createHistory(folder.path);
    git(work, 'checkout', '--quiet', 'topic');
    commitFiles(work, { 'models/a.onnx': 'model', 'models/a.bin': 'weights', README: 'text' });
    const head = git(work, 'rev-parse', 'HEAD');
    const baseOf = async () =>
      (await resolve(work, folder.path, { kind: 'local' }, { modelPaths: ['models/a.onnx'] })).base;
    appendFileSync(join(work, 'README'), 'more');
    expect(await baseOf()).toMatchObject({ sha: main[1], role: 'merge base with origin/main' });
    appendFileSync(join(work, 'models/a.bin'), 'more');
    expect(await baseOf()).toMatchObject({ sha: head });
    expect(topic).not.toContain(head);
  });

  test('a pushed branch is compared with the default branch, not with its own copy on the remote', async () => {
    await using folder = temporaryFolder();
    const { work, main } = createHistory(folder.path);
    git(work, 'checkout', '--quiet', 'topic');
    git(work, 'branch', '--quiet', '--set-upstream-to=origin/topic');
    const { base } = await resolve(work, folder.path, { kind: 'local' });
    expect(base).toEqual({ kind: 'commit', sha: main[1], role: 'merge base with origin/main' });
  });

  test('a clone of one pushed branch asks the remote for its default branch', async () => {
    await using folder = temporaryFolder();
    const { bare, main, topic } = createHistory(folder.path);
    const clone = join(folder.path, 'laptop');
    git(folder.path, 'clone', '--quiet', '--depth=1', '--branch=topic', `file://${bare}`, clone);
    expect((await resolve(clone, folder.path, { kind: 'local' })).base).toEqual({
      kind: 'commit',
      sha: main[1],
      role: 'merge base with the default branch of origin',
    });
    git(clone, 'remote', 'set-url', 'origin', `file://${join(folder.path, 'gone')}`);
    expect((await resolve(clone, folder.path, { kind: 'local' })).base).toEqual({
      kind: 'commit',
      sha: topic[2],
      role: 'merge base with origin/topic',
    });
  });

  test('origin/main is found on the remote where a clone of one branch does not have it', async () => {
    await using folder = temporaryFolder();
    const { bare, main } = createHistory(folder.path);
    const clone = join(folder.path, 'laptop');
    git(folder.path, 'clone', '--quiet', '--depth=1', '--branch=topic', `file://${bare}`, clone);
    const hint: BaseHint = { kind: 'commit', sha: 'origin/main', role: '--base origin/main' };
    const { base } = await resolve(clone, folder.path, hint, { demanded: true });
    expect(base).toEqual({ kind: 'commit', sha: main[4], role: '--base origin/main' });
  });

  test('an untracked file counts only where it is a model', async () => {
    await using folder = temporaryFolder();
    const { work, topic, main } = createHistory(folder.path);
    git(work, 'checkout', '--quiet', 'topic');
    git(work, 'branch', '--quiet', '--set-upstream-to=origin/main');
    writeFileSync(join(work, 'new.onnx'), 'model');
    expect((await resolve(work, folder.path, { kind: 'local' })).base).toEqual({
      kind: 'commit',
      sha: main[1],
      role: 'merge base with origin/main',
    });
    const asModel = await resolve(work, folder.path, { kind: 'local' }, { modelPaths: ['new.onnx'] });
    expect(asModel.base).toMatchObject({ kind: 'commit', sha: topic[2] });
  });

  test('a branch without a common ancestor says so', async () => {
    await using folder = temporaryFolder();
    const { work } = createHistory(folder.path);
    git(work, 'checkout', '--quiet', '--orphan', 'alone');
    commitFiles(work, { 'model.onnx': 'alone' });
    expect((await resolve(work, folder.path, { kind: 'local' })).base).toEqual({
      kind: 'none',
      reason: 'HEAD and origin/main have no common ancestor that could be found',
    });
  });

  test('a repository without remote is compared with the parent, and one without commits has no base', async () => {
    await using folder = temporaryFolder();
    const work = createClone(folder.path);
    expect((await resolve(work, folder.path, { kind: 'local' })).base).toMatchObject({ kind: 'none' });
    const first = commitFiles(work, { a: '1' });
    git(work, 'branch', '--quiet', '-m', 'trunk');
    commitFiles(work, { a: '2' });
    expect((await resolve(work, folder.path, { kind: 'local' })).base).toMatchObject({
      sha: first,
      role: 'parent of HEAD',
    });
  });
});

test('a remote that does not answer is the reason for having no base', async () => {
  await using folder = temporaryFolder();
  const { bare } = createHistory(folder.path);
  const clone = join(folder.path, 'ci');
  git(folder.path, 'clone', '--quiet', '--depth=1', `file://${bare}`, clone);
  git(clone, 'remote', 'set-url', 'origin', 'http://user:hunter22@127.0.0.1:1/x.git');
  const { base } = await resolve(clone, folder.path, { kind: 'commit', sha: 'b'.repeat(40), role: 'before' });
  expect(base).toMatchObject({ kind: 'none', reason: expect.stringContaining('127.0.0.1') });
  expect(JSON.stringify(base)).not.toContain('hunter22');
});

test('commits are related through a shallow history', async () => {
  await using folder = temporaryFolder();
  const { bare, main, topic } = createHistory(folder.path);
  const clone = join(folder.path, 'ci');
  git(folder.path, 'clone', '--quiet', '--depth=1', `file://${bare}`, clone);
  const repository = await openRepository(clone, { environment: testEnvironment(folder.path) });
  await using store = await openObjectStore({
    environment: repository.environment,
    remote: repository.remote,
    repository,
  });
  expect(await relateCommits(store, main[4]!, main[0]!)).toBe('newer');
  expect(await relateCommits(store, main[0]!, main[4]!)).toBe('older');
  expect(await relateCommits(store, main[3]!, topic[2]!)).toBe('diverged');
  expect(await relateCommits(store, 'c'.repeat(40), main[4]!)).toBe('unknown');
});
