/**
 * Writes src/runtime/pinned-files.json from the installed onnxruntime-node, which holds the files of all platforms:
 * `node scripts/pin-runtime.ts`. Run it after a change of the version, together with PINNED_RUNTIME_VERSION.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';

const require = createRequire(import.meta.url);
const nodeFolder = dirname(require.resolve('onnxruntime-node/package.json'));
const commonFolder = resolve(nodeFolder, '../onnxruntime-common');

const needed = /^(?:package\.json|dist\/[^/]+\.js|dist\/cjs\/(?:[^/]+\.js|package\.json)|bin\/.+)$/;

function filesOf(folder: string): Record<string, { sha256: string; sizeBytes: number }> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter(path => needed.test(path))
    .sort();
  return Object.fromEntries(
    paths.map(path => {
      const bytes = readFileSync(join(folder, path));
      return [path, { sha256: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.length }];
    }),
  );
}

const version: string = JSON.parse(readFileSync(join(nodeFolder, 'package.json'), 'utf8')).version;
const pins = {
  version,
  'onnxruntime-node': filesOf(nodeFolder),
  'onnxruntime-common': filesOf(commonFolder),
};
const target = resolve(import.meta.dirname, '../src/runtime/pinned-files.json');
writeFileSync(target, `${JSON.stringify(pins, null, 2)}\n`);
console.log(`${target}: ${version}`);
