import { execFileSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { storedLayer } from '../../src/container/image/layer.ts';
import { fileContent, foldersTo, type TarEntry } from '../../src/container/image/tar.ts';
import {
  blobOfBytes,
  encodeManifest,
  type ImageRepository,
} from '../../src/container/registry/image-repository.ts';
import { MEDIA_TYPES } from '../../src/container/registry/manifest.ts';
import { projectRoot } from './requirements.ts';

/** Libraries that Node and onnxruntime are linked with, by the dynamic linker of this machine: path there -> file here. */
function librariesOf(...binaries: readonly string[]): ReadonlyMap<string, string> {
  const libraries = new Map<string, string>();
  for (const binary of binaries) {
    for (const [, path = ''] of execFileSync('ldd', [binary], { encoding: 'utf8' }).matchAll(
      /(\/\S+) \(0x/g,
    )) {
      if (path.startsWith('/lib') || path.startsWith('/usr/lib')) libraries.set(path, realpathSync(path));
    }
  }
  return libraries;
}

/**
 * Pushes a base image in which Node runs: its binary and this machine's C libraries, and nothing else. It stands for a
 * distroless image, which would have to be downloaded.
 */
export async function pushNodeBase(repository: ImageRepository, tag: string): Promise<void> {
  const node = join(projectRoot, 'node_modules/node/bin/node');
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const runtime = join(projectRoot, `node_modules/onnxruntime-node/bin/napi-v6/linux/${process.arch}`);
  const libraries = librariesOf(node, join(runtime, 'libonnxruntime.so.1'));
  const file = async (path: string, from: string, mode: number): Promise<TarEntry> => ({
    kind: 'file',
    path,
    mode,
    content: await fileContent(from),
  });
  const text = (path: string, content: string): TarEntry => ({
    kind: 'file',
    path,
    mode: 0o644,
    content: { kind: 'bytes', bytes: Buffer.from(content) },
  });
  const files = [
    await file('nodejs/bin/node', node, 0o755),
    ...(await Promise.all([...libraries].map(([path, from]) => file(path.slice(1), from, 0o755)))),
    text('etc/passwd', 'root:x:0:0:root:/:/none\nnonroot:x:65532:65532:nonroot:/:/none\n'),
    text('etc/group', 'root:x:0:\nnonroot:x:65532:\n'),
  ];
  const entries = [
    ...foldersTo(files.map(({ path }) => path)),
    { kind: 'folder' as const, path: 'tmp', mode: 0o1777 },
    ...files,
  ];
  const noCache = { remember: <T>(_kind: string, _entries: unknown, compute: () => Promise<T>) => compute() };
  const layer = await storedLayer(entries, 'node', noCache, () => undefined);
  const config = blobOfBytes(
    Buffer.from(
      JSON.stringify({
        architecture,
        os: 'linux',
        config: { Env: ['PATH=/usr/local/bin:/bin'], Entrypoint: ['/nodejs/bin/node'] },
        rootfs: { type: 'layers', diff_ids: [layer.diffId] },
        history: [{ created_by: 'node' }],
      }),
    ),
    MEDIA_TYPES.config,
  );
  await Promise.all([repository.pushBlob(layer), repository.pushBlob(config)]);
  const manifest = encodeManifest({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: config.descriptor,
    layers: [layer.descriptor],
  });
  await repository.writeManifest(manifest, tag);
}
