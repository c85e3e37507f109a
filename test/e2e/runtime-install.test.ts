import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handOver, type InstalledCopy, installCopy } from '../support/installed-copy.ts';
import { fixtureModel } from '../support/pull-request.ts';
import { lacks } from '../support/requirements.ts';
import { runCli } from '../support/run-cli.ts';

/** As it was published. */
const OLDER_VERSION = '1.29.0';

/** How this machine reaches the registry that npm is configured for. */
function npmEnvironment(): Record<string, string> {
  const names = [
    'NODE_EXTRA_CA_CERTS',
    'HTTPS_PROXY',
    'HTTP_PROXY',
    'NO_PROXY',
    'https_proxy',
    'http_proxy',
    'no_proxy',
  ];
  const connection = Object.fromEntries(
    names.flatMap(name => (process.env[name] === undefined ? [] : [[name, process.env[name] ?? '']])),
  );
  const registry = execFileSync('npm', ['config', 'get', 'registry'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return { ...connection, npm_config_registry: registry.trim() };
}

describe.skipIf(lacks('runtime') || lacks('npm-registry'))(
  'onnxruntime for a copy without node_modules',
  () => {
    let copy: InstalledCopy;
    let cache: string;
    beforeAll(() => {
      copy = installCopy();
      cache = realpathSync(mkdtempSync(join(tmpdir(), 'quickserveml cache ')));
      handOver(cache);
    });
    afterAll(() => {
      copy[Symbol.dispose]();
      rmSync(cache, { recursive: true, force: true });
    });

    it('comes from the npm registry, checked against the pinned hashes, and is used from the cache from then on; an older one beside it', {
      timeout: 300_000,
    }, async () => {
      const env = { ...npmEnvironment(), RUNNER_TOOL_CACHE: cache };
      const run = (...args: readonly string[]): ReturnType<typeof runCli> =>
        runCli({ cli: copy.cli, args: [...args, '--json', '--quiet'], cwd: cache, env, timeoutMs: 280_000 });
      expect((await run('runtime', 'status')).json()).toEqual({ runtime: null });
      const installed = await run('runtime', 'install');
      expect(installed.stderr).toBe('');
      expect(installed.json()).toMatchObject({
        runtime: { version: '1.30.0', pinned: true, origin: 'downloaded' },
      });
      const status = (await run('runtime', 'status')).json<{
        runtime: { origin: string; packageFolder: string };
      }>();
      expect(status.runtime.origin).toBe('cache');
      expect(
        existsSync(join(status.runtime.packageFolder, 'bin/napi-v6', process.platform, process.arch)),
      ).toBe(true);

      const model = join(fixtureModel('digits'), 'model.onnx');
      const measured = await run('benchmark', model, '--budget', '2s');
      expect(measured.json<{ metrics: { metric: string; candidate: number }[] }>().metrics[0]).toMatchObject({
        metric: 'latency',
      });
      expect(measured.exitCode).toBe(0);

      const older = await run('benchmark', model, '--budget', '2s', '--runtime', OLDER_VERSION);
      expect(older.json()).toMatchObject({ fingerprint: { runtimeVersion: OLDER_VERSION } });
      expect(older.exitCode).toBe(0);
    });
  },
);
