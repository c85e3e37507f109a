import { createHash } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'rolldown';
import { compressedLayer } from '../src/container/image/layer.ts';
import { fileContent, type TarEntry } from '../src/container/image/tar.ts';
import { plainRegistries } from '../test/support/base-images.ts';
import { startContainerRegistry } from '../test/support/container-registries.ts';
import { pushNodeBase } from '../test/support/node-base.ts';
import { lacks } from '../test/support/requirements.ts';
import { projectRoot, sampleNode } from './process-sample.ts';
import { floor, peersOn, type Workload } from './publish/peers.ts';
import { against, median, megabytes, milliseconds, table } from './table.ts';

const ROUNDS = 3;
const APPLICATION_BYTES = 30_000_000;
const MODEL_BYTES = 100_000_000;
/** `QUICKSERVEML_BENCH_FULL=1` pushes the 3 GB of the goal; the short form a tenth of them. */
const LARGE_BYTES = process.env['QUICKSERVEML_BENCH_FULL'] === '1' ? 3_000_000_000 : 300_000_000;

const FIRST_PUSH_RATIO_GOAL = 0.6;
const LABEL_GOAL_MS = 300;
const MEMORY_GOAL_BYTES = 150_000_000;

/** Bytes that do not compress, like weights: blocks of a hash chain over a random megabyte. */
function writeWeights(path: string, sizeBytes: number, seed: string): void {
  const block = Buffer.alloc(1_000_000);
  for (let at = 0; at < block.length; at += 32) {
    createHash('sha256').update(`${seed}:${at}`).digest().copy(block, at);
  }
  const file = openSync(path, 'w');
  for (let written = 0; written < sizeBytes; written += block.length) {
    block.writeUInt32LE(written / block.length, 0);
    writeSync(file, block, 0, Math.min(block.length, sizeBytes - written));
  }
  closeSync(file);
}

/** 30 MB of real code: a part of the runtime's own library, other bytes for every seed. */
function writeApplication(folder: string, seed: string): string {
  const application = join(folder, 'application');
  mkdirSync(application, { recursive: true });
  const library = join(
    projectRoot,
    `node_modules/onnxruntime-node/bin/napi-v6/linux/${process.arch}/libonnxruntime.so.1`,
  );
  const bytes = readFileSync(library).subarray(0, APPLICATION_BYTES);
  bytes.write(seed);
  writeFileSync(join(application, 'runtime.so'), bytes);
  return application;
}

async function bundlePush(folder: string): Promise<string> {
  await build({
    cwd: projectRoot,
    input: { 'push-image': 'bench/publish/push-image.ts' },
    platform: 'node',
    output: { dir: join(folder, 'bundle'), format: 'esm', minify: true },
    logLevel: 'warn',
  });
  const path = join(folder, 'bundle/push-image.mjs');
  copyFileSync(join(folder, 'bundle/push-image.js'), path);
  return path;
}

type Times = { readonly first: number[]; readonly label: number[]; readonly model: number[] };
const noTimes = (): Times => ({ first: [], label: [], model: [] });

function timed(run: () => void): number {
  const startMs = performance.now();
  run();
  return performance.now() - startMs;
}

/** What is pushed for the first time has to be new to everybody: skopeo mounts what it has pushed elsewhere before. */
function writeRound({ folder, models }: Workload, seed: string): void {
  writeApplication(folder, seed);
  writeWeights(models[0], MODEL_BYTES, `one ${seed}`);
  writeWeights(models[1], MODEL_BYTES, `two ${seed}`);
}

/** What a release would know of the layer of the application, as it does of the runtime's. */
async function pinOf(application: string, folder: string): Promise<string> {
  const entries: TarEntry[] = [
    { kind: 'folder', path: 'app', mode: 0o755 },
    {
      kind: 'file',
      path: 'app/runtime.so',
      mode: 0o644,
      content: await fileContent(join(application, 'runtime.so')),
    },
  ];
  const { descriptor, diffId } = await compressedLayer(entries, 'application', folder);
  return JSON.stringify({ digest: descriptor.digest, size: descriptor.size, diffId });
}

async function compare(workload: Workload, script: string): Promise<string> {
  const { host, application, models, folder } = workload;
  const cache = join(folder, 'cache');
  let pin = await pinOf(application, join(folder, 'pinned'));
  const push = async (target: string, model: string, label: string, memory = false) =>
    sampleNode(
      [script, `${host}/base/node:24`, `${host}/${target}:1`, application, model, cache, label, pin],
      { memory },
    );
  const { peers, missing } = peersOn(workload);
  for (const peer of peers) peer.prepare();
  const ours = noTimes();
  const others = new Map(peers.map(peer => [peer.name, noTimes()]));
  const floors: number[] = [];
  const cold = (await push('ours/cold', models[0], 'cold')).wallMs;
  // Interleaved; the first round warms the disk's cache and does not count. Every round has bytes of its own.
  for (let round = -1; round < ROUNDS; round += 1) {
    const kept = round < 0 ? [] : [round];
    rmSync(join(cache, 'facts'), { recursive: true, force: true });
    writeRound(workload, `round ${round}`);
    pin = await pinOf(application, join(cache, 'layers'));
    const first = (await push(`ours/r${round + 1}`, models[0], 'one')).wallMs;
    const label = (await push(`ours/r${round + 1}`, models[0], 'two')).wallMs;
    const model = (await push(`ours/r${round + 1}`, models[1], 'one')).wallMs;
    const floorMs = timed(() =>
      floor(host, `floor/r${round + 1}`, [join(application, 'runtime.so'), models[0]]),
    );
    for (const _round of kept) {
      ours.first.push(first);
      ours.label.push(label);
      ours.model.push(model);
      floors.push(floorMs);
    }
    for (const peer of peers) {
      const times = others.get(peer.name);
      const measured = {
        first: timed(() => peer.first(round + 1)),
        label: timed(() => peer.label(round + 1)),
        model: timed(() => peer.model(round + 1)),
      };
      for (const _round of kept) {
        times?.first.push(measured.first);
        times?.label.push(measured.label);
        times?.model.push(measured.model);
      }
    }
  }
  const row = (name: string, { first, label, model }: Times): string[] => [
    name,
    milliseconds(median(first)),
    milliseconds(median(label)),
    milliseconds(median(model)),
  ];
  const quickest = Math.min(...[...others.values()].map(({ first }) => median(first)));
  const ratio = median(ours.first) / quickest;
  const floorMs = median(floors);
  const large = join(folder, 'large.onnx');
  writeWeights(large, LARGE_BYTES, 'large');
  const largePush = await push('ours/large', large, 'one', true);
  return [
    table(
      ['', 'first push', 'a label changed', 'the model changed'],
      [
        row('quickserveml', ours),
        ['quickserveml, nothing in its cache', milliseconds(cold), '', ''],
        ...[...others].map(([name, times]) => row(name, times)),
        ['floor: sha256sum + curl', milliseconds(floorMs), '', ''],
      ],
    ),
    ...(missing.length === 0 ? [] : ['', `Not measured, since it is not here: ${missing.join(', ')}.`]),
    '',
    table(
      ['', 'measured', 'goal'],
      [
        [
          'first push, × the quickest other',
          peers.length === 0 ? '' : ratio.toFixed(2),
          peers.length === 0 ? '' : against(ratio, FIRST_PUSH_RATIO_GOAL, String(FIRST_PUSH_RATIO_GOAL)),
        ],
        ['first push, × the floor', (median(ours.first) / floorMs).toFixed(2), ''],
        [
          'a label changed',
          milliseconds(median(ours.label)),
          against(median(ours.label), LABEL_GOAL_MS, '300 ms'),
        ],
        [
          `peak memory with a model of ${megabytes(LARGE_BYTES)} (${milliseconds(largePush.wallMs)})`,
          megabytes(largePush.peakRssBytes ?? 0),
          against(largePush.peakRssBytes ?? 0, MEMORY_GOAL_BYTES, '150 MB'),
        ],
      ],
    ),
    '',
    `An application of ${megabytes(APPLICATION_BYTES)} and a model of ${megabytes(MODEL_BYTES)} on a base image that is in the registry (docker-registry, loopback), median of ${ROUNDS}.`,
    'Application and models are new bytes in every round, so that nobody can mount what an earlier one pushed. The compressed application is in the cache, as the runtime is after the first publish from a machine; hashes of models are not. Without the gate and the record, which the others do not have.',
  ].join('\n');
}

/** Pushing an image, against buildah and umoci with skopeo. */
export async function publish(): Promise<string> {
  if (lacks('docker-registry')) return 'Not measured: docker-registry is not here.';
  const folder = mkdtempSync(join(tmpdir(), 'quickserveml-bench-'));
  try {
    await using registry = await startContainerRegistry(folder);
    await using registries = plainRegistries(registry.host);
    await pushNodeBase(registries.repository({ registry: registry.host, repository: 'base/node' }), '24');
    const models = ['one', 'two'].map(name => join(folder, `${name}.onnx`)) as unknown as [string, string];
    const application = writeApplication(folder, 'cold');
    const workload = { folder, host: registry.host, application, models };
    writeRound(workload, 'cold');
    return await compare(workload, await bundlePush(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
