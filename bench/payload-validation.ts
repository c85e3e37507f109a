import { createPayloadValidator } from '../src/contract/payload-validator.ts';
import type { ModelInterface, ValueInfo } from '../src/model/inspection.ts';
import { createRequestDecoder } from '../src/serving/worker/decoded-request.ts';
import { fedTensorOf } from '../src/serving/worker/model-session.ts';
import { median, megabytes, milliseconds, table } from './table.ts';

const RUNS = 15;
const GOAL_RATIO = 1;
const PAYLOAD_BYTES = 10_000_000;

const input = (name: string, dtype: ValueInfo['dtype'], shape: ValueInfo['shape']): ValueInfo => ({
  name,
  kind: 'tensor',
  dtype,
  shape,
});

const modelOf = (inputs: readonly ValueInfo[]): ModelInterface => ({
  inputs,
  outputs: [],
  optionalInputs: [],
  opsets: {},
});

/** A payload of about 10 MB: images of floats, and rows of token ids. */
const PAYLOADS = [
  {
    name: 'floats, [N, 3, 224, 224]',
    model: modelOf([input('image', 'float32', ['N', 3, 224, 224])]),
    row: () =>
      Array.from({ length: 3 }, () =>
        Array.from({ length: 224 }, () => Array.from({ length: 224 }, () => Math.fround(Math.random()))),
      ),
    key: 'image',
  },
  {
    name: 'integers, [N, 128]',
    model: modelOf([input('ids', 'int64', ['N', 128])]),
    row: () => Array.from({ length: 128 }, () => Math.floor(Math.random() * 30_000)),
    key: 'ids',
  },
];

function timeMs(act: () => unknown): number {
  const start = performance.now();
  act();
  return performance.now() - start;
}

/** What the validation of a payload costs on top of parsing it. */
export async function payloadValidation(): Promise<string> {
  const rows = PAYLOADS.map(({ name, model, row, key }) => {
    const first = row();
    const count = Math.ceil(PAYLOAD_BYTES / JSON.stringify(first).length);
    const text = JSON.stringify({
      inputs: { [key]: [first, ...Array.from({ length: count - 1 }, (): unknown => row())] },
    });
    const validate = createPayloadValidator(model, 'request', 'plain');
    const parseMs: number[] = [];
    const validateMs: number[] = [];
    for (let run = -3; run < RUNS; run++) {
      let payload: unknown;
      const parsed = timeMs(() => {
        payload = JSON.parse(text);
      });
      const validated = timeMs(() => {
        if (validate(payload).problems.length > 0) throw new Error(`${name}: refused`);
      });
      if (run < 0) continue;
      parseMs.push(parsed);
      validateMs.push(validated);
    }
    const ratio = median(validateMs) / median(parseMs);
    const goal = ratio <= GOAL_RATIO ? `≤ ${GOAL_RATIO}` : `≤ ${GOAL_RATIO}: **missed**`;
    return [
      name,
      megabytes(text.length),
      milliseconds(median(parseMs)),
      milliseconds(median(validateMs)),
      ratio.toFixed(2),
      goal,
    ];
  });
  const validation = table(
    [`payload validation, ${RUNS} runs`, 'payload', '`JSON.parse`', 'validation on top', 'ratio', 'goal'],
    rows,
  );
  return [validation, decoding()].join('\n\n');
}

const IMAGE = [1, 3, 244, 244] as const;
const NUMBERS = [
  { name: '4 decimals', number: () => Number(Math.random().toFixed(4)) },
  { name: 'float32', number: () => Math.fround(Math.random()) },
  { name: 'float64', number: Math.random },
  { name: 'bytes', number: () => Math.floor(Math.random() * 256) },
];

const nested = (shape: readonly number[], number: () => number): unknown =>
  shape.length === 0 ? number() : Array.from({ length: shape[0] ?? 0 }, () => nested(shape.slice(1), number));

/** From a body's bytes to the array that the runtime is fed with: as the server does it, and by `JSON.parse` and copying. */
function decoding(): string {
  const image = input('image', 'float32', IMAGE);
  const decode = createRequestDecoder(modelOf([image]), 1_000_000);
  const rows = NUMBERS.map(({ name, number }) => {
    const body = Buffer.from(JSON.stringify({ inputs: { image: nested(IMAGE, number) } }));
    const job = { kind: 'predict' as const, bytes: body.byteLength, headerBytes: null };
    const parseMs: number[] = [];
    const decodeMs: number[] = [];
    for (let run = -20; run < 2 * RUNS; run++) {
      const parsed = timeMs(() => {
        const { inputs } = JSON.parse(body.toString('utf8')) as { inputs: { image: number[][][][] } };
        Float32Array.from(inputs.image.flat(3));
      });
      const decoded = timeMs(() => {
        const request = decode(job, body);
        if (request.kind === 'invalid') throw new Error(`${name}: ${request.message}`);
        for (const tensor of request.tensors) fedTensorOf(tensor);
      });
      if (run < 0) continue;
      parseMs.push(parsed);
      decodeMs.push(decoded);
    }
    const [parse, own] = [median(parseMs), median(decodeMs)];
    return [
      name,
      megabytes(body.byteLength),
      milliseconds(parse),
      milliseconds(own),
      (own / parse).toFixed(2),
    ];
  });
  return table(
    [
      `a body of ${IMAGE.join(' x ')} numbers`,
      'body',
      '`JSON.parse` and copy',
      "the server's decoder, with validation",
      'ratio',
    ],
    rows,
  );
}
