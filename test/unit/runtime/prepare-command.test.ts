import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { environmentWithoutTokens, runPrepare } from '../../../src/runtime/prepare-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'quickserveml-prepare-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const prepare = (command: string, timeLimitMs = 20_000): Promise<void> =>
  runPrepare({ model: 'digits', command, folder, environment: { PATH: process.env['PATH'] }, timeLimitMs });

/** A process that has ended, but whom nobody has asked for its code yet, does not run any more. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('the prepare command', () => {
  it.each([
    'GITHUB_TOKEN',
    'CI_JOB_TOKEN',
    'NPM_TOKEN',
    'npm_config__authToken',
    'AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_SESSION_TOKEN',
    'CI_REGISTRY_PASSWORD',
    'DOCKER_PASSWD',
    'GOOGLE_APPLICATION_CREDENTIALS',
    'SSH_AUTH_SOCK',
    'INPUT_TOKEN',
    'ACTIONS_ID_TOKEN_REQUEST_URL',
    'GIT_CONFIG_VALUE_0',
    'OPENAI_API_KEY',
    'GH_PAT',
    'COSIGN_PRIVATE_KEY',
  ])('does not see %s', name => {
    expect(environmentWithoutTokens({ [name]: 'x' })).toEqual({});
  });

  it('sees what a toolchain needs, and no address with a password', () => {
    const kept = {
      PATH: '/bin',
      HOME: '/home/ada',
      LANG: 'C',
      VIRTUAL_ENV: '/venv',
      PYTHONPATH: 'src',
      HTTPS_PROXY: 'http://proxy.example:3128',
      CUDA_VISIBLE_DEVICES: '0',
    };
    expect(
      environmentWithoutTokens({
        ...kept,
        PIP_INDEX_URL: 'https://ada:pw@index.example/simple',
        UNSET: undefined,
      }),
    ).toEqual(kept);
  });

  it('runs in the folder, by the shell', async () => {
    await prepare('echo 1 > made.txt && echo done');
    expect(existsSync(join(folder, 'made.txt'))).toBe(true);
  });

  it('says with which code it ended and what it wrote last', async () => {
    await expect(prepare('echo first; echo broken >&2; exit 7')).rejects.toMatchObject({
      code: 'PREPARE_FAILED',
      message: expect.stringMatching(/exit code 7[\s\S]*broken/),
    });
  });

  it('is stopped with its children when its time is over', async () => {
    const pidFile = join(folder, 'child.pid');
    await expect(prepare('sleep 600 & echo $! > child.pid; wait', 3000)).rejects.toMatchObject({
      message: expect.stringContaining('did not end within'),
    });
    const child = Number(readFileSync(pidFile, 'utf8'));
    expect(child).toBeGreaterThan(1);
    await expect.poll(() => isRunning(child), { timeout: 30_000 }).toBe(false);
  });
});
