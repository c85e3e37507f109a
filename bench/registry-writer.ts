/**
 * One writer of the registry bench, as a process of its own: says that it is ready, waits for `go` on stdin, writes, and
 * prints a line of JSON for each write that was reported done.
 */

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { noCredentials } from '../src/git/credentials.ts';
import { gitEnvironment } from '../src/git/git-environment.ts';
import { openRegistry } from '../src/registry/registry.ts';
import { testFingerprint } from '../test/support/git-registries.ts';

interface Task {
  readonly url: string;
  readonly writer: number;
  readonly writes: number;
  readonly kind: 'measurements' | 'versions';
  readonly folder: string;
}

const task = JSON.parse(process.argv[2] ?? '{}') as Task;
const registry = openRegistry({
  remote: { name: 'origin', url: task.url, credentials: noCredentials },
  environment: gitEnvironment({ ...process.env, TMPDIR: task.folder, GIT_CONFIG_GLOBAL: '/dev/null' }),
  now: Date.now,
  random: Math.random,
  sleep: ms => new Promise(resolve => setTimeout(resolve, ms)),
  author: { name: `writer ${task.writer}`, email: `writer-${task.writer}@example.com` },
  runUrl: null,
  toolVersion: '0.0.0',
  patienceMs: 180_000,
});
const say = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

async function writeMeasurement(index: number): Promise<void> {
  const begunAt = Date.now();
  const value = task.writer * 1000 + index;
  const { via, acceptedAt } = await registry.addMeasurements([
    {
      model: `model-${task.writer % 10}`,
      sha256: createHash('sha256').update('model').digest('hex'),
      version: null,
      commit: null,
      fingerprint: testFingerprint,
      metrics: { latency: value },
    },
  ]);
  say({ value, via, acceptedMs: acceptedAt - begunAt, doneMs: Date.now() - begunAt });
}

async function writeVersion(index: number): Promise<void> {
  const begunAt = Date.now();
  const bytes = Buffer.from(`bytes of ${task.writer} ${index}`);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const file = join(task.folder, sha256);
  writeFileSync(file, bytes);
  const part = { path: 'model.onnx', sha256, sizeBytes: bytes.length };
  const [outcome] = await registry.record([
    {
      model: `model-${task.writer % 10}`,
      identity: { sha256, sizeBytes: bytes.length, parts: [part] },
      bytes: { files: new Map([[sha256, file]]), blobLimitBytes: 1e6, otherwise: null },
      interface: { inputs: [], outputs: [], opsets: {}, optionalInputs: [] },
      inspection: null,
      source: { commit: null, path: 'model.onnx' },
      bumpOf: previous => (previous === null ? 'none' : 'minor'),
      measurement: null,
      verdict: null,
    },
  ]);
  const doneMs = Date.now() - begunAt;
  say({ value: `${outcome?.model} ${outcome?.version}`, via: 'branch', acceptedMs: doneMs, doneMs });
}

say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== 'go') continue;
  for (let index = 0; index < task.writes; index += 1) {
    await (task.kind === 'measurements' ? writeMeasurement(index) : writeVersion(index));
  }
  break;
}
process.stdin.destroy();
