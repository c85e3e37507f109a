import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/report/report.ts';
import { handOver, type InstalledCopy, installCopy, runtimePath } from '../support/installed-copy.ts';
import { createTestRemote, git } from '../support/pull-request.ts';
import { lacks } from '../support/requirements.ts';
import { type CliResult, runCli } from '../support/run-cli.ts';

/** Every byte of the work tree, the index, the references and the configuration of a clone. */
function fingerprint(clone: string): string {
  const hash = createHash('sha256');
  for (const entry of readdirSync(clone, { recursive: true, withFileTypes: true }).toSorted((a, b) =>
    join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1,
  )) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    hash.update(`${path}\n`).update(readFileSync(path));
  }
  return hash.digest('hex');
}

/** Empty where the check passed. */
const problemOf = ({ exitCode, stdout, stderr }: CliResult): string =>
  exitCode === 0 ? stderr : `${exitCode} ${(/"findings": \[\s+\{[^}]+\}/.exec(stdout) ?? [''])[0]} ${stderr}`;

const VARIANTS = [
  'digits',
  'digits-wide',
  'digits-wide5',
  'digits-wide10',
  'digits-damaged',
  'digits-equivalent',
  'digits-renamed-input',
  'digits-optional-output',
];

describe.skipIf(lacks('runtime'))('checks that record at the same time', () => {
  let copy: InstalledCopy;
  beforeAll(() => {
    copy = installCopy();
  });
  afterAll(() => copy[Symbol.dispose]());

  const recordAtOnce = (clones: readonly string[]): Promise<readonly CliResult[]> => {
    const options = ['--record', 'always', '--budget', '1s', '--quiet', '--json'];
    return Promise.all(
      clones.map(clone =>
        runCli({
          cli: copy.cli,
          args: ['check', ...options, '--runtime-path', runtimePath],
          cwd: clone,
          timeoutMs: 250_000,
        }),
      ),
    );
  };

  it("makes eight versions of eight models' bytes and leaves every clone as it was", {
    timeout: 300_000,
  }, async () => {
    using remote = createTestRemote();
    remote.commit('main', { 'README.md': { text: 'Models.' } });
    const clones = VARIANTS.map((model, index) => {
      remote.commit(`job-${index}`, { 'model.onnx': { model } }, { from: 'main' });
      return remote.checkout(`refs/heads/job-${index}`);
    });
    handOver(remote.folder);
    const before = clones.map(fingerprint);
    const results = await recordAtOnce(clones);
    expect(results.map(problemOf)).toEqual(results.map(() => ''));
    const versions = remote.registryFiles().filter(path => path.includes('/versions/'));
    expect(versions).toHaveLength(8);
    expect(
      new Set(versions.map(path => (JSON.parse(remote.registryFile(path)) as { sha256: string }).sha256))
        .size,
    ).toBe(8);
    expect(clones.map(fingerprint)).toEqual(before);
  });

  it('makes one version of the same bytes, and keeps every measurement', { timeout: 300_000 }, async () => {
    using remote = createTestRemote();
    remote.commit('main', { 'model.onnx': { model: 'fraud' } });
    const clones = Array.from({ length: 8 }, () => remote.checkout('refs/heads/main'));
    handOver(remote.folder);
    const results = await recordAtOnce(clones);
    expect(results.map(problemOf)).toEqual(results.map(() => ''));
    const files = remote.registryFiles();
    expect(files.filter(path => path.includes('/versions/'))).toEqual(['models/model/versions/1.0.0.json']);
    // A job that came after the first record found its bytes known, and measured nothing.
    const measured = results.filter(result => result.json<Report>().models[0]?.measurement.kind === 'alone');
    expect(measured.length).toBeGreaterThan(0);
    const onBranch = files.filter(path => path.includes('/benchmarks/')).length;
    // On a crowded branch a measurement waits in the inbox for the next writer; readers see it there.
    const inInbox = git(remote.bare, 'for-each-ref', '--format=%(refname)', 'refs/quickserveml/inbox/');
    expect(onBranch + inInbox.split('\n').filter(ref => ref !== '').length).toBe(measured.length);
    expect(git(remote.bare, 'fsck', '--strict', '--no-dangling')).toBe('');
  });
});
