import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ensureCommit } from '../../src/git/history.ts';
import { type LfsSource, openLfs } from '../../src/git/lfs.ts';
import { openObjectStore } from '../../src/git/object-store.ts';
import { openRepository, type Repository } from '../../src/git/repository.ts';
import { blobSizes, listFilesAtCommit, writeFileAtCommit } from '../../src/git/tree-files.ts';
import { workTreeFiles, workTreeStatus } from '../../src/git/work-tree.ts';
import {
  bytesOf,
  commitFiles,
  createBare,
  createClone,
  git,
  sha256,
  snapshot,
  temporaryFolder,
  testEnvironment,
} from '../support/git-repositories.ts';
import { startLfsServer } from '../support/lfs-server.ts';

const noWait = async (): Promise<void> => undefined;

function pointerFor(content: Buffer): string {
  return `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(content)}\nsize ${content.length}\n`;
}

async function writeAt(
  repository: Repository,
  commit: string,
  path: string,
  destination: string,
  lfs: LfsSource | null = null,
) {
  await using store = await openObjectStore({
    environment: repository.environment,
    remote: repository.remote,
    repository,
  });
  if (!(await ensureCommit(store, commit))) throw new Error(`no commit ${commit}`);
  const files = await listFilesAtCommit(store, commit);
  const before = await blobSizes(
    store,
    [...files.values()].map(({ blobId }) => blobId),
  );
  const written = await writeFileAtCommit(store, { files, path, destination, lfs });
  return { written, localBlobs: before.size };
}

describe.each([true, false])('bytes at a commit, server with filters: %s', filters => {
  test('a shallow clone gets exactly the file it asks for, and stays as it is', async () => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path, 'remote', { filters });
    const work = createClone(folder.path, 'work', `file://${bare}`);
    const old = bytesOf('old', 100_000);
    const first = commitFiles(work, { 'models/a.onnx': old, 'other.bin': bytesOf('other', 50_000) });
    commitFiles(work, { 'models/a.onnx': bytesOf('new', 100_000), 'other.bin': bytesOf('other2', 50_000) });
    git(work, 'push', '--quiet', 'origin', 'main');
    const clone = join(folder.path, 'ci');
    git(folder.path, 'clone', '--quiet', '--depth=1', `file://${bare}`, clone);
    const before = snapshot(clone);
    const repository = await openRepository(clone, { environment: testEnvironment(folder.path) });
    const destination = join(folder.path, 'out/a.onnx');

    const { written, localBlobs } = await writeAt(repository, first, 'models/a.onnx', destination);

    expect(written).toMatchObject({ kind: 'written', sizeBytes: 100_000, sha256: sha256(old), lfsOid: null });
    expect(readFileSync(destination)).toEqual(old);
    expect(localBlobs).toBe(filters ? 0 : 2);
    expect(readdirSync(dirname(destination))).toEqual(['a.onnx']);
    expect(snapshot(clone)).toEqual(before);
  });
});

test('a path that the commit does not have is absent, a link is followed inside the tree only', async () => {
  await using folder = temporaryFolder();
  const work = createClone(folder.path);
  mkdirSync(join(work, 'links'));
  symlinkSync('../models/a b.onnx', join(work, 'links/good.onnx'));
  symlinkSync('../../../etc/passwd', join(work, 'links/bad.onnx'));
  symlinkSync('loop.onnx', join(work, 'links/loop.onnx'));
  const commit = commitFiles(work, { 'models/a b.onnx': 'model' });
  const repository = await openRepository(join(work, 'models'), {
    environment: testEnvironment(folder.path),
  });
  const out = join(folder.path, 'out');
  expect((await writeAt(repository, commit, 'none.onnx', out)).written).toEqual({ kind: 'absent' });
  expect((await writeAt(repository, commit, 'links/bad.onnx', out)).written).toEqual({ kind: 'absent' });
  expect((await writeAt(repository, commit, 'links/loop.onnx', out)).written).toEqual({ kind: 'absent' });
  expect(existsSync(out)).toBe(false);
  await writeAt(repository, commit, 'links/good.onnx', out);
  expect(readFileSync(out, 'utf8')).toBe('model');
});

describe('Git LFS objects', () => {
  async function createLfsHistory(folder: string, remoteUrl: string) {
    const content = bytesOf('weights', 300_000);
    const work = createClone(folder, 'work', remoteUrl);
    const commit = commitFiles(work, { 'models/big.onnx': pointerFor(content) });
    const repository = await openRepository(work, { environment: testEnvironment(folder) });
    const lfs = await openLfs(repository, { cacheFolder: join(folder, 'cache'), sleep: noWait });
    const destination = join(folder, 'out/big.onnx');
    const write = async () =>
      (await writeAt(repository, commit, 'models/big.onnx', destination, lfs)).written;
    return { content, work, commit, repository, lfs, destination, write };
  }
  const addressWith = (url: string, login: string): string => url.replace('http://', `http://${login}@`);

  test('come through the batch API once, then from the cache', async () => {
    await using folder = temporaryFolder();
    await using server = await startLfsServer({ basicAuth: 'ci:s3cret-token' });
    const { content, destination, write } = await createLfsHistory(
      folder.path,
      addressWith(server.url, 'ci:s3cret-token'),
    );
    server.objects.set(sha256(content), content);

    expect(await write()).toMatchObject({
      kind: 'written',
      sizeBytes: 300_000,
      sha256: sha256(content),
      lfsOid: sha256(content),
    });
    expect(readFileSync(destination)).toEqual(content);
    const count = server.requests.length;
    expect(count).toBe(2);
    await write();
    expect(server.requests).toHaveLength(count);
  });

  test('come from the clone itself without a request', async () => {
    await using folder = temporaryFolder();
    await using server = await startLfsServer();
    const { content, work, destination, write } = await createLfsHistory(folder.path, server.url);
    const oid = sha256(content);
    const own = join(work, '.git/lfs/objects', oid.slice(0, 2), oid.slice(2, 4), oid);
    mkdirSync(dirname(own), { recursive: true });
    writeFileSync(own, content);
    await write();
    expect(readFileSync(destination)).toEqual(content);
    expect(server.requests).toEqual([]);
  });

  test('are named with oid and path where the server does not have them', async () => {
    await using folder = temporaryFolder();
    await using server = await startLfsServer();
    const { content, write } = await createLfsHistory(folder.path, server.url);
    await expect(write()).rejects.toMatchObject({
      code: 'LFS_OBJECT_UNAVAILABLE',
      message: expect.stringMatching(new RegExp(`${sha256(content)}.*models/big\\.onnx.*does not exist`)),
    });
  });

  test('with other bytes than their oid are refused and not kept', async () => {
    await using folder = temporaryFolder();
    await using server = await startLfsServer();
    const { content, write, lfs } = await createLfsHistory(folder.path, server.url);
    for (const wrong of [
      bytesOf('other', content.length),
      content.subarray(1),
      Buffer.concat([content, content]),
    ]) {
      server.objects.set(sha256(content), wrong);
      await expect(write()).rejects.toMatchObject({ code: 'LFS_OBJECT_UNAVAILABLE' });
    }
    const kept = readdirSync(lfs.cacheFolder, { recursive: true, withFileTypes: true });
    expect(kept.filter(entry => entry.isFile())).toEqual([]);
  });

  test('survive a server error and a dropped connection', async () => {
    await using folder = temporaryFolder();
    await using server = await startLfsServer({
      fault: (path, count) =>
        path.endsWith('batch') && count === 1
          ? 503
          : path.startsWith('/storage') && count === 1
            ? 'drop'
            : undefined,
    });
    const { content, destination, write } = await createLfsHistory(folder.path, server.url);
    server.objects.set(sha256(content), content);
    await write();
    expect(readFileSync(destination)).toEqual(content);
  });

  test.each([true, false])(
    'go on where they stopped, after a cut and in the next run, where the server sends parts: %s',
    async ranges => {
      await using folder = temporaryFolder();
      let isBroken = true;
      const incomplete = join(folder.path, 'cache/incomplete');
      const partialSizes: number[] = [];
      await using server = await startLfsServer({
        ranges,
        fault: path => {
          if (!path.startsWith('/storage')) return undefined;
          partialSizes.push(...readdirSync(incomplete).map(name => statSync(join(incomplete, name)).size));
          return isBroken ? 'drop' : undefined;
        },
      });
      const { content, destination, write } = await createLfsHistory(folder.path, server.url);
      server.objects.set(sha256(content), content);
      await expect(write()).rejects.toMatchObject({ code: 'LFS_OBJECT_UNAVAILABLE' });
      expect(existsSync(destination)).toBe(false);
      const starts = () =>
        server.requests.filter(({ path }) => path.startsWith('/storage')).map(({ start }) => start);
      const [none, first, second] = partialSizes as [number, number, number];
      expect(none).toBe(0);
      expect(first).toBeGreaterThan(0);
      expect(second).toBeGreaterThan(ranges ? first : 0);
      expect(starts()).toEqual(ranges ? [0, first, second] : [0, 0, 0]);
      // What this run leaves is that of a process that ended long ago.
      const [left] = readdirSync(incomplete);
      const old = join(incomplete, left!.replace(/\.\d+-\d+\.part$/, `.${2 ** 30}-1.part`));
      renameSync(join(incomplete, left!), old);
      utimesSync(old, new Date(Date.now() - 60_000), new Date(Date.now() - 60_000));
      isBroken = false;
      await write();
      expect(readFileSync(destination)).toEqual(content);
      expect(partialSizes).toHaveLength(4);
      expect(partialSizes.at(-1)).toBeGreaterThan(ranges ? second : 0);
      expect(starts().at(-1)).toBe(ranges ? partialSizes.at(-1) : 0);
      expect(readdirSync(incomplete)).toEqual([]);
    },
  );

  test('begin anew where what an earlier run left is not the beginning of the object', async () => {
    await using folder = temporaryFolder();
    await using server = await startLfsServer();
    const { content, destination, write, lfs } = await createLfsHistory(folder.path, server.url);
    server.objects.set(sha256(content), content);
    const incomplete = join(lfs.cacheFolder, 'incomplete');
    mkdirSync(incomplete, { recursive: true });
    const left = join(incomplete, `${sha256(content)}.${2 ** 30}-1.part`);
    writeFileSync(left, bytesOf('something else', 1000));
    utimesSync(left, new Date(0), new Date(0));
    await write();
    expect(readFileSync(destination)).toEqual(content);
    expect(server.requests.map(({ start }) => start)).toEqual([0, 1000, 0]);
  });

  test('are refused to a wrong token, which shows in no message', async () => {
    await using folder = temporaryFolder();
    await using server = await startLfsServer({ basicAuth: 'ci:right' });
    const { content, write } = await createLfsHistory(folder.path, addressWith(server.url, 'ci:wr0ng-token'));
    server.objects.set(sha256(content), content);
    const error = await write().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'LFS_OBJECT_UNAVAILABLE', hint: expect.stringContaining('token') });
    expect(JSON.stringify(error)).not.toContain('wr0ng-token');
  });

  test('of another storage host get that host only what the action names, not the token', async () => {
    await using folder = temporaryFolder();
    await using storage = await startLfsServer();
    await using server = await startLfsServer({
      basicAuth: 'ci:s3cret-token',
      storageUrl: new URL(storage.url).origin,
    });
    const { content, write } = await createLfsHistory(
      folder.path,
      addressWith(server.url, 'ci:s3cret-token'),
    );
    server.objects.set(sha256(content), content);
    storage.objects.set(sha256(content), content);
    await write();
    expect(storage.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  test('are found at the address that .lfsconfig names, with the credentials of a helper', async () => {
    await using folder = temporaryFolder();
    await using server = await startLfsServer({ basicAuth: 'ci:s3cret-token' });
    const { content, work } = await createLfsHistory(
      folder.path,
      'https://git.example.invalid/team/models.git',
    );
    server.objects.set(sha256(content), content);
    const commit = commitFiles(work, { '.lfsconfig': `[lfs]\n\turl = ${server.url}/info/lfs\n` });
    git(work, 'config', 'credential.helper', '!f() { echo username=ci; echo password=s3cret-token; }; f');
    const repository = await openRepository(work, { environment: testEnvironment(folder.path) });
    const lfs = await openLfs(repository, { cacheFolder: join(folder.path, 'cache'), sleep: noWait });
    const destination = join(folder.path, 'out/big.onnx');
    await writeAt(repository, commit, 'models/big.onnx', destination, lfs);
    expect(readFileSync(destination)).toEqual(content);
  });

  test('of an ssh remote need git-lfs, and the error says so', async () => {
    await using folder = temporaryFolder();
    const { write } = await createLfsHistory(folder.path, 'git@git.example.invalid:team/models.git');
    await expect(write()).rejects.toMatchObject({
      code: 'LFS_OBJECT_UNAVAILABLE',
      hint: expect.stringContaining('git-lfs'),
    });
  });

  test('of a remote on the same disk are read from it', async () => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path);
    const { content, destination, write } = await createLfsHistory(folder.path, bare);
    const oid = sha256(content);
    const stored = join(bare, 'lfs/objects', oid.slice(0, 2), oid.slice(2, 4), oid);
    mkdirSync(dirname(stored), { recursive: true });
    writeFileSync(stored, content);
    await write();
    expect(readFileSync(destination)).toEqual(content);
  });
});

describe('the work tree', () => {
  test('gives blob ids for clean files and none for changed, new and touched ones; ignored files are left out', async () => {
    await using folder = temporaryFolder();
    const work = createClone(folder.path);
    commitFiles(work, {
      'clean.onnx': 'clean',
      'changed ü.onnx': 'a',
      'gone.onnx': 'b',
      'touched.onnx': 'c',
      '.gitignore': '*.log\n',
    });
    writeFileSync(join(work, 'changed ü.onnx'), 'A');
    writeFileSync(join(work, 'new.onnx'), 'n');
    writeFileSync(join(work, 'x.log'), 'n');
    utimesSync(join(work, 'touched.onnx'), 1, 1);
    git(work, 'rm', '--quiet', 'gone.onnx');
    const before = snapshot(work);
    const repository = await openRepository(work, { environment: testEnvironment(folder.path) });

    const files = await workTreeFiles(repository);

    expect(Object.fromEntries(files)).toEqual({
      '.gitignore': git(work, 'rev-parse', 'HEAD:.gitignore'),
      'changed ü.onnx': null,
      'clean.onnx': git(work, 'rev-parse', 'HEAD:clean.onnx'),
      'new.onnx': null,
      'touched.onnx': git(work, 'rev-parse', 'HEAD:touched.onnx'),
    });
    expect(snapshot(work)).toEqual(before);
  });

  test('is read under the environments that self-hosted runners have', async () => {
    await using folder = temporaryFolder();
    const work = createClone(folder.path);
    commitFiles(work, { a: '1' });
    const environment = testEnvironment(folder.path, {
      EDITOR: 'vi',
      PAGER: 'less',
      GIT_SSH_COMMAND: 'ssh -v',
      GIT_SSL_CAINFO: '/etc/ssl/ca.pem',
      GIT_DIR: '/nowhere',
      GIT_TRACE: '1',
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: 'url.https://example.com/.insteadOf',
      GIT_CONFIG_VALUE_0: 'gh:',
      GIT_CONFIG_KEY_1: 'core.sshCommand',
      GIT_CONFIG_VALUE_1: 'ssh',
    });
    const status = await workTreeStatus(await openRepository(work, { environment }));
    expect(status.changed.size + status.untracked.size).toBe(0);
  });

  test('without any commit lists what is there', async () => {
    await using folder = temporaryFolder();
    const work = createClone(folder.path);
    writeFileSync(join(work, 'staged.onnx'), 's');
    git(work, 'add', 'staged.onnx');
    writeFileSync(join(work, 'new.onnx'), 'n');
    const repository = await openRepository(work, { environment: testEnvironment(folder.path) });
    expect(repository.headSha).toBeNull();
    expect(Object.fromEntries(await workTreeFiles(repository))).toEqual({
      'new.onnx': null,
      'staged.onnx': null,
    });
  });

  test('leaves out what a sparse checkout does not have', async () => {
    await using folder = temporaryFolder();
    const work = createClone(folder.path);
    commitFiles(work, { 'in/a': '1', 'out/b': '2' });
    git(work, 'sparse-checkout', 'set', 'in');
    const repository = await openRepository(work, { environment: testEnvironment(folder.path) });
    expect([...(await workTreeFiles(repository)).keys()]).toEqual(['in/a']);
  });
});
