import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_ALPHA, evaluateDataset } from '../src/cases/accuracy.ts';
import { encodeNpy } from '../src/cases/npy.ts';
import { openDataset } from '../src/cases/open-dataset.ts';
import { makeZip } from '../src/cases/zip.ts';
import { interfaceOf } from '../src/model/model-interface.ts';
import { readModel } from '../src/model/model-reader.ts';
import { createModelRunner } from '../src/runtime/model-runner.ts';
import { PINNED_RUNTIME_VERSION } from '../src/runtime/runtime-location.ts';
import { silentProgress } from '../src/shared/progress.ts';
import { bytesOfElements } from '../src/shared/tensor-bytes.ts';
import { against, median, milliseconds, table } from './table.ts';

const ROWS = 10_000;
const RUNS = 5;
const GOAL_RATIO = 1.1;
const root = join(import.meta.dirname, '..');

/** The least that such an evaluation can be: one process, the data in memory, a session, a loop, argmax. */
const BARE_LOOP = `
globalThis.Float16Array = undefined;
const [modelPath, dataPath, rows, width, batch, input] = process.argv.slice(1);
const ort = require('onnxruntime-node');
const data = new Float32Array(require('node:fs').readFileSync(dataPath).buffer);
(async () => {
  const session = await ort.InferenceSession.create(modelPath, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4, extra: { session: { intra_op: { allow_spinning: '0' } } } });
  const shape = session.inputMetadata[0].shape.slice(1);
  const start = performance.now();
  let sum = 0;
  for (let from = 0; from < +rows; from += +batch) {
    const count = Math.min(+batch, +rows - from);
    const tensor = new ort.Tensor('float32', data.subarray(from * +width, (from + count) * +width), [count, ...shape]);
    const scores = (await session.run({ [input]: tensor }))[session.outputNames[0]].data;
    for (let row = 0; row < count; row++) {
      let best = 0;
      for (let index = 1; index < 10; index++) if (scores[row * 10 + index] > scores[row * 10 + best]) best = index;
      sum += best;
    }
  }
  console.log(JSON.stringify({ ms: performance.now() - start, sum }));
})();
`;

/** Evaluation of 10,000 labelled rows through the worker process, against a bare session loop in one process. */
export async function datasetEvaluation(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'quickserveml-bench-'));
  try {
    const modelPath = join(root, 'fixtures/models/digits/model.onnx');
    const model = interfaceOf(readModel(modelPath));
    const [input] = model.inputs;
    if (input === undefined) throw new Error('the fixture has no input');
    const rowShape = (input.shape ?? []).slice(1).map(Number);
    const width = rowShape.reduce((product, size) => product * size, 1);
    const pixels = Array.from({ length: ROWS * width }, (_, index) => ((index * 31) % 97) / 97);
    const data = bytesOfElements('float32', pixels);
    const labels = bytesOfElements(
      'int64',
      Array.from({ length: ROWS }, (_, row) => row % 10),
    );
    const dataPath = join(folder, 'rows.bin');
    const datasetPath = join(folder, 'rows.npz');
    writeFileSync(dataPath, data);
    const arrays = [
      { name: `${input.name}.npy`, bytes: encodeNpy({ dtype: 'float32', shape: [ROWS, ...rowShape], data }) },
      { name: 'label.npy', bytes: encodeNpy({ dtype: 'int64', shape: [ROWS], data: labels }) },
    ];
    writeFileSync(datasetPath, makeZip(arrays));
    const rows: string[][] = [];
    for (const batch of [1, 32]) {
      const plan = {
        metrics: [{ metric: 'accuracy', policy: { min: null, maxDrop: null } } as const],
        average: 'macro',
        output: null,
        classes: null,
        batch,
        seed: 1,
        alpha: DEFAULT_ALPHA,
      } as const;
      const bareMs: number[] = [];
      const oursMs: number[] = [];
      for (let run = 0; run < RUNS; run++) {
        const args = [
          '-e',
          BARE_LOOP,
          modelPath,
          dataPath,
          String(ROWS),
          String(width),
          String(batch),
          input.name,
        ];
        const bare = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
        bareMs.push(JSON.parse(bare.stdout).ms);
        await using runner = createModelRunner(
          {
            runtime: {
              packageFolder: join(root, 'node_modules/onnxruntime-node'),
              version: PINNED_RUNTIME_VERSION,
              pinned: true,
              origin: 'package',
            },
            workerPath: join(root, 'src/runtime/worker.ts'),
            limits: { timeMs: 60_000, memoryBytes: null },
            environment: process.env,
          },
          modelPath,
        );
        // Starting the process and loading the model is not part of the loop on either side.
        await runner.run([
          { name: input.name, dtype: 'float32', shape: [1, ...rowShape], data: data.slice(0, width * 4) },
        ]);
        const dataset = await openDataset(datasetPath, model, { label: null });
        const start = performance.now();
        await evaluateDataset({ model, runner, dataset, plan, progress: silentProgress, what: 'bench' });
        oursMs.push(performance.now() - start);
      }
      const ratio = median(oursMs) / median(bareMs);
      rows.push([
        `batch ${batch}`,
        milliseconds(median(bareMs)),
        milliseconds(median(oursMs)),
        ratio.toFixed(2),
        against(ratio, GOAL_RATIO, GOAL_RATIO.toFixed(2)),
      ]);
    }
    return table(
      [
        `evaluation of ${ROWS.toLocaleString('en')} rows, ${RUNS} runs`,
        'bare session loop',
        '`test --dataset`',
        'ratio',
        'goal',
      ],
      rows,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
