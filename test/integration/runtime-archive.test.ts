import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findRuntime, type RuntimeOptions } from '../../src/runtime/installer.ts';
import { probeRuntime } from '../../src/runtime/launcher.ts';
import { PLATFORMS } from '../../src/runtime/pinned-files.ts';
import { loadRuntime, saveRuntime } from '../../src/runtime/runtime-archive.ts';
import { PINNED_RUNTIME_VERSION } from '../../src/runtime/runtime-location.ts';
import { lacks, projectRoot } from '../support/requirements.ts';
import { workerOptions } from '../support/runtime.ts';

const own = `${process.platform}/${process.arch}`;

describe.skipIf(lacks('runtime'))('an archive of the runtime', () => {
  let folder: string;
  let archive: string;
  let saved: { readonly sha256: string; readonly sizeBytes: number };
  let count = 0;

  const options = (searchFolders: readonly string[]): RuntimeOptions => {
    count += 1;
    return {
      runtimePath: null,
      version: PINNED_RUNTIME_VERSION,
      searchFolders,
      cacheFolder: join(folder, `cache-${count}`),
      // An address where nobody listens: whatever is not here already fails.
      environment: { npm_config_registry: 'http://127.0.0.1:9/' },
      cwd: folder,
      home: folder,
      platform: process.platform,
      arch: process.arch,
    };
  };
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'runtime-archive-test-'));
    archive = join(folder, 'runtime.tar');
    saved = await saveRuntime(options([projectRoot]), [own], archive);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is what its digest says, and the same bytes from a package and from the cache', async () => {
    expect(createHash('sha256').update(readFileSync(archive)).digest('hex')).toBe(saved.sha256);
    const there = options([]);
    await loadRuntime(there, PLATFORMS, archive);
    const again = join(folder, 'again.tar');
    expect(await saveRuntime(there, [own], again)).toEqual(saved);
    expect(readFileSync(again).equals(readFileSync(archive))).toBe(true);
  });

  it('brings the runtime to a machine that has no package and no registry, gzipped too, and it runs', async () => {
    const zipped = `${archive}.gz`;
    writeFileSync(zipped, gzipSync(readFileSync(archive), { level: 1 }));
    const there = options([]);
    expect(await findRuntime(there)).toBeNull();
    const loaded = await loadRuntime(there, PLATFORMS, zipped);
    expect(loaded.map(({ platform }) => platform)).toEqual([own]);
    const location = await findRuntime(there);
    expect(location).toMatchObject({ origin: 'cache', pinned: true, version: PINNED_RUNTIME_VERSION });
    await expect(probeRuntime({ ...workerOptions, runtime: location! })).resolves.toBeDefined();
  });

  it('is refused with one changed byte, cut short, or of nothing, and leaves nothing in the cache', async () => {
    const bytes = readFileSync(archive);
    const changed = Buffer.from(bytes);
    const at = Math.floor(bytes.length / 2);
    changed[at] = (changed[at] ?? 0) ^ 1;
    const empty = pack();
    empty.entry({ name: 'README.md' }, 'nothing');
    empty.finalize();
    for (const broken of [
      changed,
      bytes.subarray(0, bytes.length / 2),
      await buffer(empty),
      Buffer.from('no tar'),
    ]) {
      const path = join(folder, 'broken.tar');
      writeFileSync(path, broken);
      const there = options([]);
      await expect(loadRuntime(there, PLATFORMS, path)).rejects.toMatchObject({
        code: 'RUNTIME_ARCHIVE_INVALID',
      });
      expect(readdirSync(join(there.cacheFolder, 'runtime'))).toEqual([]);
      expect(await findRuntime(there)).toBeNull();
    }
  });

  it('that is not there is said as such', async () => {
    await expect(loadRuntime(options([]), PLATFORMS, join(folder, 'none.tar'))).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
    });
  });

  it('writes nothing but what this release knows, wherever an entry points', async () => {
    const hostile = pack();
    hostile.entry({ name: '../../escaped.js' }, 'escaped');
    hostile.entry({ name: 'onnxruntime-node/dist/extra.js' }, 'extra');
    hostile.entry({ name: 'onnxruntime-node/package.json', type: 'symlink', linkname: '/etc/passwd' });
    hostile.finalize();
    const path = join(folder, 'hostile.tar');
    writeFileSync(path, await buffer(hostile));
    const there = options([]);
    await expect(loadRuntime(there, PLATFORMS, path)).rejects.toMatchObject({
      code: 'RUNTIME_ARCHIVE_INVALID',
    });
    expect(existsSync(join(folder, 'escaped.js'))).toBe(false);
    expect(readdirSync(join(there.cacheFolder, 'runtime'))).toEqual([]);
  });
});
