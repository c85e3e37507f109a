/**
 * session.run in a loop on the tensors of a request, so many times over along the first dimension; nothing around it.
 * Prints requests a second. bare-loop.ts MODEL PAYLOAD SECONDS BATCH
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as OnnxRuntime from 'onnxruntime-node';
import { sessionOptionsOf } from '../../src/runtime/session-options.ts';

Object.defineProperty(globalThis, 'Float16Array', { value: undefined, configurable: true });
const runtime = createRequire(import.meta.url)('onnxruntime-node') as typeof OnnxRuntime;
const [model = '', payload = '', seconds = '5', size = '1'] = process.argv.slice(2);
const batch = Number(size);
const session = await runtime.InferenceSession.create(
  model,
  sessionOptionsOf({ provider: 'cpu', threads: 1 }),
);
const { inputs } = JSON.parse(readFileSync(payload, 'utf8')) as { inputs: Record<string, unknown> };
const shapeOf = (value: unknown): number[] =>
  Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : [];
const feeds = Object.fromEntries(
  session.inputMetadata.map(info => {
    const value = inputs[info.name];
    const one = [value].flat(8) as number[];
    const flat = Array.from({ length: batch }, () => one).flat();
    const [rows = 1, ...inner] = shapeOf(value);
    const shape = [rows * batch, ...inner];
    const isWhole = info.isTensor && info.type === 'int64';
    const tensor = isWhole
      ? new runtime.Tensor('int64', BigInt64Array.from(flat, BigInt), shape)
      : new runtime.Tensor('float32', Float32Array.from(flat), shape);
    return [info.name, tensor];
  }),
);
for (let run = 0; run < 10; run++) await session.run(feeds);
const begin = performance.now();
const end = begin + Number(seconds) * 1000;
let runs = 0;
while (performance.now() < end) {
  await session.run(feeds);
  runs += 1;
}
process.stdout.write(`${(runs * batch * 1000) / (performance.now() - begin)}\n`);
