import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Dtype } from '../../../src/model/inspection.ts';
import { type AnswerForm, createRequestDecoder } from '../../../src/serving/worker/decoded-request.ts';
import { encodeAnswer } from '../../../src/serving/worker/encoded-answer.ts';
import { fedTensorOf } from '../../../src/serving/worker/model-session.ts';
import type { RuntimeArray } from '../../../src/serving/worker/runtime-arrays.ts';
import { smallFloatTable } from '../../../src/shared/small-floats.ts';

const info = (dtype: Dtype, shape: readonly (number | string | null)[]) => ({
  name: 'x',
  kind: 'tensor' as const,
  dtype,
  shape,
});

type Decoder = ReturnType<typeof createRequestDecoder>;
const decoders = new Map<string, Decoder>();

/** Compiled once for each type: cases are many. */
function decoderOf(dtype: Dtype, shape: readonly (number | string | null)[]): Decoder {
  const key = JSON.stringify([dtype, shape]);
  const values = [info(dtype, shape)];
  const decoder =
    decoders.get(key) ??
    createRequestDecoder({ inputs: values, outputs: values, opsets: {}, optionalInputs: [] }, 1_000_000);
  decoders.set(key, decoder);
  return decoder;
}

/** What a body of this text comes to: the fed array and its shape, or the message. */
function read(dtype: Dtype, shape: readonly (number | string | null)[], text: string) {
  const body = Buffer.from(text);
  const decoded = decoderOf(dtype, shape)(
    { kind: 'predict', bytes: body.byteLength, headerBytes: null },
    body,
  );
  if (decoded.kind === 'invalid') return { message: decoded.message };
  const [tensor] = decoded.tensors;
  const fed = fedTensorOf(tensor!);
  return { values: fed.values, shape: fed.shape };
}

const named = (value: unknown): string => JSON.stringify({ inputs: { x: value } });

function write(
  dtype: Dtype,
  shape: readonly number[],
  values: RuntimeArray,
  form: AnswerForm = { kind: 'plain' },
) {
  const output = { info: info(dtype, shape), dtype, shape, values };
  const { body, headerBytes } = encodeAnswer(form, [output], { name: 'm', version: '1' });
  return { bytes: Buffer.concat(body), headerBytes };
}

const text = (...parameters: Parameters<typeof write>): string => write(...parameters).bytes.toString();

const nestedOf = (rows: number, columns: number, values: readonly number[]): readonly (readonly number[])[] =>
  Array.from({ length: rows }, (_, row) => values.slice(row * columns, (row + 1) * columns));

describe('tensors of a JSON request', () => {
  it('of float32 are what Math.fround makes of the numbers, in the order of the rows', () => {
    const finite = fc.double({ noNaN: true, min: -3.4e38, max: 3.4e38 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 4 }),
        fc.infiniteStream(finite),
        (rows, columns, stream) => {
          const values = [...stream.take(rows * columns)];
          const result = read('float32', ['n', 'm'], named(nestedOf(rows, columns, values)));
          expect(result.shape).toEqual([rows, columns]);
          expect([...(result.values as Float32Array)]).toEqual(
            // JSON has no negative zero.
            values.map(value => Math.fround(Object.is(value, -0) ? 0 : value)),
          );
        },
      ),
    );
  });

  it('are refused where JSON has no such number, or the type has none', () => {
    for (const special of ['NaN', 'Infinity', '-Infinity'])
      expect(read('float32', [1], `{"inputs":{"x":[${special}]}}`).message).toContain('the body is not JSON');
    expect(read('float32', [1], '{"inputs":{"x":[1e999]}}').message).toContain('inputs.x[0]');
    expect(read('float32', [1], '{"inputs":{"x":["NaN"]}}').message).toContain('the string "NaN"');
    expect(read('float16', [1], named([65505 * 2])).message).toContain('float16');
    expect(read('bool', [1], named([1])).message).toContain('true or false');
    expect(read('uint8', [2], named([1, 256])).message).toContain('inputs.x[1]');
  });

  it('of int64 are exact as far as JSON numbers are, and refused beyond', () => {
    const largest = Number.MAX_SAFE_INTEGER;
    expect(read('int64', [2], named([largest, -largest])).values).toEqual(
      BigInt64Array.of(BigInt(largest), BigInt(-largest)),
    );
    expect(read('int64', [1], '{"inputs":{"x":[9007199254740993]}}').message).toContain('base64');
    const bytes = Buffer.from(BigInt64Array.of(2n ** 62n).buffer).toString('base64');
    expect(read('int64', [1], named({ base64: bytes, shape: [1] })).values).toEqual(
      BigInt64Array.of(2n ** 62n),
    );
  });

  it('of float16 are the nearest ones of the type, as bits', () => {
    const table = smallFloatTable('float16');
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: -65504, max: 65504 }), value => {
        const { values } = read('float16', [1], named([value]));
        const got = table[(values as Uint16Array)[0]!]!;
        // Half the distance of two neighbours: 2^-11 of the value, and never less than half of the smallest.
        expect(Math.abs(got - value)).toBeLessThanOrEqual(Math.max(Math.abs(value) * 2 ** -11, 2 ** -25));
      }),
    );
  });

  it('are refused with the place where they are ragged, too deep or of another shape', () => {
    expect(read('float32', ['n', 'm'], named([[1, 2], [3]])).message).toContain('inputs.x[1]');
    expect(read('float32', [2, 2], named([1, 2])).message).toContain('inputs.x[0]');
    const deep = `{"inputs":{"x":${'['.repeat(5000)}${']'.repeat(5000)}}}`;
    expect(read('float32', [1, 1], deep).message).toBeDefined();
  });

  describe('of a large array', () => {
    const rows = 40;
    const columns = 60;
    const shape = ['N', columns];
    const flat = Array.from({ length: rows * columns }, (_, index) => (index * 37) % 101);
    const nested = nestedOf(rows, columns, flat);

    it.each([
      ['float32', flat.map(value => value + 0.1), Float32Array],
      ['float64', flat.map(value => value + 0.1), Float64Array],
      ['float64', flat.map(value => value / 3), Float64Array],
      ['float32', flat.map(value => value / 3), Float32Array],
      ['int64', flat, BigInt64Array],
      ['int32', flat.map(value => -value), Int32Array],
      ['uint8', flat, Uint8Array],
    ] as const)('are the same of %s as of a small one', (dtype, values, ArrayType) => {
      const got = read(dtype, shape, named(nestedOf(rows, columns, values)));
      expect(got.message).toBeUndefined();
      expect(got.shape).toEqual([rows, columns]);
      const expected =
        ArrayType === BigInt64Array
          ? BigInt64Array.from(values, BigInt)
          : Reflect.construct(ArrayType, [values]);
      expect(got.values).toEqual(expected);
    });

    it('of float16 are the same bits', () => {
      const { values } = read('float16', shape, named(nested));
      expect(Array.from(values as Uint16Array, code => smallFloatTable('float16')[code])).toEqual(flat);
    });

    it.each([
      ['single', { data: nested }],
      ['plain', { inputs: { x: nested } }],
      ['instances', { instances: nested }],
      ['named instances', { instances: nested.map(x => ({ x })) }],
      ['v2 flat', { inputs: [{ name: 'x', datatype: 'FP32', shape: [rows, columns], data: flat }] }],
      ['v2 nested', { inputs: [{ name: 'x', datatype: 'FP32', shape: [rows, columns], data: nested }] }],
    ])('are read in the form %s', (_form, payload) => {
      const body = Buffer.from(JSON.stringify(payload));
      const decoded = decoderOf('float32', shape)(
        { kind: 'any', bytes: body.byteLength, headerBytes: null },
        body,
      );
      if (decoded.kind === 'invalid') throw new Error(decoded.message);
      const fed = fedTensorOf(decoded.tensors[0]!);
      expect(fed.shape).toEqual([rows, columns]);
      expect(fed.values).toEqual(Float32Array.from(flat));
    });

    it('are refused with the place of the wrong one', () => {
      const wrong = nested.map((row, index) => (index === 7 ? row.with(3, 1.5) : row));
      expect(read('int32', shape, named(wrong)).message).toMatch(
        /^inputs\.x\[7\]\[3\]: expected a whole number/,
      );
      expect(read('float32', shape, named(nested.with(7, [1]))).message).toMatch(
        /^inputs\.x\[7\]: expected 60 numbers, got 1/,
      );
      expect(read('float32', ['N', 59], named(nested)).message).toMatch(
        /^inputs\.x\[0\]: expected 59 numbers, got 60/,
      );
      expect(read('bool', shape, named(nested)).message).toMatch(
        /^inputs\.x\[0\]\[0\]: expected true or false/,
      );
      expect(read('float32', shape, named(nested.with(7, nested[7]!.with(3, 1e39)))).message).toMatch(
        /\[7\]\[3\].*, got 1e\+39/,
      );
    });
  });

  it('never end in an exception, whatever the body is', () => {
    const bodies = fc.oneof(
      fc.json(),
      fc.string(),
      fc.uint8Array().map(bytes => Buffer.from(bytes).toString('latin1')),
      fc.jsonValue().map(named),
      fc.jsonValue().map(data => JSON.stringify({ data })),
      fc.jsonValue().map(value => JSON.stringify({ inputs: [value] })),
    );
    fc.assert(
      fc.property(
        bodies,
        fc.constantFrom<Dtype>('float32', 'int64', 'bool', 'string', 'float16'),
        (body, dtype) => {
          const result = read(dtype, ['n'], body);
          expect('message' in result ? result.message : result.shape).toBeDefined();
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('tensors of an answer', () => {
  it('say by name what JSON has no number for, and stay JSON', () => {
    const values = Float32Array.of(1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
    expect(JSON.parse(text('float32', [2, 2], values))).toEqual({
      outputs: {
        x: [
          [1.5, 'NaN'],
          ['Infinity', '-Infinity'],
        ],
      },
    });
    const bits = Uint16Array.of(0x3c00, 0x7c00, 0x7e00);
    expect(JSON.parse(text('float16', [3], bits))).toEqual({ outputs: { x: [1, 'Infinity', 'NaN'] } });
  });

  it('of 64-bit integers are written whole, also past 2^53', () => {
    expect(text('int64', [2], BigInt64Array.of(2n ** 53n + 1n, -(2n ** 63n)))).toBe(
      '{"outputs":{"x":[9007199254740993,-9223372036854775808]}}',
    );
    expect(text('uint64', [], BigUint64Array.of(2n ** 64n - 1n))).toBe(
      '{"outputs":{"x":18446744073709551615}}',
    );
  });

  it('of float32 come back as they were, nested as their shape', () => {
    const float = fc.float({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(fc.array(float, { minLength: 6, maxLength: 6 }), values => {
        const { outputs } = JSON.parse(text('float32', [3, 2], Float32Array.from(values)));
        expect((outputs.x as number[][]).map(row => row.length)).toEqual([2, 2, 2]);
        // Adding 0 makes one zero of both, as JSON does.
        expect((outputs.x as number[][]).flat().map(value => value + 0)).toEqual(
          values.map(value => value + 0),
        );
      }),
    );
  });

  it('of booleans and strings are JSON ones', () => {
    expect(text('bool', [2], Uint8Array.of(1, 0))).toBe('{"outputs":{"x":[true,false]}}');
    expect(JSON.parse(text('string', [2], ['NaN "Infinity"', 'é\n']))).toEqual({
      outputs: { x: ['NaN "Infinity"', 'é\n'] },
    });
  });

  it('follow the JSON as bytes where a caller of the v2 protocol asks for them', () => {
    const values = Float32Array.of(1, Number.NaN, -2);
    const { bytes, headerBytes } = write('float32', [3], values, {
      kind: 'v2',
      id: '7',
      outputs: null,
      binary: true,
    });
    const head = JSON.parse(bytes.subarray(0, headerBytes!).toString());
    expect(head).toMatchObject({
      id: '7',
      outputs: [{ name: 'x', datatype: 'FP32', parameters: { binary_data_size: 12 } }],
    });
    expect(bytes.subarray(headerBytes!)).toEqual(Buffer.from(values.buffer));
  });
});
