import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from './requirements.ts';

/** A virtual environment in a temporary folder. Disposed with `using`. */
export interface PythonEnvironment extends Disposable {
  /** Path of its interpreter. */
  readonly python: string;
  /** Runs a script of test/support/python and hands back what it printed. */
  run(script: string, ...args: readonly string[]): string;
}

/**
 * Makes a virtual environment with packages of the index that pip is configured for; null where they cannot be had,
 * with a word on stderr. Throws instead where QUICKSERVEML_REQUIRE names python.
 */
export function installPython(packages: readonly string[]): PythonEnvironment | null {
  const folder = mkdtempSync(join(tmpdir(), 'quickserveml-python-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const python = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  try {
    execFileSync('python3', ['-m', 'venv', folder], { stdio: 'pipe', timeout: 120_000 });
    execFileSync(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages], {
      stdio: 'pipe',
      timeout: 300_000,
    });
  } catch (error) {
    remove();
    const required = (process.env['QUICKSERVEML_REQUIRE'] ?? '').split(',').map(name => name.trim());
    if (required.includes('python') || required.includes('all')) throw error;
    process.stderr.write(`skipped: tests that need ${packages.join(', ')} from a Python package index\n`);
    return null;
  }
  return {
    python,
    run: (script, ...args) =>
      execFileSync(python, [join(projectRoot, 'test/support/python', script), ...args], {
        encoding: 'utf8',
        maxBuffer: 2 ** 28,
        timeout: 300_000,
      }),
    [Symbol.dispose]: remove,
  };
}
