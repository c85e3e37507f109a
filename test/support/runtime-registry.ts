import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { pinnedRuntimeFor } from '../../src/runtime/pinned-files.ts';
import { PINNED_RUNTIME_VERSION } from '../../src/runtime/runtime-location.ts';
import { startRegistry, type TestRegistry } from './npm-registry.ts';
import { projectRoot } from './requirements.ts';

const NAMES = ['onnxruntime-common', 'onnxruntime-node'] as const;
export type RuntimePackageName = (typeof NAMES)[number];

/** A tarball as npm packs it, of this platform's files, with some that are not needed before and after. */
export async function packRuntime(
  name: RuntimePackageName,
  change: (path: string, bytes: Buffer) => Buffer = (_, bytes) => bytes,
): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: 'package/README.md' }, 'read me');
  archive.entry({ name: 'package/../../escaped.js' }, 'escaped');
  for (const path of pinnedRuntimeFor(process.platform, process.arch)[name].keys()) {
    const bytes = readFileSync(join(projectRoot, 'node_modules', name, path));
    archive.entry({ name: `package/${path}` }, change(path, bytes));
  }
  archive.entry({ name: 'package/bin/napi-v6/other/arch/huge.so' }, Buffer.alloc(2 ** 20, 1));
  archive.finalize();
  return gzipSync(await buffer(archive), { level: 1 });
}

/** The installed runtime as if it had another version. */
export const packOtherVersion = (version: string): Promise<Buffer> =>
  packRuntime('onnxruntime-node', (path, bytes) =>
    path === 'package.json' ? Buffer.from(bytes.toString().replace(PINNED_RUNTIME_VERSION, version)) : bytes,
  );

export const sha512Integrity = (body: Buffer): string =>
  `sha512-${createHash('sha512').update(body).digest('base64')}`;

/** A registry that has one more version, with the integrity that it says of each tarball. */
export const startRuntimeRegistry = (
  version: string,
  bodies: Readonly<Record<RuntimePackageName, Buffer>>,
  integrityOf: (body: Buffer) => string = sha512Integrity,
): Promise<TestRegistry> =>
  startRegistry((path, response, request) => {
    const name = NAMES.find(each => path.startsWith(`/${each}/`));
    if (name === undefined) return response.writeHead(404).end();
    if (path.endsWith('.tgz')) return response.end(bodies[name]);
    if (!path.endsWith(`/${version}`)) return response.writeHead(404).end();
    const tarball = `http://${request.headers.host}/${name}/-/${name}-${version}.tgz`;
    return response.end(JSON.stringify({ dist: { tarball, integrity: integrityOf(bodies[name]) } }));
  });
