import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Surroundings } from '../../src/commands/surroundings.ts';
import { silentProgress } from '../../src/shared/progress.ts';
import { projectRoot } from './requirements.ts';

/** What a front door would hand to a command, for tests that call commands in their own process. */
export const testSurroundings = (): Surroundings => ({
  env: process.env,
  now: Date.now,
  random: Math.random,
  progress: silentProgress,
  toolVersion: '0.0.0',
  workerPath: join(projectRoot, 'src/runtime/worker.ts'),
  packageFolders: [join(projectRoot, 'src')],
  homeFolder: tmpdir(),
  cacheFolder: join(tmpdir(), 'quickserveml-test-cache'),
});
