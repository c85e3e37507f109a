import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compressTar } from '../../../src/container/image/code-gzip.ts';
import { openFactsCache } from '../../../src/container/image/facts-cache.ts';
import { compressedLayer, pinnedLayer, storedLayer } from '../../../src/container/image/layer.ts';
import {
  measureStoredGzip,
  readStoredGzip,
  storedGzipSize,
} from '../../../src/container/image/stored-gzip.ts';
import { foldersTo, layOutTar, readTar, type TarEntry } from '../../../src/container/image/tar.ts';
import { collect } from '../../support/base-images.ts';
import { bytesOf } from '../../support/git-repositories.ts';

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const file = (path: string, bytes: Uint8Array): TarEntry => ({
  kind: 'file',
  path,
  mode: 0o644,
  content: { kind: 'bytes', bytes },
});
const whole = (archive: ReturnType<typeof layOutTar>): Promise<Buffer> =>
  collect(readTar(archive, 0, archive.sizeBytes, 10_000));

const code = Buffer.from(
  Array.from({ length: 60_000 }, (_, index) => `export const x${index} = ${index * 7919};\n`).join(''),
);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'quickserveml-layers-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a tar archive', () => {
  const long = `models/${'deep/'.repeat(60)}model.onnx`;
  const paths = ['app/serve.js', `models/${'n'.repeat(95)}/model.onnx`, long, 'models/größe/モデル.onnx'];

  test('is read back by another reader: long and foreign names, folders, sizes, owner and time', async () => {
    const contents = new Map(paths.map((path, index) => [path, bytesOf(path, index * 700)]));
    const archive = layOutTar([
      ...foldersTo(paths),
      ...[...contents].map(([path, bytes]) => file(path, bytes)),
    ]);
    const bytes = await whole(archive);
    expect(bytes.length).toBe(archive.sizeBytes);
    const unpacking = extract();
    unpacking.end(bytes);
    const found = new Map<string, Buffer>();
    for await (const entry of unpacking) {
      expect(entry.header).toMatchObject({ uid: 0, gid: 0, uname: '', mtime: new Date(0) });
      const content = await collect(entry as AsyncIterable<Uint8Array>);
      if (entry.header.type === 'file') found.set(entry.header.name, content);
    }
    expect(found).toEqual(contents);
  });

  test('can be read from any byte to any other, files of the disk included', async () => {
    const path = join(folder, 'weights');
    writeFileSync(path, bytesOf('weights', 100_000));
    const archive = layOutTar([
      file('a', bytesOf('a', 1000)),
      { kind: 'file', path: 'b', mode: 0o644, content: { kind: 'file', file: path, sizeBytes: 100_000 } },
    ]);
    const bytes = await whole(archive);
    for (const [start, end] of [
      [0, 1],
      [511, 513],
      [1500, 60_000],
      [90_000, archive.sizeBytes],
    ] as const) {
      const part = await collect(readTar(archive, start, end, 7000));
      expect(part.equals(bytes.subarray(start, end))).toBe(true);
    }
  });

  test('says it where a file has become shorter', async () => {
    const path = join(folder, 'shrinking');
    writeFileSync(path, 'short');
    const archive = layOutTar([
      { kind: 'file', path: 'b', mode: 0o644, content: { kind: 'file', file: path, sizeBytes: 100 } },
    ]);
    await expect(whole(archive)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  });

  test('writes sizes over 8 GiB as the pax format has it', () => {
    const sizeBytes = 9 * 2 ** 30;
    const open = async function* () {};
    const archive = layOutTar([
      { kind: 'file', path: 'huge', mode: 0o644, content: { kind: 'stream', sizeBytes, open } },
    ]);
    const [header] = archive.segments;
    expect(header?.content).toMatchObject({ kind: 'bytes' });
    const text = header?.content.kind === 'bytes' ? Buffer.from(header.content.bytes).toString('latin1') : '';
    expect(text).toContain(`19 size=${sizeBytes}\n`);
  });
});

describe('a stored gzip stream', () => {
  test.each([1, 511, 65_535 - 1536, 65_535, 65_536, 4 * 65_535 - 1536, 700_000])(
    'of %i bytes unpacks to the archive, is as long as was said, and can be made from any byte on',
    async sizeBytes => {
      const archive = layOutTar([file('weights', bytesOf('w', sizeBytes))]);
      const facts = await measureStoredGzip(archive);
      const bytes = await collect(readStoredGzip(archive, facts.crc, 0, facts.sizeBytes));
      const tar = await whole(archive);
      expect(gunzipSync(bytes).equals(tar)).toBe(true);
      expect(bytes.length).toBe(storedGzipSize(archive.sizeBytes));
      expect(facts).toMatchObject({ digest: sha256(bytes), diffId: sha256(tar), sizeBytes: bytes.length });
      const { length } = bytes;
      for (const [start, end] of [
        [0, 10],
        [5, 12],
        [length - 9, length],
        [length - 8, length - 3],
        [length >> 1, length],
      ]) {
        const part = await collect(readStoredGzip(archive, facts.crc, start!, end!));
        expect(part.equals(bytes.subarray(start, end))).toBe(true);
      }
    },
  );

  test('is measured the same by two threads as by one', async () => {
    const archive = layOutTar([file('weights', Buffer.alloc(40_000_000, 'weights'))]);
    const facts = await measureStoredGzip(archive);
    const bytes = await collect(readStoredGzip(archive, facts.crc, 0, facts.sizeBytes));
    expect(facts.digest).toBe(sha256(bytes));
    const tar = gunzipSync(bytes);
    expect(facts.diffId).toBe(sha256(tar));
    expect(facts.crc).toBe(crc32(tar));
  });

  test('has these very bytes on every machine', async () => {
    const facts = await measureStoredGzip(
      layOutTar([file('models/a/model.onnx', bytesOf('golden', 200_000))]),
    );
    expect(facts.digest).toBe('sha256:2d7a63ef629d78cd58676bf81845b23edbc78923c0db6dfdc666497c9499282c');
  });
});

describe('compressed code', () => {
  test.each([10, 1024 * 1024 - 1536, 1024 * 1024, code.length])(
    'of %i bytes unpacks to the archive',
    async sizeBytes => {
      const archive = layOutTar([file('app/serve.js', code.subarray(0, sizeBytes))]);
      const bytes = await collect(compressTar(archive));
      expect(gunzipSync(bytes).equals(await whole(archive))).toBe(true);
    },
  );

  test('has these very bytes on every Node, zlib and processor', async () => {
    expect(code.length).toBeGreaterThan(1024 * 1024);
    const bytes = await collect(compressTar(layOutTar([file('app/serve.js', code)])));
    expect(bytes.length).toBeLessThan(code.length / 3);
    expect(sha256(bytes)).toBe('sha256:737475972b5f3876f1616b69a3b2fd3c5259b6f216c4313c7b47f1677cc96a5c');
  });

  test('is taken from the cache only where it unpacks to the same', async () => {
    const cache = join(folder, 'layers');
    const entries = [file('app/serve.js', code)];
    const first = await compressedLayer(entries, 'code', cache);
    const kept = join(cache, `${first.diffId.slice(7)}.tar.gz`);
    const { mtimeMs } = statSync(kept);
    const second = await compressedLayer(entries, 'code', cache);
    expect(second.descriptor).toEqual(first.descriptor);
    expect(statSync(kept).mtimeMs).toBe(mtimeMs);
    writeFileSync(kept, 'something else');
    const third = await compressedLayer(entries, 'code', cache);
    expect(third.descriptor).toEqual(first.descriptor);
    expect(sha256(await collect(third.open(0, third.descriptor.size)))).toBe(first.descriptor.digest);
  });
});

describe('a layer whose digest is known beforehand', () => {
  const entries = [file('app/runtime.so', code.subarray(0, 50_000))];
  const pinOf = async () => {
    const { descriptor, diffId } = await compressedLayer(entries, 'runtime', join(folder, 'elsewhere'));
    return { digest: descriptor.digest, size: descriptor.size, diffId };
  };

  test('asks for its files only when its bytes are wanted and not kept', async () => {
    const [pin, kept] = [await pinOf(), join(folder, 'pinned')];
    let asked = 0;
    const layer = () =>
      pinnedLayer(pin, 'runtime', kept, async () => {
        asked += 1;
        return entries;
      });
    const first = layer();
    expect(first.descriptor).toMatchObject({ digest: pin.digest, size: pin.size });
    expect(asked).toBe(0);
    expect(sha256(await collect(first.open(0, pin.size)))).toBe(pin.digest);
    expect(sha256(await collect(layer().open(0, pin.size)))).toBe(pin.digest);
    expect(asked).toBe(1);
    writeFileSync(join(kept, `${pin.diffId.slice(7)}.tar.gz`), Buffer.alloc(pin.size));
    expect(sha256(await collect(layer().open(0, pin.size)))).toBe(pin.digest);
    expect(asked).toBe(2);
  });

  test('refuses other files', async () => {
    const other = async () => [file('app/runtime.so', Buffer.from('else'))];
    const layer = pinnedLayer(await pinOf(), 'runtime', join(folder, 'refused'), other);
    await expect(collect(layer.open(0, 10))).rejects.toMatchObject({ code: 'IMAGE_DIGEST_MISMATCH' });
  });
});

describe('the cache of digests', () => {
  test('knows a file again until anything of it changes, its old time put back included', async () => {
    const path = join(folder, 'model.onnx');
    const write = (text: string): void => {
      writeFileSync(path, text);
      utimesSync(path, 1e9, 1e9);
    };
    const later = () => Date.now() + 1000;
    const layerOf = async () => {
      const entry: TarEntry = {
        kind: 'file',
        path: 'm',
        mode: 0o644,
        content: { kind: 'file', file: path, sizeBytes: 4 },
      };
      let readings = 0;
      const layer = await storedLayer([entry], 'model', openFactsCache(join(folder, 'facts'), later), () => {
        readings += 1;
      });
      return { digest: layer.descriptor.digest, readings };
    };
    write('aaaa');
    const first = await layerOf();
    expect(first.readings).toBeGreaterThan(0);
    expect(await layerOf()).toEqual({ digest: first.digest, readings: 0 });
    await new Promise(resolve => setTimeout(resolve, 20));
    write('bbbb');
    const changed = await layerOf();
    expect(changed.readings).toBeGreaterThan(0);
    expect(changed.digest).not.toBe(first.digest);
  });
});
