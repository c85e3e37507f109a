import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runtimePath } from '../support/installed-copy.ts';
import { createTestRemote } from '../support/pull-request.ts';
import { lacks, projectRoot } from '../support/requirements.ts';

const { engines } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
  readonly engines: { readonly node: string };
};
const oldest = /^>=(\d+\.\d+)$/.exec(engines.node)?.[1] ?? '';
const cli = join(projectRoot, 'dist/cli.js');

describe.skipIf(lacks('runtime') || lacks('npm-registry'))(
  `the oldest Node that package.json promises, ${oldest}`,
  () => {
    let folder: string;
    let node: string;
    beforeAll(() => {
      folder = realpathSync(mkdtempSync(join(tmpdir(), 'quickserveml-node-')));
      const name = `node-${process.platform}-${process.arch}@${oldest}.0`;
      execFileSync('npm', ['pack', name, '--silent'], { cwd: folder, stdio: 'ignore' });
      const archive = readdirSync(folder).find(file => file.endsWith('.tgz')) ?? '';
      execFileSync('tar', ['-xzf', archive], { cwd: folder });
      node = join(folder, 'package/bin/node');
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it('runs the whole check', { timeout: 120_000 }, () => {
      expect(execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()).toBe(`v${oldest}.0`);
      using remote = createTestRemote();
      remote.commit('main', { 'digits.onnx': { model: 'digits' } });
      remote.commit('change', { 'digits.onnx': { model: 'digits-equivalent' } }, { from: 'main' });
      const clone = remote.checkout('refs/heads/change');
      const args = ['check', '--json', '--base', 'main', '--record', 'always', '--budget', '2s'];
      const options = ['--runtime-path', runtimePath];
      const run = spawnSync(node, [cli, ...args, ...options], {
        cwd: clone,
        encoding: 'utf8',
      });
      expect(JSON.parse(run.stdout).findings).toEqual([]);
      expect(run.stderr).not.toContain('bug in QuickServeML');
      expect(JSON.parse(run.stdout)).toMatchObject({
        models: [{ measurement: { kind: 'interleaved' } }],
        registry: { recording: 'recorded' },
      });
    });
  },
);
