import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  buildBillionLaughs,
  buildEndlessLoop,
  buildInt4Output,
} from '../../fixtures/generator/hostile-models.ts';
import { attribute, buildModel, node, tensor, tensorValue } from '../../fixtures/generator/onnx-writer.ts';
import type { FeedTensor } from '../../src/benchmark/measurement.ts';
import { createLauncher, openModel, probeRuntime } from '../../src/runtime/launcher.ts';
import { startWorker } from '../../src/runtime/worker-process.ts';
import { lacks, projectRoot } from '../support/requirements.ts';
import { sharedModel, workerOptions } from '../support/runtime.ts';

let folder: string;
const write = (name: string, bytes: Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};
const floats = (name: string, ...values: number[]): FeedTensor => ({
  name,
  dtype: 'float32',
  shape: [values.length],
  data: new Uint8Array(new Float32Array(values).buffer),
});
const noNames = { base: null, candidate: null, only: null };

/** Asks for 4 GiB at once when it runs: the size is an input, so that nothing is folded while loading. */
const hungry = buildModel({
  graph: {
    name: 'hungry',
    nodes: [
      node('ConstantOfShape', ['size'], ['zeros'], {
        value: attribute.tensor(tensor('v', 'float32', [1], [1])),
      }),
      node('ReduceSum', ['zeros'], ['y'], { keepdims: attribute.int(0) }),
    ],
    inputs: [tensorValue('size', 'int64', [1])],
    outputs: [tensorValue('y', 'float32', [])],
  },
});
const fourGiB: FeedTensor = {
  name: 'size',
  dtype: 'int64',
  shape: [1],
  data: new Uint8Array(new BigInt64Array([2n ** 30n]).buffer),
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'worker-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(lacks('runtime'))('the process that holds the runtime', () => {
  it('says which version and providers it has', async () => {
    const { version, providers } = await probeRuntime(workerOptions);
    expect(version).toBe('1.30.0');
    expect(providers).toContain('cpu');
  });

  it('leaves no folder behind', async () => {
    const temporary = join(folder, 'temporary');
    mkdirSync(temporary);
    vi.stubEnv('TMPDIR', temporary);
    try {
      await probeRuntime(workerOptions);
    } finally {
      vi.unstubAllEnvs();
    }
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('is started in an empty folder, without tokens in its environment', async () => {
    const spy = join(folder, 'spy.mjs');
    writeFileSync(
      spy,
      `import { readdirSync } from 'node:fs';
       process.on('message', () => process.send({ kind: 'done', result: { env: process.env, files: readdirSync('.'), cwd: process.cwd() } }));
       process.on('disconnect', () => process.exit(0));`,
    );
    const planted = {
      ...process.env,
      GITHUB_TOKEN: 'planted',
      NPM_TOKEN: 'planted',
      NODE_OPTIONS: '--no-warnings',
    };
    const worker = await startWorker({ ...workerOptions, workerPath: spy, environment: planted });
    const answer: unknown = await worker.request({ kind: 'probe' }, noNames);
    await worker.close();
    expect(JSON.stringify(answer)).not.toContain('planted');
    expect(answer).toMatchObject({ files: [], env: { ORT_DISABLE_TELEMETRY: '1' } });
    expect(answer).not.toHaveProperty('cwd', process.cwd());
  });

  it('is killed with WORKER_TIMEOUT when a model never stops loading', async () => {
    const path = write('laughs.onnx', buildBillionLaughs());
    const limited = { ...workerOptions, limits: { timeMs: 3000, memoryBytes: 2 ** 33 } };
    await expect(openModel(limited, path)).rejects.toMatchObject({
      code: 'WORKER_TIMEOUT',
      step: 'load',
      message: expect.stringContaining('loading the model laughs.onnx'),
    });
  });

  it('is killed with WORKER_TIMEOUT when a run never ends', async () => {
    const path = write('endless.onnx', buildEndlessLoop());
    const model = await openModel({ ...workerOptions, limits: { timeMs: 3000, memoryBytes: null } }, path);
    await expect(model.run([floats('x', 1)])).rejects.toMatchObject({ code: 'WORKER_TIMEOUT', step: 'run' });
    await expect(model.run([floats('x', 1)])).rejects.toMatchObject({ code: 'WORKER_START_FAILED' });
    await model.close();
  });

  it('dies with WORKER_CRASHED that names the signal when the runtime aborts', async () => {
    const model = await openModel(workerOptions, write('int4.onnx', buildInt4Output()));
    await expect(model.run([floats('x', 1, 2)])).rejects.toMatchObject({
      code: 'WORKER_CRASHED',
      message: expect.stringContaining('SIGABRT'),
    });
    await model.close();
  });

  it.skipIf(process.platform !== 'linux')(
    'ends with WORKER_OUT_OF_MEMORY where the kernel holds the limit',
    async () => {
      const limited = { ...workerOptions, limits: { timeMs: 30_000, memoryBytes: 2 ** 30 } };
      const model = await openModel(limited, write('hungry.onnx', hungry));
      await expect(model.run([fourGiB])).rejects.toMatchObject({ code: 'WORKER_OUT_OF_MEMORY' });
      await model.close();
    },
  );

  it('ends with WORKER_OUT_OF_MEMORY where a watchdog holds the limit', async () => {
    const limited = {
      ...workerOptions,
      limits: { timeMs: 30_000, memoryBytes: 2 ** 28 },
      memoryGuard: 'watchdog',
    } as const;
    const model = await openModel(limited, write('hungry.onnx', hungry));
    await expect(model.run([fourGiB])).rejects.toMatchObject({ code: 'WORKER_OUT_OF_MEMORY' });
    await model.close();
  });

  it('refuses what is no model, and stays usable after a run that failed', async () => {
    await expect(openModel(workerOptions, write('text.onnx', Buffer.from('no model')))).rejects.toMatchObject(
      {
        code: 'MODEL_LOAD_REFUSED',
      },
    );
    const model = await openModel(workerOptions, write('int4.onnx', buildInt4Output()));
    await expect(model.run([])).rejects.toMatchObject({
      code: 'MODEL_RUN_FAILED',
      message: expect.not.stringContaining(folder),
    });
    expect(model.description.inputs).toEqual([{ name: 'x', isTensor: true, dtype: 'float32', shape: [2] }]);
    await model.close();
  });

  it('has no provider that this build lacks', async () => {
    const path = write('int4.onnx', buildInt4Output());
    await expect(openModel(workerOptions, path, { provider: 'coreml', threads: 1 })).rejects.toMatchObject({
      code: 'RUNTIME_PROVIDER_UNAVAILABLE',
      message: expect.stringContaining('cpu'),
    });
  });

  it('cannot start from a folder without a runtime, or from a file that does not exist', async () => {
    const empty = { ...workerOptions.runtime, packageFolder: folder };
    await expect(probeRuntime({ ...workerOptions, runtime: empty })).rejects.toMatchObject({
      code: 'WORKER_START_FAILED',
    });
    const workerPath = join(folder, 'missing.js');
    await expect(probeRuntime({ ...workerOptions, workerPath })).rejects.toMatchObject({
      code: 'WORKER_START_FAILED',
    });
  });

  it('names the model of a pair that is at fault', async () => {
    const good = write('good.onnx', buildInt4Output());
    const bad = write('bad.onnx', Buffer.from('no model'));
    const feeds = { origin: 'synthetic', digest: '', tensors: [floats('x', 1, 2)] } as const;
    const launcher = createLauncher({ ...workerOptions, modelName: 'models/a.onnx' });
    await expect(
      launcher.launchSolo({
        model: { path: bad, feeds },
        side: 'base',
        settings: { provider: 'cpu', threads: 1 },
        blocks: false,
        timeLimitMs: null,
      }),
    ).rejects.toMatchObject({
      side: 'base',
      message: expect.stringContaining('the base model models/a.onnx'),
    });
    await expect(
      launcher.launchPair({
        base: { path: good, feeds },
        candidate: { path: bad, feeds },
        settings: { provider: 'cpu', threads: 1 },
        seed: 3,
        timeLimitMs: null,
      }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/MODEL_LOAD_REFUSED|WORKER_CRASHED/) });
  });

  it.skipIf(process.platform !== 'linux')('does not outlive a parent that is told to end', async () => {
    const path = write('endless.onnx', buildEndlessLoop());
    const parent = join(folder, 'parent.ts');
    writeFileSync(
      parent,
      `import { openModel } from ${JSON.stringify(join(projectRoot, 'src/runtime/launcher.ts'))};
       const model = await openModel(${JSON.stringify({ ...workerOptions, environment: {} })}, ${JSON.stringify(path)});
       console.log('running');
       await model.run([{ name: 'x', dtype: 'float32', shape: [1], data: new Uint8Array(4) }]);`,
    );
    const child = spawn(process.execPath, ['--no-warnings', parent], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise(resolve => child.stdout.once('data', resolve));
    const childrenOf = () =>
      readdirSync('/proc').filter(name => /^\d+$/.test(name) && parentOf(name) === child.pid);
    await expect.poll(() => childrenOf().length, { timeout: 30_000 }).toBe(1);
    const [worker] = childrenOf();
    await new Promise(resolve => setTimeout(resolve, 300));
    child.kill('SIGTERM');
    await new Promise(resolve => child.once('exit', resolve));
    expect(child.signalCode).toBe('SIGTERM');
    await expect.poll(() => isAlive(worker ?? ''), { timeout: 30_000 }).toBe(false);
  });
});

function statusOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}

const parentOf = (pid: string): number => Number(/^PPid:\s+(\d+)$/m.exec(statusOf(pid))?.[1]);

/** A zombie is dead; its new parent has just not looked yet. */
const isAlive = (pid: string): boolean => /^State:\s+[^ZX]/m.test(statusOf(pid));

describe.skipIf(lacks('runtime') || lacks('models'))('real models', () => {
  it('run on the inputs that lie beside them: float32, float16, strings, integers, states', async () => {
    const names = [
      'mnist_cntk',
      'squeezenet_fp16_winml',
      'node_string_concat_utf8',
      'transformer_mlm_vespa',
      'silero_vad',
      'node_not_2d',
      'mixed_external_data',
    ];
    for (const name of names) {
      const { path, feeds } = await sharedModel(name);
      const model = await openModel(workerOptions, path);
      const named = feeds.tensors.map((feed, index) => ({
        ...feed,
        name: feed.name || (model.description.inputs[index]?.name ?? ''),
      }));
      const { outputs } = await model.run(named);
      await model.close();
      expect(
        outputs.map(output => output.name),
        name,
      ).toEqual(model.description.outputs.map(output => output.name));
    }
  });

  it('that the runtime cannot hand out end in a crash that names the signal, the model and the side', async () => {
    const { path, feeds } = await sharedModel('node_cast_FLOAT_to_INT4');
    const named = { ...feeds, tensors: feeds.tensors.map(feed => ({ ...feed, name: 'input' })) };
    const launch = createLauncher(workerOptions).launchSolo({
      model: { path, feeds: named },
      side: 'candidate',
      settings: { provider: 'cpu', threads: 1 },
      blocks: false,
      timeLimitMs: null,
    });
    await expect(launch).rejects.toMatchObject({
      code: 'WORKER_CRASHED',
      side: 'candidate',
      message: expect.stringContaining('died with SIGABRT while running the candidate model model.onnx'),
    });
  });
});
