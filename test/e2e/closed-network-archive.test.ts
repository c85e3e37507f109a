import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/report/report.ts';
import { plainRegistries, pushSmallBase } from '../support/base-images.ts';
import { type ContainerRegistry, startContainerRegistry } from '../support/container-registries.ts';
import { handOver } from '../support/installed-copy.ts';
import { createTestRemote, fixtureModel, type TestRemote } from '../support/pull-request.ts';
import { lacks, projectRoot } from '../support/requirements.ts';
import { runCli } from '../support/run-cli.ts';

const exec = promisify(execFile);
const own = `${process.platform}/${process.arch}`;

/** No way out: whoever asks for a connection is sent to where nobody listens. */
const CLOSED = {
  HTTP_PROXY: 'http://127.0.0.1:9',
  HTTPS_PROXY: 'http://127.0.0.1:9',
  NO_PROXY: '',
  npm_config_registry: 'https://npm.closed.example/',
};

async function makeArchive(file: string, ...more: readonly string[]): Promise<string> {
  const script = join(projectRoot, 'scripts/export-archive.ts');
  const { stdout } = await exec(process.execPath, [script, file, '--platform', own, ...more], {
    env: { ...process.env, ...CLOSED, NO_PROXY: '127.0.0.1' },
  });
  return /sha256 ([0-9a-f]{64})/.exec(stdout)?.[1] ?? '';
}

describe.skipIf(lacks('runtime'))('the archive for closed networks', { timeout: 240_000 }, () => {
  let folder: string;
  let archive: string;
  let digest: string;
  let unpacked: string;
  let remote: TestRemote;

  beforeAll(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'closed-network-')));
    chmodSync(folder, 0o755);
    archive = join(folder, 'one.tar');
    digest = await makeArchive(archive);
    execFileSync('tar', ['-xf', archive, '-C', folder]);
    unpacked = join(folder, readdirSync(folder).find(name => name.startsWith('quickserveml-')) ?? '');
    remote = createTestRemote();
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
    remote[Symbol.dispose]();
  });

  it('has the same bytes twice, and sums that hold', async () => {
    expect(createHash('sha256').update(readFileSync(archive)).digest('hex')).toBe(digest);
    expect(await makeArchive(join(folder, 'two.tar'))).toBe(digest);
    execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], { cwd: unpacked });
    const listed = readFileSync(join(unpacked, 'SHA256SUMS'), 'utf8').trim().split('\n');
    const there = readdirSync(unpacked, { recursive: true, withFileTypes: true }).filter(each =>
      each.isFile(),
    );
    expect(listed).toHaveLength(there.length - 1);
  });

  it('brings the command line and the runtime: a change is measured and judged without any network', async () => {
    const cache = join(folder, 'cache');
    mkdirSync(cache);
    handOver(cache);
    const cli = join(unpacked, 'cli/dist/cli.js');
    const env = { ...CLOSED, XDG_CACHE_HOME: cache };
    const base = join(folder, 'base.onnx');
    cpSync(join(fixtureModel('digits'), 'model.onnx'), base);
    remote.commit('main', {
      'models/digits.onnx': { model: 'digits-wide10' },
      'quickserveml.yml': { text: 'version: 1\nmodels:\n  digits: { path: models/digits.onnx }\n' },
    });
    const clone = remote.checkout('main');
    handOver(clone);

    const args = ['check', '--against', base, '--json', '--record', 'never', '--budget', '3s'];
    const before = await runCli({ cli, args, cwd: clone, env });
    expect(before.exitCode).toBe(3);
    expect(before.json<Report>().models[0]?.measurement.kind).not.toBe('interleaved');

    const loaded = await runCli({
      cli,
      args: ['runtime', 'load', join(unpacked, 'runtime.tar')],
      cwd: clone,
      env,
    });
    expect(loaded.stderr).toBe('');
    expect(loaded.stdout).toContain('files checked against the pinned hashes');
    const after = await runCli({ cli, args, cwd: clone, env, timeoutMs: 200_000 });
    // Whether it is slower is not the question here; that it was measured is.
    expect([0, 1]).toContain(after.exitCode);
    expect(after.json<Report>().models[0]?.measurement.kind).toBe('interleaved');
  });

  it('brings the Jenkins library with the command line in its resources', async () => {
    const there = join(folder, 'workspace');
    mkdirSync(there);
    execFileSync('tar', ['-xzf', join(unpacked, 'jenkins/resources/quickserveml/cli.tgz'), '-C', there]);
    const { stdout } = await exec(process.execPath, [join(there, 'dist/cli.js'), '--version']);
    expect(stdout.trim()).toMatch(/^\d+\.\d+\.\d+/);
    expect(readdirSync(join(unpacked, 'jenkins/vars'))).toContain('quickservemlCheck.groovy');
    expect(readdirSync(join(unpacked, 'gitlab/templates'))).toContain('check.yml');
  });

  it('brings an npm package that npm installs without a registry', async () => {
    const prefix = join(folder, 'prefix');
    const tarball = readdirSync(unpacked).find(name => name.endsWith('.tgz')) ?? '';
    await exec('npm', ['install', '--global', '--offline', '--prefix', prefix, join(unpacked, tarball)], {
      env: { ...process.env, ...CLOSED },
    });
    const { stdout } = await exec(join(prefix, 'bin/quickserveml'), ['runtime', 'status', '--json'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], HOME: folder, ...CLOSED, XDG_CACHE_HOME: join(folder, 'none') },
    });
    expect(JSON.parse(stdout)).toEqual({ runtime: null });
  });

  describe.skipIf(lacks('docker-registry') || lacks('skopeo'))('with a base image', () => {
    let registry: ContainerRegistry;
    beforeAll(async () => {
      registry = await startContainerRegistry(folder);
    });
    afterAll(() => registry[Symbol.asyncDispose]());

    it('has it as an OCI layout, whose manifests a registry takes under the same digests', async () => {
      await using registries = plainRegistries(registry.host);
      const at = { registry: registry.host, repository: 'base/node' };
      await pushSmallBase(registries.repository(at), '24');
      const file = join(folder, 'with-base.tar');
      const more = ['--base-image', `${registry.host}/base/node:24`, '--insecure', registry.host];
      const first = await makeArchive(file, ...more);
      expect(await makeArchive(join(folder, 'again.tar'), ...more)).toBe(first);

      const there = join(folder, 'with-base');
      mkdirSync(there);
      execFileSync('tar', ['-xf', file, '--strip-components=1', '-C', there]);
      execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], { cwd: there });
      const target = `${registry.host}/mirror/node:24`;
      execFileSync(
        'skopeo',
        [
          ...['--insecure-policy', 'copy', '--all', '--preserve-digests', '--dest-tls-verify=false'],
          ...[`oci:${join(there, 'base-image')}:base`, `docker://${target}`],
        ],
        { stdio: 'pipe' },
      );
      const mirror = registries.repository({ ...at, repository: 'mirror/node' });
      const index = await mirror.readManifest('24');
      const { manifests }: { manifests: readonly { digest: string }[] } = JSON.parse(
        Buffer.from(index?.bytes ?? []).toString('utf8'),
      );
      expect(manifests).toHaveLength(1);
      expect(await registries.repository(at).readManifest(manifests[0]?.digest ?? '')).not.toBeNull();
    });
  });
});
