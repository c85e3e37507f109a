import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { builtCli } from '../../bench/process-sample.ts';
import { createBare, createClone, git, temporaryFolder } from '../support/git-repositories.ts';
import { lacks, projectRoot } from '../support/requirements.ts';
import { installedRuntime } from '../support/runtime.ts';
import { until } from '../support/serving-load.ts';

const models = join(projectRoot, 'fixtures/models');

/** The command line in a clone of its own; what it wrote so far, and its end. */
function startCli(cwd: string, home: string, args: readonly string[]) {
  const child = spawn(process.execPath, [builtCli(), ...args], {
    cwd,
    env: { PATH: process.env['PATH'], HOME: home, TMPDIR: home, GIT_CONFIG_NOSYSTEM: '1' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const written = { stdout: '' };
  child.stdout.on('data', chunk => {
    written.stdout += chunk;
  });
  const ended = new Promise<number | null>(resolve => child.once('close', resolve));
  return { child, written, ended };
}

const isWhole = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

describe.skipIf(lacks('runtime'))('serve with versions of the registry', () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  it('serves several in one server, says in one document where, and ends with 0 at SIGTERM', async () => {
    await using temporary = temporaryFolder();
    const folder = temporary.path;
    const work = createClone(folder, 'work', `file://${createBare(folder)}`);
    git(work, 'config', 'user.name', 'Ada');
    git(work, 'config', 'user.email', 'ada@example.com');
    const home = join(folder, 'home');
    mkdirSync(home);
    copyFileSync(join(models, 'digits/model.onnx'), join(work, 'digits.onnx'));
    copyFileSync(join(models, 'digits-wide/model.onnx'), join(work, 'wide.onnx'));
    const registry = async (...args: readonly string[]): Promise<Record<string, unknown>> => {
      const { written, ended } = startCli(work, home, ['registry', ...args, '--json']);
      expect(await ended).toBe(0);
      return JSON.parse(written.stdout);
    };
    await registry('init');
    const { version: first } = await registry('add', 'digits', 'digits.onnx');
    const { version: second } = await registry('add', 'digits', 'wide.onnx');
    expect(second).not.toBe(first);
    await registry('add', 'team/wide', 'wide.onnx');

    const { child, written, ended } = startCli(work, home, [
      ...['serve', `digits@${first}`, `digits@${second}`, 'team/wide', 'file@9.0.0=digits.onnx', '--json'],
      ...['--port', '0', '--workers', '1', '--runtime-path', installedRuntime.packageFolder],
    ]);
    children.push(child);
    await until(() => isWhole(written.stdout));
    const ready = JSON.parse(written.stdout) as { url: string; port: number };
    const served = [
      { name: 'digits', version: first },
      { name: 'digits', version: second },
      // An address has no room for a slash.
      { name: 'team-wide', version: '1.0.0' },
      { name: 'file', version: '9.0.0' },
    ];
    expect(ready).toMatchObject({ ready: true, models: served, workers: 1 });
    expect(ready.url).toBe(`http://127.0.0.1:${ready.port}`);
    expect(await (await fetch(`${ready.url}/v2/models`)).json()).toEqual({ models: served });

    const image = { name: 'image', datatype: 'FP32', shape: [1, 1, 28, 28], data: Array(784).fill(0.5) };
    const logitsOf = async (version: unknown): Promise<unknown> => {
      const answer = await fetch(`${ready.url}/v2/models/digits/versions/${version}/infer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ inputs: [image] }),
      });
      const document = (await answer.json()) as { model_version: unknown; outputs: [{ data: unknown }] };
      expect(document.model_version).toBe(version);
      return document.outputs[0].data;
    };
    expect(await logitsOf(first)).not.toEqual(await logitsOf(second));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    // Nothing after the one document.
    expect(isWhole(written.stdout)).toBe(true);
  });
});
