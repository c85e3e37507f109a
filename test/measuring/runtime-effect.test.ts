import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measureRuntimeEffect } from '../../src/benchmark/runtime-effect.ts';
import { decodeTensorFile } from '../../src/benchmark/tensor-file.ts';
import { describeRuntimeEffect } from '../../src/commands/check/runtime-findings.ts';
import { readCaseFiles } from '../../src/runtime/case-files.ts';
import { createLauncher } from '../../src/runtime/launcher.ts';
import { lacks, projectRoot } from '../support/requirements.ts';
import { installedRuntime, workerOptions } from '../support/runtime.ts';
import { plantRuntime } from '../support/runtime-doubles.ts';
import { plan } from '../support/simulated-launcher.ts';

describe.skipIf(lacks('runtime'))('the effect of another runtime', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quickserveml-runtimes-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const measure = async (packageFolder: string, version: string, gate: 'hard' | 'warn' = 'warn') => {
    const model = join(projectRoot, 'fixtures/models/digits');
    const tensors = ((await readCaseFiles(model)) ?? []).map(decodeTensorFile);
    const effect = await measureRuntimeEffect({
      plan: { ...plan, budgetMs: 20_000 },
      model: {
        path: join(model, 'model.onnx'),
        feeds: { origin: 'case', digest: 'digits', tensors },
      },
      base: createLauncher(workerOptions),
      candidate: createLauncher({
        ...workerOptions,
        runtime: { ...installedRuntime, packageFolder, version },
      }),
      now: () => performance.now(),
    });
    const versions = { base: '1.30.0', candidate: version };
    return { effect, finding: describeRuntimeEffect(effect, versions, gate) };
  };

  it('is none for a copy of the same runtime', async () => {
    const copy = join(folder, 'onnxruntime-node');
    await cp(join(installedRuntime.packageFolder, 'package.json'), join(copy, 'package.json'));
    for (const part of ['dist', 'bin']) {
      await symlink(join(installedRuntime.packageFolder, part), join(copy, part));
    }
    await symlink(join(projectRoot, 'node_modules'), join(folder, 'node_modules'));
    const { effect, finding } = await measure(copy, '1.30.0');
    expect(['unchanged', 'inconclusive']).toContain(effect.latency.decision.kind);
    expect(finding.severity).toBe('info');
  });

  it('is found where a runtime takes twice as long, and named as the cause', async () => {
    const { packageFolder, version } = await plantRuntime(folder, 'slow-run');
    const { effect, finding } = await measure(packageFolder, version);
    expect(effect.latency).toMatchObject({ decision: { kind: 'regressed' }, remeasured: true });
    expect(finding).toMatchObject({ code: 'RUNTIME_SLOWER', severity: 'warning' });
    expect(finding.message).toContain('1.30.0 → 1.29.9');
  });
});
