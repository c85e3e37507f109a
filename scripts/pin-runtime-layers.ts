/**
 * Writes src/container/image/runtime-layers.json: the digests that the layers of the pinned onnxruntime-node have in every
 * image. `node scripts/pin-runtime-layers.ts`, after `scripts/pin-runtime.ts` or a change of how layers are made.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { compressedLayer } from '../src/container/image/layer.ts';
import { runtimeEntries } from '../src/container/image/runtime-layer.ts';
import { PINNED_RUNTIME_VERSION } from '../src/runtime/runtime-location.ts';

const packageFolder = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
const scratch = mkdtempSync(join(tmpdir(), 'quickserveml-layers-'));
const layers: Record<string, { digest: string; size: number; diffId: string }> = {};
try {
  for (const architecture of ['amd64', 'arm64']) {
    const platform = { os: 'linux', architecture };
    const entries = await runtimeEntries({ platform, version: PINNED_RUNTIME_VERSION }, packageFolder);
    const { descriptor, diffId } = await compressedLayer(entries, '', scratch);
    layers[`linux/${architecture}`] = { digest: descriptor.digest, size: descriptor.size, diffId };
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
const target = resolve(import.meta.dirname, '../src/container/image/runtime-layers.json');
writeFileSync(target, `${JSON.stringify({ version: PINNED_RUNTIME_VERSION, layers }, null, 2)}\n`);
console.log(`${target}: ${PINNED_RUNTIME_VERSION}`);
