import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tokenCredentials } from '../../src/git/credentials.ts';
import { blobPath } from '../../src/registry/layout.ts';
import { QuickServeError } from '../../src/shared/errors.ts';
import { startGitHttpServer } from '../support/git-http-server.ts';
import { registryBranch as branch, entryFor, plantFiles, registryAt } from '../support/git-registries.ts';
import { bytesOf, createBare, git, temporaryFolder } from '../support/git-repositories.ts';

async function failureOf(action: Promise<unknown>): Promise<QuickServeError> {
  const error = await action.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof QuickServeError) return error;
  throw new Error(`expected a QuickServeError, got ${String(error)}`);
}

describe('what is on the branch is never overwritten', () => {
  test.each([
    ['a malformed registry.json', { 'registry.json': '{"format": 1' }, 'REGISTRY_MALFORMED', 'registry.json'],
    ['a registry.json without format', { 'registry.json': '{}' }, 'REGISTRY_MALFORMED', 'registry.json'],
    ['a later format', { 'registry.json': '{"format": 2}' }, 'REGISTRY_FORMAT_UNKNOWN', 'format 2'],
    ['a branch that is something else', { 'index.html': 'hello' }, 'REGISTRY_MALFORMED', 'registry.json'],
    [
      'a malformed version',
      { 'registry.json': '{"format": 1}', 'models/digits/versions/1.0.0.json': '{"version": "1.0.0"}' },
      'REGISTRY_MALFORMED',
      'models/digits/versions/1.0.0.json',
    ],
    [
      'a file where a folder belongs',
      { 'registry.json': '{"format": 1}', models: 'not a folder' },
      'REGISTRY_MALFORMED',
      'models',
    ],
  ])('%s stops reading and writing, and says which file', async (_name, files, code, named) => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path);
    const tip = plantFiles(folder.path, bare, () => files);
    const registry = registryAt(folder.path, `file://${bare}`);
    const writing = await failureOf(registry.record([entryFor(folder.path, 'digits', bytesOf('a', 100))]));
    expect(writing).toMatchObject({ code });
    expect(writing.message).toContain(named);
    expect(git(bare, 'rev-parse', branch)).toBe(tip);
  });

  test('fields that a newer version added are tolerated', async () => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path);
    plantFiles(folder.path, bare, () => ({
      'registry.json': '{"format": 1, "later": {"x": 1}}',
      'later/file': 'x',
    }));
    const registry = registryAt(folder.path, `file://${bare}`);
    expect(await registry.record([entryFor(folder.path, 'digits', bytesOf('a', 100))])).toMatchObject([
      { new: true },
    ]);
    expect(git(bare, 'ls-tree', '-r', '--name-only', branch)).toContain('later/file');
  });

  test('bytes that are not what their name says are found when they are read', async () => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path);
    const registry = registryAt(folder.path, `file://${bare}`);
    await registry.record([entryFor(folder.path, 'digits', bytesOf('a', 100))]);
    const [version] = (await registry.read()).models.get('digits')!.versions;
    const path = blobPath(version!.sha256);
    plantFiles(folder.path, bare, () => ({ [path]: 'other bytes' }));
    expect(await failureOf(registry.readBytes(version!, folder.path))).toMatchObject({
      code: 'REGISTRY_MALFORMED',
    });
    plantFiles(folder.path, bare, () => ({ [path]: null }));
    const gone = await failureOf(registry.readBytes(version!, folder.path));
    expect(gone.code).toBe('VERSION_BYTES_GONE');
    expect(gone.message).toContain('is missing');
  });
});

test('a hook that declines is reported in its own words, and not tried again', async () => {
  await using folder = temporaryFolder();
  const bare = createBare(folder.path);
  const hook = join(bare, 'hooks/pre-receive');
  writeFileSync(hook, '#!/bin/sh\necho "no registry here, ask Grace" >&2\nexit 1\n');
  chmodSync(hook, 0o755);
  const error = await failureOf(
    registryAt(folder.path, `file://${bare}`).record([entryFor(folder.path, 'digits', bytesOf('a', 100))]),
  );
  expect(error.code).toBe('REGISTRY_WRITE_REFUSED');
  expect(error.message).toMatch(
    /^The remote file:.* a hook of the server declined it:\ngit says: .*ask Grace$/,
  );
});

test('a token that may read but not write is named as such, and shows in no message', async () => {
  await using folder = temporaryFolder();
  createBare(folder.path);
  await using server = await startGitHttpServer(folder.path, {
    basicAuth: 'x-access-token:s3cret-token',
    intercept: ({ url }) => (url.includes('git-receive-pack') ? 403 : null),
  });
  const url = `${server.url}/remote.git`;
  const registry = registryAt(folder.path, url, { credentials: tokenCredentials(url, 's3cret-token') });
  const error = await failureOf(registry.record([entryFor(folder.path, 'digits', bytesOf('a', 100))]));
  expect(error.code).toBe('REGISTRY_WRITE_REFUSED');
  expect(error.message).toContain(`The remote ${url} refuses pushes`);
  expect(error.message).toContain('permission to write is missing:\n');
  expect(error.hint).toContain('contents: write');
  expect(JSON.stringify(error)).not.toMatch(/s3cret|eC1hY2Nlc3M/);
});

test('a wrong token is a refusal, never an empty registry', async () => {
  await using folder = temporaryFolder();
  createBare(folder.path);
  await using server = await startGitHttpServer(folder.path, { basicAuth: 'x-access-token:right' });
  const url = `${server.url}/remote.git`;
  const registry = registryAt(folder.path, url, { credentials: tokenCredentials(url, 'wrong-token') });
  expect(await failureOf(registry.read())).toMatchObject({ code: 'REMOTE_REFUSED' });
  expect(
    await failureOf(registry.record([entryFor(folder.path, 'digits', bytesOf('a', 100))])),
  ).toMatchObject({
    code: 'REMOTE_REFUSED',
  });
});

test('a server that is down, and one that fails, are unreachable, never an empty registry', async () => {
  await using folder = temporaryFolder();
  createBare(folder.path);
  await using server = await startGitHttpServer(folder.path, { intercept: () => 502 });
  for (const url of [`${server.url}/remote.git`, 'http://127.0.0.1:1/remote.git']) {
    expect(await failureOf(registryAt(folder.path, url).read())).toMatchObject({
      code: 'REMOTE_UNREACHABLE',
    });
  }
});

test('a push that landed although its answer was lost is not written twice', async () => {
  await using folder = temporaryFolder();
  const bare = createBare(folder.path);
  let dropped = 0;
  await using server = await startGitHttpServer(folder.path, {
    dropAnswer: ({ method, url }) => {
      if (method !== 'POST' || !url.includes('git-receive-pack') || dropped > 0) return false;
      dropped += 1;
      return true;
    },
  });
  const registry = registryAt(folder.path, `${server.url}/remote.git`);
  const outcome = await registry.record([entryFor(folder.path, 'digits', bytesOf('a', 100))]);
  expect(dropped).toBe(1);
  expect(outcome).toMatchObject([{ version: '1.0.0', new: true }]);
  expect(git(bare, 'rev-list', '--count', branch)).toBe('1');
});

test('a lock that a crash left on the server is named after the patience is used up', async () => {
  await using folder = temporaryFolder();
  const bare = createBare(folder.path);
  const registry = registryAt(folder.path, `file://${bare}`, { patienceMs: 1500 });
  await registry.init();
  writeFileSync(join(bare, `refs/heads/${branch}.lock`), '');
  const error = await failureOf(registry.record([entryFor(folder.path, 'digits', bytesOf('a', 100))]));
  expect(error.code).toBe('REGISTRY_CONFLICT');
  expect(error.message).toMatch(/lock/);
});

test('throw-away stores are gone after success and after failure', async () => {
  await using folder = temporaryFolder();
  const bare = createBare(folder.path);
  await registryAt(folder.path, `file://${bare}`).record([
    entryFor(folder.path, 'digits', bytesOf('a', 100)),
  ]);
  await failureOf(registryAt(folder.path, `file://${folder.path}/nothing.git`).read());
  const temporary = join(folder.path, 'tmp');
  // The authorities that git is to trust are written once for a process, and go with it.
  const stores = readdirSync(temporary).filter(name => !existsSync(join(temporary, name, 'authorities.pem')));
  expect(stores).toEqual([]);
});
