/**
 * Runs every test that this machine can run, names what was skipped and which files took longest, and ends with one line
 * that counts run, failed and skipped tests. Arguments go to vitest (`npm test -- --project unit`).
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';

interface VitestResult {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly numFailedTestSuites: number;
  readonly testResults: readonly {
    readonly name: string;
    /** Milliseconds since the epoch. */
    readonly startTime: number;
    readonly endTime: number;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** How many of the slowest files are named at the end. */
const SLOWEST = 10;

const root = resolve(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'quickserveml-test-'));
const resultFile = join(scratch, 'result.json');
const run = spawnSync(
  join(root, 'node_modules/.bin/vitest'),
  [
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${resultFile}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' },
);

try {
  const result = JSON.parse(readFileSync(resultFile, 'utf8')) as VitestResult;
  const skipped = result.testResults.flatMap(file =>
    file.assertionResults
      .filter(test => test.status === 'skipped' || test.status === 'pending' || test.status === 'todo')
      .map(test => `${relative(root, file.name)}: ${test.fullName}`),
  );
  if (skipped.length > 0)
    process.stdout.write(`\nSkipped here:\n${skipped.map(name => `  ${name}`).join('\n')}\n`);
  const slowest = result.testResults
    .map(file => ({ name: relative(root, file.name), seconds: (file.endTime - file.startTime) / 1000 }))
    .sort((one, other) => other.seconds - one.seconds)
    .slice(0, SLOWEST);
  process.stdout.write(
    `\nSlowest files:\n${slowest.map(({ name, seconds }) => `  ${seconds.toFixed(1).padStart(6)} s  ${name}`).join('\n')}\n`,
  );
  process.stdout.write(
    `\n${result.numPassedTests} passed, ${result.numFailedTests} failed, ${result.numPendingTests + result.numTodoTests} skipped\n`,
  );
} catch {
  process.stdout.write('\nvitest ended without a result\n');
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
if (run.status !== 0) process.exitCode = run.status ?? 1;
