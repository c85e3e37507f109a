/**
 * The quick checks, each named, all run even when one fails: format and lint, types, architecture and unit tests,
 * unused code, dist/ and docs fresh. `--no-tests` leaves the tests out, for CI, which runs all of them anyway.
 */
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const bin = (name: string): string => join(root, 'node_modules/.bin', name);
const withoutTests = process.argv.includes('--no-tests');

const checks: readonly {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}[] = [
  { name: 'format and lint', command: bin('biome'), args: ['check', '--error-on-warnings'] },
  { name: 'types', command: bin('tsc'), args: ['-p', '.'] },
  { name: 'unused code', command: bin('knip'), args: [] },
  { name: 'dist is fresh', command: process.execPath, args: ['scripts/build.ts', '--check'] },
  { name: 'docs are fresh', command: process.execPath, args: ['scripts/generate-docs.ts', '--check'] },
  ...(withoutTests
    ? [{ name: 'architecture', command: bin('vitest'), args: ['run', 'test/architecture.test.ts'] }]
    : [{ name: 'architecture and unit tests', command: bin('vitest'), args: ['run', '--project', 'unit'] }]),
];

for (const { name, command, args } of checks) {
  const startMs = performance.now();
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  process.stdout.write(`${status === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)\n`);
  if (status !== 0) process.exitCode = 1;
}
