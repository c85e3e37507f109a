import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fingerprint } from '../../src/benchmark/measurement.ts';
import { noCredentials, type RemoteCredentials } from '../../src/git/credentials.ts';
import type { ModelInterface } from '../../src/model/inspection.ts';
import type { RecordEntry } from '../../src/registry/record-entry.ts';
import { openRegistry, type Registry, type RegistryOptions } from '../../src/registry/registry.ts';
import { commitFiles, createClone, git, sha256, testEnvironment } from './git-repositories.ts';

export function registryAt(
  folder: string,
  url: string,
  more: Partial<RegistryOptions> & { readonly credentials?: RemoteCredentials } = {},
): Registry {
  const { credentials = noCredentials, ...options } = more;
  return openRegistry({
    remote: { name: 'origin', url, credentials },
    environment: testEnvironment(folder),
    now: Date.now,
    random: Math.random,
    sleep: ms => new Promise(resolve => setTimeout(resolve, ms)),
    author: { name: 'Ada', email: 'ada@example.com' },
    runUrl: 'https://ci.example.com/runs/7',
    toolVersion: '0.0.0',
    ...options,
  });
}

export const plainInterface: ModelInterface = {
  inputs: [{ name: 'x', kind: 'tensor', dtype: 'float32', shape: [1, 'N'] }],
  outputs: [{ name: 'y', kind: 'tensor', dtype: 'float32', shape: [1, 'N'] }],
  opsets: { 'ai.onnx': 17 },
  optionalInputs: [],
};

export const testFingerprint: Fingerprint = {
  key: 'abc123',
  cpuModel: 'test',
  isa: 'avx2',
  cores: 2,
  cpuQuota: null,
  memoryGiB: 8,
  os: 'linux',
  kernel: '6',
  arch: 'x64',
  nodeVersion: '24',
  runtimeVersion: '1',
  provider: 'cpu',
  threads: 1,
};

/** An entry for a model of one file; its bytes are written below `folder`. */
export function entryFor(
  folder: string,
  model: string,
  bytes: Buffer,
  more: Partial<RecordEntry> & { readonly blobLimitBytes?: number } = {},
): RecordEntry {
  const digest = sha256(bytes);
  const source = join(folder, 'sources', digest);
  mkdirSync(join(folder, 'sources'), { recursive: true });
  writeFileSync(source, bytes);
  const { blobLimitBytes = 5_000_000, ...rest } = more;
  return {
    model,
    identity: {
      sha256: digest,
      sizeBytes: bytes.length,
      parts: [{ path: 'model.onnx', sha256: digest, sizeBytes: bytes.length }],
    },
    bytes: { files: new Map([[digest, source]]), blobLimitBytes, otherwise: null },
    interface: plainInterface,
    inspection: null,
    source: { commit: 'a'.repeat(40), path: `models/${model}.onnx` },
    bumpOf: previous => (previous === null ? 'none' : 'minor'),
    measurement: {
      fingerprint: testFingerprint,
      metrics: { latency: 1.5 },
    },
    verdict: { gate: 'passed', policyDigest: 'd'.repeat(64), baseCommit: null },
    ...rest,
  };
}

/** The branch that `registryAt` works on. */
export const registryBranch = 'quickserveml';

/**
 * Changes files on the registry branch by hand, as somebody with an editor would.
 * @param change from the paths that are there and the clone that they lie in; null deletes
 * @returns the commit
 */
export function plantFiles(
  folder: string,
  bare: string,
  change: (files: readonly string[], clone: string) => Parameters<typeof commitFiles>[1],
): string {
  const clone = createClone(folder, `plant-${readdirSync(folder).length}`, `file://${bare}`);
  if (git(bare, 'for-each-ref', `refs/heads/${registryBranch}`) !== '') {
    git(clone, 'fetch', '--quiet', 'origin', registryBranch);
    git(clone, 'reset', '--quiet', '--hard', 'FETCH_HEAD');
  }
  const commit = commitFiles(clone, change(git(clone, 'ls-files').split('\n'), clone));
  git(clone, 'push', '--quiet', 'origin', `HEAD:${registryBranch}`);
  return commit;
}
