import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { benchmarkCommand } from '../../src/commands/benchmark.ts';
import type { Surroundings } from '../../src/commands/surroundings.ts';
import type { TestRegistry } from '../support/npm-registry.ts';
import { fixtureModel } from '../support/pull-request.ts';
import { lacks } from '../support/requirements.ts';
import { packOtherVersion, packRuntime, startRuntimeRegistry } from '../support/runtime-registry.ts';
import { testSurroundings } from '../support/surroundings.ts';

const OTHER = '1.29.9';
const digits = join(fixtureModel('digits'), 'model.onnx');

describe.skipIf(lacks('runtime'))('benchmark --runtime', () => {
  let folder: string;
  let registry: TestRegistry;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'quickserveml-other-runtime-'));
    registry = await startRuntimeRegistry(OTHER, {
      'onnxruntime-common': await packRuntime('onnxruntime-common'),
      'onnxruntime-node': await packOtherVersion(OTHER),
    });
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const world = (): Surroundings => ({
    ...testSurroundings(),
    env: { PATH: process.env['PATH'], HOME: folder, npm_config_registry: registry.url },
    homeFolder: folder,
    cacheFolder: join(folder, 'cache'),
  });
  const options = {
    model: digits,
    budget: '3s',
    threads: 1,
    provider: 'cpu',
    seed: 7,
    cwd: '',
    runtime: OTHER,
  };

  it('installs the version that is asked for, measures with it and says so', async () => {
    const { document, text } = await benchmarkCommand({ ...options, cwd: folder }, world());
    expect(document).toMatchObject({ fingerprint: { runtimeVersion: OTHER } });
    const { measured } = document as { measured: { latencyMs: number } };
    expect(measured.latencyMs).toBeGreaterThan(0);
    expect(text).toContain(`onnxruntime ${OTHER}`);
    const installed = `onnxruntime-${OTHER}-${process.platform}-${process.arch}`;
    expect(existsSync(join(folder, 'cache/runtime', installed))).toBe(true);
    const fetched = registry.requests.length;
    const same = await benchmarkCommand({ ...options, cwd: folder, against: digits }, world());
    expect(same.text).toContain('Both files have the same bytes');
    const renamed = join(fixtureModel('digits-renamed-input'), 'model.onnx');
    const { text: broken } = await benchmarkCommand(
      { ...options, budget: '1s', cwd: folder, model: renamed, against: digits },
      world(),
    );
    expect(broken).toContain('Callers break: Input "image" is now called "pixels"');
    expect(broken).not.toContain('same bytes');
    expect(broken).toMatch(/inconclusive: .*A larger --budget \(it was 1s\)/su);
    expect(registry.requests.length).toBe(fetched);
  });

  it('measures a scenario with it', async () => {
    const { document } = await benchmarkCommand(
      { ...options, cwd: folder, scenario: ['cold-start'] },
      world(),
    );
    expect(JSON.stringify(document)).toContain(OTHER);
  });

  it('is an error of its own where there is no such version', async () => {
    const missing = benchmarkCommand({ ...options, cwd: folder, runtime: '1.2.3-none' }, world());
    await expect(missing).rejects.toMatchObject({ code: expect.stringMatching(/^RUNTIME_/) });
  });
});
