import { createPayloadValidator } from '../src/contract/payload-validator.ts';
import type { ModelInterface, ValueInfo } from '../src/model/inspection.ts';
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
  return table(
    [`payload validation, ${RUNS} runs`, 'payload', '`JSON.parse`', 'validation on top', 'ratio', 'goal'],
    rows,
  );
}
