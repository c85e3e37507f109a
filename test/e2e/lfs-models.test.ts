import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/report/report.ts';
import { handOver, type InstalledCopy, installCopy, runtimePath } from '../support/installed-copy.ts';
import { type LfsServer, startLfsServer } from '../support/lfs-server.ts';
import { type Content, createTestRemote, fixtureModel, type TestRemote } from '../support/pull-request.ts';
import { lacks } from '../support/requirements.ts';
import { runCli } from '../support/run-cli.ts';

/** Puts a fixture on the LFS server and answers with the pointer that a commit holds in its place. */
function store(server: LfsServer, name: string): { readonly pointer: Content; readonly oid: string } {
  const bytes = readFileSync(join(fixtureModel(name), 'model.onnx'));
  const oid = createHash('sha256').update(bytes).digest('hex');
  server.objects.set(oid, bytes);
  const text = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${bytes.length}\n`;
  return { pointer: { text }, oid };
}

describe.skipIf(lacks('runtime'))('models in Git LFS, in a checkout without its objects', () => {
  let copy: InstalledCopy;
  beforeAll(() => {
    copy = installCopy();
  });
  afterAll(() => copy[Symbol.dispose]());

  const check = async (remote: TestRemote, ref: string, ...args: readonly string[]): Promise<Report> => {
    const clone = remote.checkout(ref);
    handOver(remote.folder);
    const result = await runCli({
      cli: copy.cli,
      args: ['check', '--json', '--budget', '2s', '--runtime-path', runtimePath, ...args],
      cwd: clone,
    });
    if (result.exitCode !== 0) throw new Error(result.stdout + result.stderr);
    return result.json<Report>();
  };

  it('are fetched by the batch API for base and candidate and compared', { timeout: 120_000 }, async () => {
    await using server = await startLfsServer();
    using remote = createTestRemote();
    const lfsconfig = { text: `[lfs]\n\turl = ${server.url}/info/lfs\n` };
    remote.commit('main', { '.lfsconfig': lfsconfig, 'digits.onnx': store(server, 'digits').pointer });
    remote.commit(
      'change',
      { 'digits.onnx': store(server, 'digits-optional-output').pointer },
      { from: 'main' },
    );
    const report = await check(remote, 'refs/heads/change', '--base', 'main', '--record', 'never');
    expect(report.models[0]?.contract?.kind).toBe('compatible');
    expect(report.models[0]?.measurement.kind).toBe('interleaved');
    expect(report.models[0]?.base?.sizeBytes).toBeGreaterThan(100_000);
  });

  it("takes the base's bytes from the registry where the server has lost them", {
    timeout: 180_000,
  }, async () => {
    await using server = await startLfsServer();
    using remote = createTestRemote();
    const lfsconfig = { text: `[lfs]\n\turl = ${server.url}/info/lfs\n` };
    const first = store(server, 'digits');
    remote.commit('main', { '.lfsconfig': lfsconfig, 'digits.onnx': first.pointer });
    const recorded = await check(remote, 'refs/heads/main', '--record', 'always');
    expect(recorded.registry.entries).toEqual([{ model: 'digits', version: '1.0.0', new: true }]);
    server.objects.delete(first.oid);
    remote.commit(
      'change',
      { 'digits.onnx': store(server, 'digits-optional-output').pointer },
      { from: 'main' },
    );
    const report = await check(remote, 'refs/heads/change', '--base', 'main', '--record', 'never');
    expect(report.models[0]?.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(report.models[0]?.contract?.kind).toBe('compatible');
    expect(report.models[0]?.version).toEqual({ previous: '1.0.0', next: '1.1.0' });
  });
});
