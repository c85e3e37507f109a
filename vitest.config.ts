import { defineConfig } from 'vitest/config';

/** Files of e2e that say which model is slower, or that three runs measured alike: nothing else may run beside them. */
const MEASURED = ['github-slower-model', 'same-verdict', 'shard-examples'].map(
  name => `test/e2e/${name}.test.ts`,
);

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // One more than the processors of a small machine: tests wait for other processes a fifth of their time.
    maxWorkers: 3,
    projects: [
      {
        extends: true,
        // They change nothing that a module keeps: modules are loaded once a worker, not once a file.
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/architecture.test.ts'],
          isolate: false,
        },
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
      {
        extends: true,
        test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], exclude: MEASURED, testTimeout: 180_000 },
      },
      {
        extends: true,
        test: {
          name: 'e2e-measuring',
          include: MEASURED,
          fileParallelism: false,
        },
      },
    ],
  },
});
