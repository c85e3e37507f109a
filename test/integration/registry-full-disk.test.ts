import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openLfs, writeLfsObject } from '../../src/git/lfs.ts';
import { openRepository } from '../../src/git/repository.ts';
import { backUpRegistry } from '../../src/registry/backup.ts';
import { verifyRegistry } from '../../src/registry/verification.ts';
import { QuickServeError } from '../../src/shared/errors.ts';
import { startGitHttpServer } from '../support/git-http-server.ts';
import { entryFor, registryAt } from '../support/git-registries.ts';
import {
  bytesOf,
  commitFiles,
  createBare,
  createClone,
  git,
  sha256,
  temporaryFolder,
  testEnvironment,
} from '../support/git-repositories.ts';
import { startLfsServer } from '../support/lfs-server.ts';
import { lacks } from '../support/requirements.ts';
import { mountSmallDisk } from '../support/small-disk.ts';

const branch = 'quickserveml';

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(({ name }) => name);

async function failureOf(action: Promise<unknown>): Promise<QuickServeError> {
  const error = await action.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof QuickServeError) return error;
  throw new Error(`expected a QuickServeError, got ${String(error)}`);
}

describe.skipIf(lacks('small-disk'))('a full disk', () => {
  test.each([
    ['under the temporary folder, before anything was fetched', 0],
    ['under the temporary folder, when the model is written', 100_000],
  ])(
    '%s: the message says which folder, the remote is whole, and the next run goes on',
    async (_name, free) => {
      await using folder = temporaryFolder();
      const bare = createBare(folder.path);
      const url = `file://${bare}`;
      await registryAt(folder.path, url).record([entryFor(folder.path, 'digits', bytesOf('a', 1000))]);
      const tip = git(bare, 'rev-parse', branch);
      const small = join(folder.path, 'small');
      using _disk = mountSmallDisk(small, 200_000);
      writeFileSync(join(small, 'filler'), Buffer.alloc(196_608 - free - (free % 4096)));
      const environment = { ...testEnvironment(folder.path), temporaryFolder: small };
      const registry = registryAt(folder.path, url, { environment });
      const entry = entryFor(folder.path, 'digits', bytesOf('b', 400_000));
      const error = await failureOf(registry.record([entry]));
      expect(error).toMatchObject({ code: 'OUTPUT_UNWRITABLE', hint: expect.stringContaining('TMPDIR') });
      expect(error.message).toMatch(/no space left/i);
      expect(error.message).toContain(small);
      expect(git(bare, 'rev-parse', branch)).toBe(tip);
      git(bare, 'fsck', '--strict', '--full');
      expect(readdirSync(small)).toEqual(['filler']);
      const again = await registryAt(folder.path, url).record([entry]);
      expect(again).toMatchObject([{ version: '1.1.0', new: true }]);
    },
  );

  test('of the server is named as the server’s, over file and HTTP, and what is there stays whole', {
    timeout: 60_000,
  }, async () => {
    await using folder = temporaryFolder();
    const served = join(folder.path, 'served');
    using _disk = mountSmallDisk(served, 600_000);
    const bare = createBare(served);
    await using server = await startGitHttpServer(served);
    const url = `${server.url}/remote.git`;
    await registryAt(folder.path, url).record([entryFor(folder.path, 'digits', bytesOf('a', 1000))]);
    const tip = git(bare, 'rev-parse', branch);
    for (const address of [url, `file://${bare}`]) {
      const entry = entryFor(folder.path, 'digits', bytesOf('b', 900_000));
      const error = await failureOf(registryAt(folder.path, address).record([entry]));
      expect(error).toMatchObject({ code: 'REGISTRY_WRITE_REFUSED' });
      expect(error.hint).toMatch(/server/);
      expect(error.hint).toMatch(/full|quota/);
      expect(git(bare, 'rev-parse', branch)).toBe(tip);
    }
    const registry = registryAt(folder.path, url);
    await registry.record([entryFor(folder.path, 'digits', bytesOf('c', 2000))]);
    expect((await verifyRegistry(registry.access, { bytes: true })).defects).toEqual([]);
  });

  test('under the cache costs a download, nothing more: what is read is right, and the cache stays usable', async () => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path);
    const url = `file://${bare}`;
    await registryAt(folder.path, url).record([entryFor(folder.path, 'digits', bytesOf('a', 1000))]);
    const small = join(folder.path, 'small');
    using _disk = mountSmallDisk(small, 196_608);
    const filler = join(small, 'filler');
    writeFileSync(filler, Buffer.alloc(196_608));
    const cached = registryAt(folder.path, url, { cacheFolder: small });
    expect([...(await cached.read()).models.keys()]).toEqual(['digits']);
    expect(filesIn(small)).toEqual(['filler']);
    rmSync(filler);
    expect([...(await cached.read()).models.keys()]).toEqual(['digits']);
    expect(filesIn(small).length).toBeGreaterThan(0);
    expect(filesIn(small).every(name => name.endsWith('.json'))).toBe(true);
  });

  test('under the cache of Git LFS objects, or where one is to go, is told apart from a server without it', async () => {
    await using folder = temporaryFolder();
    await using server = await startLfsServer();
    const bytes = bytesOf('a', 400_000);
    const oid = sha256(bytes);
    server.objects.set(oid, bytes);
    const work = createClone(folder.path, 'work', `file://${createBare(folder.path)}`);
    commitFiles(work, { '.lfsconfig': `[lfs]\n\turl = ${server.url}/info/lfs\n` });
    const repository = await openRepository(work, { environment: testEnvironment(folder.path) });
    const small = join(folder.path, 'small');
    using _disk = mountSmallDisk(small, 200_000);
    const wanted = { oid, sizeBytes: bytes.length, path: 'model.onnx' };
    const open = (cacheFolder: string) => openLfs(repository, { cacheFolder, sleep: async () => undefined });
    const roomy = join(folder.path, 'roomy');
    await writeLfsObject(await open(small), wanted, join(roomy, 'one.onnx'));
    expect(sha256(readFileSync(join(roomy, 'one.onnx')))).toBe(oid);
    expect(filesIn(small).filter(name => name.includes(oid))).toEqual([]);
    const cacheFolder = join(roomy, 'cache');
    for (let run = 0; run < 2; run += 1) {
      // The second time it is in the cache, which must stay.
      const error = await failureOf(
        writeLfsObject(await open(cacheFolder), wanted, join(small, 'out', 'two.onnx')),
      );
      expect(error.code).toBe('OUTPUT_UNWRITABLE');
      expect(error.message).toContain(join(small, 'out', 'two.onnx'));
      expect(filesIn(small).filter(name => /two/.test(name))).toEqual([]);
    }
    const asked = server.requests.length;
    await writeLfsObject(await open(cacheFolder), wanted, join(roomy, 'two.onnx'));
    expect(sha256(readFileSync(join(roomy, 'two.onnx')))).toBe(oid);
    expect(server.requests).toHaveLength(asked);
  });

  test('where a model or a backup is to go leaves no half of it there', async () => {
    await using folder = temporaryFolder();
    const bare = createBare(folder.path);
    const registry = registryAt(folder.path, `file://${bare}`);
    const bytes = bytesOf('a', 400_000);
    await registry.record([entryFor(folder.path, 'digits', bytes)]);
    const [version] = (await registry.read()).models.get('digits')!.versions;
    const small = join(folder.path, 'small');
    using _disk = mountSmallDisk(small, 200_000);
    for (const action of [
      () => registry.readBytes(version!, small),
      () => backUpRegistry(registry.access, small),
    ]) {
      const error = await failureOf(action());
      expect(`${error.code} ${error.message}`).toContain('OUTPUT_UNWRITABLE');
      expect(error.message).toMatch(/no space left|ENOSPC|out of diskspace/i);
      expect(error.message).toContain(small);
    }
    expect(readdirSync(small)).toEqual([]);
    const roomy = join(folder.path, 'roomy');
    const file = await registry.readBytes(version!, roomy);
    expect(sha256(readFileSync(file!))).toBe(sha256(bytes));
    expect(existsSync(join(roomy, 'model.onnx'))).toBe(true);
  });
});
