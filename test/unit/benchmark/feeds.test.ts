import { describe, expect, it } from 'vitest';
import { encodeTensor, tensor } from '../../../fixtures/generator/onnx-writer.ts';
import { feedsFor, feedsForPair } from '../../../src/benchmark/feeds.ts';
import type { FeedTensor } from '../../../src/benchmark/measurement.ts';
import { halfBits } from '../../../src/benchmark/synthetic-tensor.ts';
import type { Dimension, Dtype, ValueInfo } from '../../../src/model/inspection.ts';

const input = (name: string, dtype: Dtype, shape: readonly Dimension[] | null): ValueInfo => ({
  name,
  kind: 'tensor',
  dtype,
  shape,
});
const plan = { seed: 7, dims: {} };
const bytesOf = (feed: FeedTensor | undefined): Uint8Array => {
  if (!(feed?.data instanceof Uint8Array)) throw new Error('no bytes');
  return feed.data;
};
const floats = (feed: FeedTensor | undefined) => new Float32Array(bytesOf(feed).slice().buffer);
const int64s = (feed: FeedTensor | undefined) =>
  [...new BigInt64Array(bytesOf(feed).slice().buffer)].map(Number);

describe('synthetic inputs', () => {
  it('are the same for the same seed and others for another', () => {
    const model = { inputs: [input('x', 'float32', [2, 3])] };
    expect(feedsFor(model, plan)).toEqual(feedsFor(model, plan));
    expect(feedsFor(model, { ...plan, seed: 8 }).digest).not.toBe(feedsFor(model, plan).digest);
  });

  it('lie within the range that is set, whose ends are possible, cut to what the dtype can hold', () => {
    const model = {
      inputs: [input('ids', 'int64', [5000]), input('small', 'int8', [5000]), input('x', 'float32', [5000])],
    };
    const ranges = { ids: { min: 10, max: 13 }, small: { min: -1000, max: 1000 }, x: { min: 2, max: 3 } };
    const { tensors } = feedsFor(model, { ...plan, ranges });
    expect(new Set(int64s(tensors[0]))).toEqual(new Set([10, 11, 12, 13]));
    const small = new Int8Array(bytesOf(tensors[1]).slice().buffer);
    expect([Math.min(...small), Math.max(...small)]).toEqual([-128, 127]);
    expect(floats(tensors[2]).every(value => value >= 2 && value <= 3)).toBe(true);
  });

  it('of a renamed input lie within the same range and are the same on both sides', () => {
    const sides = ['tokens', 'ids'].map(name => ({ inputs: [input(name, 'int64', [50])] }));
    const [base, candidate] = sides as [(typeof sides)[0], (typeof sides)[0]];
    for (const name of ['tokens', 'ids']) {
      const feeds = feedsForPair(base, candidate, { ...plan, ranges: { [name]: { min: 1000, max: 2000 } } });
      expect(int64s(feeds.base.tensors[0])).toEqual(int64s(feeds.candidate.tensors[0]));
      expect(Math.min(...int64s(feeds.base.tensors[0]))).toBeGreaterThanOrEqual(1000);
    }
  });

  it('are roughly normal for floating point', () => {
    const values = floats(feedsFor({ inputs: [input('x', 'float32', [10_000])] }, plan).tensors[0]);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.05);
    expect(variance).toBeGreaterThan(0.9);
    expect(variance).toBeLessThan(1.1);
  });

  it('are small numbers for tokens, flags for masks, and ascend for positions', () => {
    const { tensors } = feedsFor(
      {
        inputs: [
          input('input_ids', 'int64', [1, 200]),
          input('attention_mask', 'int64', [1, 200]),
          input('token_type_ids', 'int64', [1, 200]),
          input('position_ids', 'int64', [2, 4]),
        ],
      },
      plan,
    );
    const [tokens, mask, types, positions] = tensors.map(int64s);
    expect(Math.min(...(tokens ?? []))).toBeGreaterThanOrEqual(0);
    expect(Math.max(...(tokens ?? []))).toBeLessThan(100);
    expect(new Set(mask)).toEqual(new Set([0, 1]));
    expect(new Set(types)).toEqual(new Set([0, 1]));
    expect(positions).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
  });

  it('have the sizes that dims gives to symbols, and 1 for the others', () => {
    const model = { inputs: [input('x', 'float32', ['N', 'T', null, 4, -1])] };
    expect(feedsFor(model, { seed: 1, dims: { T: 16, 'x:2': 3 } }).tensors[0]?.shape).toEqual([
      1, 16, 3, 4, 1,
    ]);
  });

  it('do not take inherited properties for sizes', () => {
    const model = { inputs: [input('x', 'float32', ['constructor', '__proto__'])] };
    expect(feedsFor(model, plan).tensors[0]?.shape).toEqual([1, 1]);
  });

  it('exist for every dtype that the runtime takes', () => {
    const dtypes: Dtype[] = [
      'float32',
      'float64',
      'float16',
      'int8',
      'uint8',
      'int16',
      'uint16',
      'int32',
      'uint32',
      'int64',
      'uint64',
      'bool',
    ];
    for (const dtype of dtypes) {
      const [feed] = feedsFor({ inputs: [input('x', dtype, [3])] }, plan).tensors;
      const width = {
        float64: 8,
        int64: 8,
        uint64: 8,
        float32: 4,
        int32: 4,
        uint32: 4,
        int8: 1,
        uint8: 1,
        bool: 1,
      };
      expect(bytesOf(feed).length, dtype).toBe(3 * ((width as Record<string, number>)[dtype] ?? 2));
    }
    expect(feedsFor({ inputs: [input('text', 'string', [2])] }, plan).tensors[0]?.data).toHaveLength(2);
  });

  it('are refused for a dtype or a kind that the runtime cannot be fed with', () => {
    expect(() => feedsFor({ inputs: [input('x', 'bfloat16', [1])] }, plan)).toThrow(
      expect.objectContaining({ code: 'RUNTIME_UNSUPPORTED_MODEL' }),
    );
    const sequence: ValueInfo = { name: 's', kind: 'sequence', dtype: 'float32', shape: null };
    expect(() => feedsFor({ inputs: [sequence] }, plan)).toThrow(/"s" is a sequence/);
  });

  it('are refused for an unknown rank and for impossible sizes', () => {
    expect(() => feedsFor({ inputs: [input('x', 'float32', null)] }, plan)).toThrow(/rank of the input "x"/);
    expect(() => feedsFor({ inputs: [input('x', 'float32', [2 ** 40, 2 ** 40])] }, plan)).toThrow(
      expect.objectContaining({ code: 'INPUTS_UNAVAILABLE' }),
    );
  });

  it('exist for a scalar and for an empty tensor', () => {
    const { tensors } = feedsFor(
      { inputs: [input('a', 'float32', []), input('b', 'float32', [0, 3])] },
      plan,
    );
    expect(floats(tensors[0])).toHaveLength(1);
    expect(floats(tensors[1])).toHaveLength(0);
  });
});

describe('the inputs of a pair', () => {
  it('are the same bytes where both models have the same inputs', () => {
    const model = { inputs: [input('x', 'float32', ['N', 4]), input('ids', 'int64', [1, 'T'])] };
    const pair = feedsForPair(model, model, plan);
    expect(pair.base.digest).toBe(pair.candidate.digest);
  });

  it('take a size that only one of the models fixes', () => {
    const pair = feedsForPair(
      { inputs: [input('x', 'float32', ['N', 4])] },
      { inputs: [input('x', 'float32', [8, 4])] },
      plan,
    );
    expect(pair.base.tensors[0]?.shape).toEqual([8, 4]);
    expect(pair.base.digest).toBe(pair.candidate.digest);
  });

  it('exist where an input was renamed or added', () => {
    const pair = feedsForPair(
      { inputs: [input('x', 'float32', [4])] },
      { inputs: [input('image', 'float32', [4]), input('scale', 'float32', [])] },
      plan,
    );
    expect(pair.candidate.tensors.map(each => each.name)).toEqual(['image', 'scale']);
  });
});

describe('the inputs of a test case', () => {
  const model = { inputs: [input('x', 'float32', ['N']), input('y', 'int64', [2])] };
  const file = (index: number, bytes: Uint8Array) => ({ name: `case/input_${index}.pb`, bytes });

  it('are used instead of synthetic ones, by name or by the number of the file', () => {
    const feeds = feedsFor(model, plan, [
      file(0, encodeTensor(tensor('', 'float32', [3], [1, 2, 3]))),
      file(1, encodeTensor(tensor('y', 'int64', [2], [-5n, 6n]))),
    ]);
    expect(feeds.origin).toBe('case');
    expect(feeds.tensors.map(each => [each.name, each.shape])).toEqual([
      ['x', [3]],
      ['y', [2]],
    ]);
    expect([...floats(feeds.tensors[0])]).toEqual([1, 2, 3]);
    expect(int64s(feeds.tensors[1])).toEqual([-5, 6]);
  });

  it('are left aside where the sizes that were asked for are others', () => {
    const given = [
      file(0, encodeTensor(tensor('x', 'float32', [3], [1, 2, 3]))),
      file(1, encodeTensor(tensor('y', 'int64', [2], [-5n, 6n]))),
    ];
    expect(feedsFor(model, { ...plan, dims: { N: 3 } }, given).origin).toBe('case');
    const eight = feedsFor(model, { ...plan, dims: { N: 8 } }, given);
    expect(eight.origin).toBe('synthetic');
    expect(eight.tensors[0]?.shape).toEqual([8]);
    expect(int64s(eight.tensors[1])).not.toEqual([-5, 6]);
  });

  it('may be rows of a dataset, whose sizes must be those that were asked for', () => {
    const rows = [
      { name: 'x', dtype: 'float32' as const, shape: [1], data: new Uint8Array(4) },
      { name: 'y', dtype: 'int64' as const, shape: [2], data: new Uint8Array(16) },
    ];
    expect(feedsFor(model, plan, { rows }).origin).toBe('dataset');
    expect(() => feedsFor(model, { ...plan, dims: { N: 2 } }, { rows })).toThrow(
      expect.objectContaining({ code: 'INPUTS_UNAVAILABLE' }),
    );
  });

  it('are completed where the case lacks one, and then not called a case', () => {
    const feeds = feedsFor(model, plan, [file(0, encodeTensor(tensor('x', 'float32', [1], [4])))]);
    expect(feeds.origin).toBe('synthetic');
    expect([...floats(feeds.tensors[0])]).toEqual([4]);
    expect(feeds.tensors[1]?.shape).toEqual([2]);
  });

  it('must be whole: every cut of the file is an error', () => {
    const whole = encodeTensor(tensor('', 'float32', [3], [1, 2, 3]));
    // The last two bytes are the empty name, without which it is as whole.
    for (let length = 0; length < whole.length - 2; length++) {
      expect(() => feedsFor(model, plan, [file(0, whole.subarray(0, length))]), `cut at ${length}`).toThrow(
        expect.objectContaining({ code: 'INPUTS_UNAVAILABLE' }),
      );
    }
  });
});

describe('half precision', () => {
  it.each([
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [65520, 0x7c00],
    [1e9, 0x7c00],
    [2 ** -24, 0x0001],
    [6.103515625e-5, 0x0400],
    [1e-12, 0x0000],
    [0.333251953125, 0x3555],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [Number.POSITIVE_INFINITY, 0x7c00],
  ])('%d is stored as its nearest half', (value, bits) => {
    expect(halfBits(value)).toBe(bits);
  });

  it('keeps a NaN a NaN', () => {
    expect(halfBits(Number.NaN) & 0x7fff).toBeGreaterThan(0x7c00);
  });
});

describe('inputs of a pair in which one was renamed', () => {
  const base = { inputs: [input('image', 'float32', ['n', 4]), input('scale', 'float32', [1])] };
  const candidate = { inputs: [input('pixels', 'float32', ['n', 4]), input('scale', 'float32', [1])] };

  it('are the same bytes under both names', () => {
    const feeds = feedsForPair(base, candidate, plan);
    expect(feeds.candidate.tensors.map(({ name }) => name)).toEqual(['pixels', 'scale']);
    expect(feeds.candidate.tensors.map(({ data }) => data)).toEqual(
      feeds.base.tensors.map(({ data }) => data),
    );
  });

  it('come from a case that knows only one of the names', () => {
    const values = new Float32Array([1, 2, 3, 4, 5, 6, 7, 8]);
    const files = [
      { name: 'case/input_0.pb', bytes: encodeTensor(tensor('pixels', 'float32', [2, 4], [...values])) },
    ];
    const feeds = feedsForPair(base, candidate, plan, files);
    expect(feeds.base.tensors[0]).toMatchObject({ name: 'image', shape: [2, 4] });
    expect(floats(feeds.base.tensors[0])).toEqual(values);
    expect(bytesOf(feeds.candidate.tensors[0])).toEqual(bytesOf(feeds.base.tensors[0]));
  });

  it('are drawn apart where the types do not agree', () => {
    const other = { inputs: [input('tokens', 'int64', ['n', 4]), input('scale', 'float32', [1])] };
    const feeds = feedsForPair(base, other, plan);
    expect(feeds.candidate.tensors[0]?.dtype).toBe('int64');
  });
});
