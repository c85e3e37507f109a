import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { environmentWithoutTokens, runPrepare } from '../../../src/runtime/prepare-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'quickserveml-prepare-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const prepare = (command: string, timeLimitMs = 20_000): Promise<void> =>
  runPrepare({ model: 'digits', command, folder, environment: { PATH: process.env['PATH'] }, timeLimitMs });

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
    const start = performance.now();
    await expect(prepare('(sleep 30; echo late > late.txt) & sleep 30', 300)).rejects.toMatchObject({
      message: expect.stringContaining('did not end within'),
    });
    expect(performance.now() - start).toBeLessThan(15_000);
    expect(existsSync(join(folder, 'late.txt'))).toBe(false);
  });
});
