import { join, resolve } from 'node:path';
import type { Launcher } from '../src/benchmark/launcher.ts';
import { createLauncher } from '../src/runtime/launcher.ts';
import { PINNED_RUNTIME_VERSION } from '../src/runtime/runtime-location.ts';

const root = resolve(import.meta.dirname, '..');

/** Launches through dist/worker.js, as an installed copy does: the sources would be stripped of their types in every process. */
export function bundledLauncher(): Launcher {
  return createLauncher({
    runtime: {
      packageFolder: join(root, 'node_modules/onnxruntime-node'),
      version: PINNED_RUNTIME_VERSION,
      pinned: true,
      origin: 'package',
    },
    workerPath: join(root, 'dist/worker.js'),
    limits: { timeMs: 60_000, memoryBytes: null },
    environment: process.env,
  });
}
