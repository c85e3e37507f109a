import { describe, expect, it } from 'vitest';
import { PAYLOAD_FORMS, type PayloadForm, type PayloadSide } from '../../../src/contract/payload-forms.ts';
import { decodePayloadTensor } from '../../../src/contract/payload-tensors.ts';
import { createPayloadValidator, recogniseForm } from '../../../src/contract/payload-validator.ts';
import type { ModelInterface } from '../../../src/model/inspection.ts';
import { modelOf, tensor } from './payload-fixtures.ts';

const image = modelOf([tensor('image', 'float32', [1, 2, 3])]);
const tokens = modelOf([
  tensor('ids', 'int64', ['batch', 'tokens']),
  tensor('mask', 'int64', ['batch', 'tokens']),
]);

function problemsOf(
  model: ModelInterface,
  payload: unknown,
  form: PayloadForm = 'plain',
  side: PayloadSide = 'request',
): readonly string[] {
  return createPayloadValidator(
    model,
    side,
    form,
  )(payload).problems.map(({ path, message }) => `${path}: ${message}`);
}

describe('payload validator', () => {
  it('accepts a payload of the right shape in every form', () => {
    const data = [
      [
        [1, 2.5, -3],
        [4, 5, 6],
      ],
    ];
    expect(problemsOf(image, { inputs: { image: data } })).toEqual([]);
    expect(problemsOf(image, { data }, 'single')).toEqual([]);
    const v2 = { name: 'image', shape: [1, 2, 3], datatype: 'FP32' };
    expect(problemsOf(image, { inputs: [{ ...v2, data: data.flat(2) }] }, 'v2')).toEqual([]);
    expect(problemsOf(image, { id: '1', inputs: [{ ...v2, data }], outputs: [{ name: 'y' }] }, 'v2')).toEqual(
      [],
    );
  });

  it('names the place of a row that is too short', () => {
    expect(
      problemsOf(image, {
        inputs: {
          image: [
            [
              [1, 2, 3],
              [4, 5],
            ],
          ],
        },
      }),
    ).toEqual(['inputs.image[0][1]: expected 3 numbers, got 2']);
  });

  it('says every mistake of a payload at once', () => {
    expect(
      problemsOf(image, {
        inputs: {
          image: [
            [
              [1, '2', 3],
              [4, 5, null],
            ],
          ],
          other: 1,
        },
      }),
    ).toEqual([
      'inputs.image[0][0][1]: expected a number of float32 (at most 3.4028234663852886e+38 in size), got the string "2"',
      'inputs.image[0][1][2]: expected a number of float32 (at most 3.4028234663852886e+38 in size), got null',
      'inputs.other: is unknown; the model takes "image"',
    ]);
  });

  it('holds a symbol to the size that it had first', () => {
    const inputs = { ids: [[1, 2, 3]], mask: [[1, 1]] };
    expect(problemsOf(tokens, { inputs })).toEqual([
      'inputs.mask[0]: expected 3 numbers, since "tokens" is 3 in inputs.ids[0], got 2',
    ]);
  });

  it('refuses a ragged array of unknown size', () => {
    const model = modelOf([tensor('x', 'float32', [null, null])]);
    expect(problemsOf(model, { inputs: { x: [[1, 2], [3]] } })).toEqual([
      'inputs.x[1]: expected 2 numbers as in inputs.x[0], got 1',
    ]);
  });

  it.each([
    ['int8', 128],
    ['int8', -129],
    ['uint8', -1],
    ['uint8', 1.5],
    ['int64', 2 ** 53],
    ['uint16', 65_536],
    ['float16', 65_505],
    ['float32', Number.NaN],
    ['float32', Number.POSITIVE_INFINITY],
    ['bool', 0],
    ['bool', 'true'],
    ['string', 5],
    ['int4', 8],
    ['uint4', -1],
    ['float64', '1'],
  ] as const)('refuses %s %s', (dtype, value) => {
    expect(problemsOf(modelOf([tensor('x', dtype, [1])]), { inputs: { x: [value] } })).toHaveLength(1);
  });

  it.each([
    ['int8', -128],
    ['uint8', 255],
    ['int64', Number.MAX_SAFE_INTEGER],
    ['float16', 65_504],
    ['bool', true],
    ['string', ''],
    ['int4', -8],
    ['float64', 1e300],
  ] as const)('accepts %s %s', (dtype, value) => {
    expect(problemsOf(modelOf([tensor('x', dtype, [1])]), { inputs: { x: [value] } })).toEqual([]);
  });

  it('takes a scalar as a bare value and a tensor of unknown rank in any nesting', () => {
    expect(problemsOf(modelOf([tensor('rate', 'int64', [])]), { inputs: { rate: 16_000 } })).toEqual([]);
    expect(problemsOf(modelOf([tensor('rate', 'int64', [])]), { inputs: { rate: [16_000] } })).toHaveLength(
      1,
    );
    const free = modelOf([tensor('x', 'float32', null)]);
    expect(problemsOf(free, { inputs: { x: 1 } })).toEqual([]);
    expect(
      problemsOf(free, {
        inputs: {
          x: [
            [1, 2],
            [3, 4],
          ],
        },
      }),
    ).toEqual([]);
    expect(problemsOf(free, { inputs: { x: [[1, 2], [3]] } })).toHaveLength(1);
  });

  it('checks the bytes of a tensor that is sent as base64', () => {
    const bytes = Buffer.from(new Float32Array(6).buffer);
    const base64 = bytes.toString('base64');
    expect(problemsOf(image, { inputs: { image: { base64 } } })).toEqual([]);
    expect(
      problemsOf(image, { inputs: { image: { base64: bytes.subarray(4).toString('base64') } } }),
    ).toEqual(['inputs.image.base64: expected 24 bytes for float32[1, 2, 3], got 20']);
    expect(problemsOf(image, { inputs: { image: { base64, shape: [1, 3, 2] } } })).toHaveLength(2);
    expect(problemsOf(image, { inputs: { image: { base64: '????' } } })).toHaveLength(1);
    expect(problemsOf(tokens, { inputs: { ids: { base64: '' }, mask: [[]] } })).toHaveLength(1);
  });

  it('finds what is wrong around the tensors', () => {
    expect(problemsOf(image, {})).toEqual(['inputs: is missing']);
    expect(problemsOf(image, [])).toEqual([': expected an object, got an array of 0']);
    expect(problemsOf(image, { inputs: {} })).toEqual(['inputs.image: is missing']);
    expect(problemsOf(image, { inputs: { image: 1 }, extra: 1 })).toEqual([
      'extra: is not part of this form of payload',
    ]);
  });

  it('finds a tensor of the inference protocol that is wrong, twice or missing', () => {
    const good = { name: 'image', shape: [1, 2, 3], datatype: 'FP32', data: [1, 2, 3, 4, 5, 6] };
    expect(problemsOf(image, { inputs: [{ ...good, datatype: 'INT64' }] }, 'v2')).toHaveLength(1);
    expect(problemsOf(image, { inputs: [{ ...good, data: [1, 2] }] }, 'v2')).toHaveLength(1);
    expect(problemsOf(image, { inputs: [{ ...good, shape: [6] }] }, 'v2')).toHaveLength(1);
    expect(problemsOf(image, { inputs: [good, good] }, 'v2')).toEqual([
      'inputs[1].name: "image" is there twice',
    ]);
    expect(problemsOf(image, { inputs: [] }, 'v2')).toEqual(['inputs "image": is missing']);
    expect(problemsOf(image, { inputs: [good], outputs: [{ name: 'z' }] }, 'v2')).toHaveLength(1);
  });

  it('takes an input called __proto__ for what it is', () => {
    const model = modelOf([tensor('__proto__', 'float32', [1])]);
    expect(problemsOf(model, JSON.parse('{"inputs": {"__proto__": [1]}}'))).toEqual([]);
    expect(problemsOf(model, JSON.parse('{"inputs": {}}'))).toEqual(['inputs.__proto__: is missing']);
  });

  it('reads sequences, maps and optional values', () => {
    const model = modelOf(
      [],
      [
        { name: 'p', kind: 'sequence', dtype: 'float32', shape: [], type: 'seq(map(int64,tensor(float)))' },
        { name: 'o', kind: 'optional', dtype: 'float32', shape: [2], type: 'optional(tensor(float))' },
      ],
    );
    expect(
      problemsOf(model, { outputs: { p: [{ '0': 0.5, '1': 'NaN' }], o: null } }, 'plain', 'response'),
    ).toEqual([]);
    expect(problemsOf(model, { outputs: { p: [{ a: 0.5 }], o: [1] } }, 'plain', 'response')).toEqual([
      'outputs.p[0].a: expected a key that is a whole number',
      'outputs.o: expected 2 numbers, got 1',
    ]);
  });

  it('accepts every finite and named float in a response only', () => {
    const outputs = { y: [['NaN', '-Infinity']] };
    expect(problemsOf(image, { outputs }, 'plain', 'response')).toEqual([]);
    expect(problemsOf(modelOf([tensor('x', 'float32', [1])]), { inputs: { x: ['NaN'] } })).toHaveLength(1);
  });

  it('recognises the form of a payload', () => {
    expect(recogniseForm({ data: [] }, 'request')).toBe('single');
    expect(recogniseForm({ inputs: [] }, 'request')).toBe('v2');
    expect(recogniseForm({ inputs: {} }, 'request')).toBe('plain');
    expect(PAYLOAD_FORMS).toContain(recogniseForm(5, 'response'));
  });

  it('decodes what it accepted to the bytes that the runtime takes', () => {
    const { tensors } = createPayloadValidator(
      image,
      'request',
      'plain',
    )({
      inputs: {
        image: [
          [
            [1, 2, 3],
            [4, 5, 6],
          ],
        ],
      },
    });
    const [decoded] = tensors.map(decodePayloadTensor);
    expect(decoded).toMatchObject({ name: 'image', dtype: 'float32', shape: [1, 2, 3] });
    expect([...new Float32Array((decoded!.data as Uint8Array).buffer)]).toEqual([1, 2, 3, 4, 5, 6]);
  });
});
