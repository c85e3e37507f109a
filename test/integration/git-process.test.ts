import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { headersFor, tokenCredentials } from '../../src/git/credentials.ts';
import { runGit } from '../../src/git/git-process.ts';
import { ensureCommit } from '../../src/git/history.ts';
import { openObjectStore } from '../../src/git/object-store.ts';
import { openRepository } from '../../src/git/repository.ts';
import { startGitHttpServer } from '../support/git-http-server.ts';
import {
  bytesOf,
  commitFiles,
  createBare,
  createClone,
  git,
  temporaryFolder,
  testEnvironment,
} from '../support/git-repositories.ts';

const secret = 's3cret-token';

/** Argument lists of all processes of this machine. */
function argumentLists(): string {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      } catch {
        return '';
      }
    })
    .join('\n');
}

test.skipIf(process.platform !== 'linux')(
  'a token from the remote address reaches the server, but no argument list and no file of the store',
  async () => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path);
    const work = createClone(folder.path, 'work', `file://${bare}`);
    const first = commitFiles(work, { a: bytesOf('a', 1000) });
    commitFiles(work, { a: bytesOf('b', 1000) });
    git(work, 'push', '--quiet', 'origin', 'main');
    const seen: string[] = [];
    await using server = await startGitHttpServer(folder.path, {
      basicAuth: `gitlab-ci-token:${secret}`,
      intercept: () => {
        seen.push(argumentLists());
        return null;
      },
    });
    const clone = join(folder.path, 'ci');
    git(folder.path, 'clone', '--quiet', '--depth=1', `file://${bare}`, clone);
    git(
      clone,
      'remote',
      'set-url',
      'origin',
      `${server.url.replace('//', `//gitlab-ci-token:${secret}@`)}/remote.git`,
    );
    const repository = await openRepository(clone, { environment: testEnvironment(folder.path) });
    expect(repository.remote?.url).toBe(`${server.url}/remote.git`);
    await using store = await openObjectStore({
      environment: repository.environment,
      remote: repository.remote,
      repository,
    });

    expect(await ensureCommit(store, first)).toBe(true);

    expect(seen.length).toBeGreaterThan(1);
    expect(seen.join('\n')).toContain('fetch');
    const basic = Buffer.from(`gitlab-ci-token:${secret}`).toString('base64');
    for (const lists of seen) {
      expect(lists).not.toContain(secret);
      expect(lists).not.toContain(basic);
    }
    expect(readFileSync(join(store.gitDir, 'config'), 'utf8')).not.toMatch(/promisor|s3cret|http/);
  },
);

test('the header that a checkout stores in an included file is used, and gives way to an explicit token', async () => {
  await using folder = temporaryFolder();
  const bare = createBare(folder.path);
  const work = createClone(folder.path, 'work', `file://${bare}`);
  const first = commitFiles(work, { a: '1' });
  commitFiles(work, { a: '2' });
  git(work, 'push', '--quiet', 'origin', 'main');
  await using server = await startGitHttpServer(folder.path, { basicAuth: `x-access-token:${secret}` });
  const clone = join(folder.path, 'ci');
  git(folder.path, 'clone', '--quiet', '--depth=1', `file://${bare}`, clone);
  git(clone, 'remote', 'set-url', 'origin', `${server.url}/remote.git`);
  const included = join(folder.path, 'credentials.config');
  const store = async (login: string, token?: string): Promise<boolean> => {
    git(
      folder.path,
      'config',
      '--file',
      included,
      '--replace-all',
      `http.${server.url}/.extraheader`,
      `AUTHORIZATION: basic ${Buffer.from(login).toString('base64')}`,
    );
    git(clone, 'config', `includeIf.gitdir:${clone}/.git.path`, included);
    const repository = await openRepository(clone, {
      environment: testEnvironment(folder.path),
      ...(token === undefined ? {} : { token }),
    });
    await using objects = await openObjectStore({
      environment: repository.environment,
      remote: repository.remote,
      repository,
    });
    return await ensureCommit(objects, first);
  };
  expect(await store(`x-access-token:${secret}`)).toBe(true);
  await expect(store('x-access-token:old-token')).rejects.toMatchObject({ code: 'REMOTE_REFUSED' });
  expect(await store('x-access-token:old-token', secret)).toBe(true);
});

describe('failures', () => {
  test('a folder that is no repository is said to be none', async () => {
    await using folder = temporaryFolder();
    const environment = testEnvironment(folder.path, { GIT_CEILING_DIRECTORIES: folder.path });
    await expect(openRepository(folder.path, { environment })).rejects.toMatchObject({
      code: 'NOT_A_REPOSITORY',
    });
    await expect(openRepository(createBare(folder.path), { environment })).rejects.toMatchObject({
      code: 'NOT_A_REPOSITORY',
    });
  });

  test('a machine without git, and a folder that does not exist, are told apart', async () => {
    await using folder = temporaryFolder();
    const environment = testEnvironment(folder.path, { PATH: folder.path });
    const args = ['version'];
    await expect(runGit({ args, cwd: folder.path, environment })).rejects.toMatchObject({
      code: 'GIT_NOT_FOUND',
    });
    const gone = join(folder.path, 'gone');
    await expect(
      runGit({ args, cwd: gone, environment: testEnvironment(folder.path) }),
    ).rejects.toMatchObject({
      code: 'GIT_FAILED',
      message: expect.stringContaining('gone'),
    });
  });

  test('a git that hangs is stopped after the time limit, even where it ignores the signal', async () => {
    await using folder = temporaryFolder();
    const shim = join(folder.path, 'bin');
    mkdirSync(shim);
    writeFileSync(join(shim, 'git'), '#!/bin/sh\ntrap "" TERM\nsleep 600 &\nwait\nsleep 600\n');
    chmodSync(join(shim, 'git'), 0o755);
    const environment = testEnvironment(folder.path, { PATH: `${shim}:${process.env['PATH'] ?? ''}` });
    await expect(
      runGit({ args: ['fetch'], cwd: folder.path, environment, timeoutMs: 200 }),
    ).rejects.toMatchObject({
      code: 'REMOTE_UNREACHABLE',
      message: expect.stringContaining('did not end'),
    });
  });

  test('hooks of the user are not run by a push', async () => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path);
    const hooks = join(folder.path, 'hooks');
    mkdirSync(hooks);
    writeFileSync(join(hooks, 'pre-push'), `#!/bin/sh\ntouch ${folder.path}/ran\n`);
    chmodSync(join(hooks, 'pre-push'), 0o755);
    const config = join(folder.path, 'gitconfig');
    writeFileSync(config, `[core]\n\thooksPath = ${hooks}\n`);
    const environment = testEnvironment(folder.path, { GIT_CONFIG_GLOBAL: config });
    const work = createClone(folder.path, 'work', `file://${bare}`);
    commitFiles(work, { a: '1' });
    await runGit({ args: ['push', 'origin', 'main'], cwd: work, environment });
    expect(git(bare, 'rev-parse', 'main')).toBe(git(work, 'rev-parse', 'HEAD'));
    expect(readdirSync(folder.path)).not.toContain('ran');
  });
});

test('a token holds for its own host only', () => {
  const credentials = tokenCredentials('https://git.example.com/team/x.git', secret);
  expect(headersFor(credentials, 'https://git.example.com/other.git/info/lfs')).toHaveProperty(
    'authorization',
  );
  expect(headersFor(credentials, 'https://git.example.com.evil.net/team/x.git')).toEqual({});
  expect(headersFor(credentials, 'http://git.example.com/team/x.git')).toEqual({});
});
