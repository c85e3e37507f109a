import { defineConfig } from 'vitest/config';

/** Files of e2e in which nothing is said of a model's speed: they may run beside each other. */
const UNMEASURED = [
  'bad-input',
  'bundled-schema',
  'concurrent-records',
  'github-events',
  'github-follow-up',
  'github-publish',
  'github-refusals',
  'gitlab-publish',
  'lfs-models',
  'new-user',
  'oldest-node',
  'published-image',
  'runtime-install',
  'secrets',
  'secrets-everywhere',
].map(name => `test/e2e/${name}.test.ts`);

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // One more than the processors of a small machine: tests wait for other processes a fifth of their time.
    maxWorkers: 3,
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['test/unit/**/*.test.ts', 'test/architecture.test.ts'] },
      },
      {
        extends: true,
        test: { name: 'integration', include: ['test/integration/**/*.test.ts'] },
      },
      // They compare times: nothing else may run meanwhile.
      {
        extends: true,
        test: { name: 'measuring', include: ['test/measuring/**/*.test.ts'], fileParallelism: false },
      },
      { extends: true, test: { name: 'e2e', include: UNMEASURED, testTimeout: 180_000 } },
      {
        extends: true,
        test: {
          name: 'e2e-measuring',
          include: ['test/e2e/**/*.test.ts'],
          exclude: UNMEASURED,
          fileParallelism: false,
        },
      },
    ],
  },
});
