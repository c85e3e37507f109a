import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CompareOptions, compareCommand } from '../../src/commands/compare.ts';
import { addVersion } from '../../src/commands/registry/add.ts';
import { initRegistry } from '../../src/commands/registry/upkeep.ts';
import type { Report } from '../../src/report/report.ts';
import { createBare, createClone, temporaryFolder } from '../support/git-repositories.ts';
import { fixtureModel } from '../support/pull-request.ts';
import { lacks } from '../support/requirements.ts';
import { installedRuntime } from '../support/runtime.ts';
import { testSurroundings } from '../support/surroundings.ts';

const modelOf = (name: string): string => join(fixtureModel(name), 'model.onnx');

async function compare(base: string, candidate: string, more: Partial<CompareOptions> & { cwd: string }) {
  const { document, text, exitCode } = await compareCommand(
    {
      base,
      candidate,
      budget: '2s',
      runtimePath: installedRuntime.packageFolder,
      insecure: [],
      color: false,
      ...more,
    },
    // As on a laptop, wherever the tests run.
    { ...testSurroundings(), env: { PATH: process.env['PATH'], HOME: process.env['HOME'] } },
  );
  const report = document as Report;
  return { report, model: report.models[0], text, exitCode };
}

describe.skipIf(lacks('runtime'))('compare', () => {
  it('gives the verdict of a check on two files, without a repository', async () => {
    await using folder = temporaryFolder();
    copyFileSync(modelOf('digits'), join(folder.path, 'old.onnx'));
    copyFileSync(modelOf('digits-renamed-input'), join(folder.path, 'new.onnx'));
    const { report, model, text, exitCode } = await compare('old.onnx', 'new.onnx', {
      cwd: folder.path,
      reportDir: 'out',
    });
    expect(exitCode).toBe(1);
    expect(report).toMatchObject({ gate: 'failed', base: null, head: null });
    expect(model).toMatchObject({ name: 'new', path: 'new.onnx', base: { path: 'old.onnx' } });
    expect(model?.contract?.changes).toMatchObject([{ effect: 'breaking', rule: 'input-renamed' }]);
    expect(model?.measurement.kind).toBe('interleaved');
    expect(text).toContain('new breaks its callers');
    expect(text).toMatch(/compared with +old\.onnx/);
    expect(text).toContain('Flag: --accept break:new.');
    const page = readFileSync(join(folder.path, 'out/report.html'), 'utf8');
    expect(page).not.toContain('no base to compare with');
    expect(page).toContain('compared with <code>old.onnx</code>');
  });

  it('lets through by name what is accepted', async () => {
    const { model, exitCode } = await compare(modelOf('digits'), modelOf('digits-renamed-input'), {
      cwd: fixtureModel('digits'),
      accept: ['break:digits-renamed-input', 'slower:digits-renamed-input'],
    });
    expect(exitCode).toBe(0);
    expect(model?.accepted).toMatchObject([{ finding: 'break:digits-renamed-input' }]);
  });

  it('measures nothing of two files with the same bytes', async () => {
    await using folder = temporaryFolder();
    const { model, text, exitCode } = await compare(modelOf('digits'), modelOf('digits'), {
      cwd: folder.path,
    });
    expect(exitCode).toBe(0);
    expect(model).toMatchObject({ state: { kind: 'identical' }, measurement: { kind: 'not-measured' } });
    expect(text).toContain('digits is the same file as in the base');
  });

  it('takes versions of the registry, beside files and each other', async () => {
    await using folder = temporaryFolder();
    const cwd = createClone(folder.path, 'work', `file://${createBare(folder.path)}`);
    copyFileSync(modelOf('digits'), join(cwd, 'digits.onnx'));
    copyFileSync(modelOf('digits-wide'), join(cwd, 'wide.onnx'));
    const world = { ...testSurroundings(), cacheFolder: join(folder.path, 'cache') };
    await initRegistry({ cwd }, world);
    for (const file of ['digits.onnx', 'wide.onnx'])
      await addVersion({ cwd, name: 'digits', file, tag: [], insecure: [] }, world);
    const { model } = await compare('digits@1.0.0', 'digits@1.0.1', { cwd });
    expect(model).toMatchObject({ name: 'digits', path: 'digits@1.0.1', base: { path: 'digits@1.0.0' } });
    expect(model?.base?.sizeBytes).toBeLessThan(model?.candidate?.sizeBytes ?? 0);
    const { model: same } = await compare('digits@1.0.1', 'wide.onnx', { cwd });
    expect(same).toMatchObject({ name: 'wide', state: { kind: 'identical' } });
  });

  it('refuses sizes of dimensions that neither model has', async () => {
    await expect(
      compare(modelOf('digits'), modelOf('digits-wide'), { cwd: fixtureModel('digits'), dim: ['rows=2'] }),
    ).rejects.toMatchObject({ code: 'USAGE' });
  });
});
