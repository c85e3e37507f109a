/**
 * Runs every test that this machine can run, names what was skipped and which files took longest, and ends with one line
 * that counts run, failed and skipped tests. Arguments go to vitest (`npm test -- --project unit`).
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
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

/** Where Linux keeps files in memory. */
const MEMORY = '/dev/shm';
/** Free memory below which the files of tests go to the disk; at once they are far less than half of it. */
const ROOM_BYTES = 8 * 2 ** 30;

/**
 * A folder in memory for what tests write, or null: git writes many small files, for which a disk takes twice as long.
 * Everybody may write there, as into /tmp, since some tests run the product as another user.
 */
function folderInMemory(): string | null {
  if (process.env['TMPDIR'] !== undefined || process.availableMemory() < ROOM_BYTES) return null;
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    if (bavail * bsize < ROOM_BYTES) return null;
    // Short, since some programs want their sockets' paths short.
    const folder = mkdtempSync(join(MEMORY, 'qs-'));
    chmodSync(folder, 0o1777);
    const program = join(folder, 'program');
    writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 });
    // In some containers nothing may be run from there.
    if (spawnSync(program).status === 0) return folder;
    rmSync(folder, { recursive: true });
  } catch {
    // Another system than Linux has no such place.
  }
  return null;
}

// At a terminal Ctrl-C reaches vitest too; what is in memory is taken away after it.
process.on('SIGINT', () => undefined);

const root = resolve(import.meta.dirname, '..');
const inMemory = folderInMemory();
const scratch = mkdtempSync(join(inMemory ?? tmpdir(), 'quickserveml-test-'));
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
  {
    cwd: root,
    env: { ...process.env, ...(inMemory === null ? {} : { TMPDIR: inMemory }) },
    stdio: 'inherit',
    shell: process.platform === 'win32',
  },
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
  rmSync(inMemory ?? scratch, { recursive: true, force: true, maxRetries: 5 });
}
if (run.status !== 0) process.exitCode = run.status ?? 1;
