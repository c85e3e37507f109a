import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/report/report.ts';
import { startGitHttpServer } from '../support/git-http-server.ts';
import { handOver, type InstalledCopy, installCopy, runtimePath } from '../support/installed-copy.ts';
import { type Content, createTestRemote, fixtureModel, type TestRemote } from '../support/pull-request.ts';
import { lacks } from '../support/requirements.ts';
import { type CliResult, runCli } from '../support/run-cli.ts';

const truncated = (): Content => {
  const bytes = readFileSync(join(fixtureModel('digits'), 'model.onnx'));
  const file = join(scratch.folder, 'truncated.onnx');
  writeFileSync(file, bytes.subarray(0, bytes.length - 1000));
  return { file };
};
let scratch: TestRemote;

const LFS_POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'ab'.repeat(32)}\nsize 123456\n`;

const CASES: readonly {
  readonly name: string;
  readonly content: () => Content;
  readonly code: string;
  readonly mentions: RegExp;
  readonly exitCode: number;
}[] = [
  {
    name: 'an empty file',
    content: () => ({ text: '' }),
    code: 'MODEL_EMPTY',
    mentions: /empty/,
    exitCode: 1,
  },
  {
    name: 'a truncated model',
    content: truncated,
    code: 'MODEL_TRUNCATED',
    mentions: /^models\/m\.onnx is cut off/,
    exitCode: 1,
  },
  {
    name: 'a Git LFS pointer without its object',
    content: () => ({ text: LFS_POINTER }),
    code: 'LFS_OBJECT_UNAVAILABLE',
    mentions: /abababab/,
    exitCode: 3,
  },
  {
    name: 'a missing external file',
    content: () => ({ file: join(fixtureModel('digits-external'), 'model.onnx') }),
    code: 'EXTERNAL_DATA_MISSING',
    mentions: /weights\.bin/,
    exitCode: 1,
  },
  {
    name: 'a model that would hang at load',
    content: () => ({ model: 'hang-load' }),
    code: 'MODEL_FUNCTION_EXPANSION',
    mentions: /function/,
    exitCode: 1,
  },
  {
    name: 'a model that hangs at run',
    content: () => ({ model: 'hang-run' }),
    code: 'WORKER_TIMEOUT',
    mentions: /run/,
    exitCode: 1,
  },
  {
    name: 'a model whose output would abort the runtime',
    content: () => ({ model: 'aborts' }),
    code: 'RUNTIME_UNSUPPORTED_DTYPE',
    mentions: /int4/,
    exitCode: 1,
  },
  {
    name: 'another type of file',
    content: () => ({ text: '<!DOCTYPE html><html><body>404</body></html>' }),
    code: 'MODEL_NOT_ONNX',
    mentions: /HTML/,
    exitCode: 1,
  },
];

const CONFIG =
  'version: 1\nruntime: { load-timeout: 3s }\nmodels:\n  m: { path: models/m.onnx, dims: { n: 1 } }\n';

describe.skipIf(lacks('runtime'))('bad input, through the built command line', () => {
  let copy: InstalledCopy;
  beforeAll(() => {
    copy = installCopy();
    scratch = createTestRemote();
  });
  afterAll(() => {
    copy[Symbol.dispose]();
    scratch[Symbol.dispose]();
  });

  const check = (clone: string, ...args: readonly string[]): Promise<CliResult> =>
    runCli({ cli: copy.cli, args: ['check', '--json', '--runtime-path', runtimePath, ...args], cwd: clone });

  for (const { name, content, code, mentions, exitCode } of CASES) {
    it(`names ${name} with its own code and hint, and records nothing`, { timeout: 120_000 }, async () => {
      using remote = createTestRemote();
      remote.commit('main', { 'quickserveml.yml': { text: CONFIG }, 'models/m.onnx': { model: 'fraud' } });
      remote.commit('change', { 'models/m.onnx': content() }, { from: 'main' });
      const clone = remote.checkout('refs/heads/change');
      handOver(remote.folder);
      const result = await check(clone, '--record', 'always', '--base', 'main');
      const report = result.json<Report>();
      const finding = report.models[0]?.findings.find(each => each.code === code);
      expect(report.models[0]?.findings.map(each => each.code)).toContain(code);
      expect(finding?.message).toMatch(mentions);
      expect(finding?.hint.length).toBeGreaterThan(20);
      expect(result.exitCode).toBe(exitCode);
      expect(report.registry.recording).toBe('skipped');
      expect(remote.registryFiles()).toEqual([]);
    });
  }

  it('answers inspect with one JSON document and exit code 2 where the file is no model', async () => {
    const result = await runCli({ cli: copy.cli, args: ['inspect', '--json', 'nowhere.onnx'], cwd: '/' });
    expect(result.exitCode).toBe(2);
    expect(result.json<{ error: { code: string } }>().error.code).toBe('MODEL_NOT_FOUND');
  });

  it('answers a command line that it does not understand with one JSON document and exit code 2', async () => {
    const result = await runCli({ cli: copy.cli, args: ['chek', '--json'], cwd: '/' });
    expect(result.exitCode).toBe(2);
    const { error } = result.json<{ error: { code: string; message: string } }>();
    expect(error.code).toBe('USAGE');
    expect(error.message).toContain('check');
  });

  it('lists every error of a broken configuration with its line', async () => {
    using remote = createTestRemote();
    const text =
      'version: 1\nmodels:\n  m:\n    pth: models/m.onnx\n    policy: { latency: { max-regresion: 5% } }\n';
    remote.commit('main', { 'quickserveml.yml': { text }, 'models/m.onnx': { model: 'fraud' } });
    const clone = remote.checkout('refs/heads/main');
    handOver(remote.folder);
    const result = await check(clone);
    expect(result.exitCode).toBe(2);
    const { error } = result.json<{ error: { code: string; message: string } }>();
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain('quickserveml.yml:4:');
    expect(error.message).toContain('did you mean "max-regression"');
  });

  it('ends with exit code 3 where a demanded record is refused, and leaves the remote as it was', {
    timeout: 60_000,
  }, async () => {
    using remote = createTestRemote();
    remote.commit('main', { 'models/m.onnx': { model: 'fraud' } });
    await using server = await startGitHttpServer(remote.folder, {
      intercept: ({ url }) => (url.includes('git-receive-pack') ? 403 : null),
    });
    const clone = remote.checkout('refs/heads/main');
    remote.setUrl(clone, `${server.url}/remote.git`);
    handOver(clone);
    const result = await check(clone, '--record', 'always');
    expect(result.exitCode).toBe(3);
    const report = result.json<Report>();
    expect(report.registry.recording).toBe('failed');
    expect(report.findings.map(each => each.code)).toContain('REGISTRY_WRITE_REFUSED');
    expect(report.registry.reason).toBe(
      `The remote ${server.url}/remote.git refuses pushes to the registry branch "quickserveml": permission to write is missing`,
    );
    expect(report.gate).toBe('no-verdict');
    expect(remote.registryFiles()).toEqual([]);
  });
});
