import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeCaseProto, encodeCaseProto } from '../../../src/cases/case-proto.ts';
import type { CaseValue } from '../../../src/cases/case-value.ts';
import { CsvSplitter, csvRecord, parseCsv } from '../../../src/cases/csv.ts';
import { decodeNpy, encodeNpy } from '../../../src/cases/npy.ts';
import { listZip, makeZip, readZipEntry, streamZipEntry } from '../../../src/cases/zip.ts';
import type { Dtype } from '../../../src/model/inspection.ts';
import { elementFacts, packedByteLength } from '../../../src/shared/element-types.ts';
import { smallFloatCode, smallFloatTable } from '../../../src/shared/small-floats.ts';
import { decodeTensorProto, encodeTensorProto } from '../../../src/shared/tensor-proto.ts';
import { numbers } from './case-fixtures.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'quickserveml-formats-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const DTYPES: readonly Dtype[] = [
  'float32',
  'float64',
  'float16',
  'bfloat16',
  'float8e4m3fn',
  'float8e5m2',
  'int2',
  'uint2',
  'int4',
  'uint4',
  'float4e2m1',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
  'complex64',
  'complex128',
];

const tensors = fc
  .record({
    dtype: fc.constantFrom(...DTYPES),
    shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
    seed: fc.integer({ min: 1, max: 250 }),
  })
  .map(({ dtype, shape, seed }) => {
    const bytes = packedByteLength(
      dtype,
      shape.reduce((a, b) => a * b, 1),
    );
    return { dtype, shape, data: Uint8Array.from({ length: bytes }, (_, index) => (index * seed) % 256) };
  });

describe('TensorProto', () => {
  it('reads back every tensor that it writes', () => {
    fc.assert(
      fc.property(tensors, tensor => {
        const { name, ...read } = decodeTensorProto(encodeTensorProto(tensor, 'x'));
        expect(name).toBe('x');
        expect({ ...read, data: [...read.data] }).toEqual({ ...tensor, data: [...tensor.data] });
      }),
      { seed: 1 },
    );
  });

  it('reads typed fields: packed and unpacked, negative numbers, float16 in int32_data, strings', () => {
    const typed = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);
    // dims 2; data_type 6 (int32); int32_data packed [1, -1]
    expect(
      decodeTensorProto(typed(8, 2, 16, 6, 42, 11, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1)),
    ).toEqual({ name: '', ...numbers('int32', [2], [1, -1]), data: expect.anything() });
    const negative = decodeTensorProto(
      typed(8, 2, 16, 6, 42, 11, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1),
    );
    expect([...new Int32Array((negative.data as Uint8Array).slice().buffer)]).toEqual([1, -1]);
    // dims 1; float16; int32_data unpacked 0x3c00 (1.0)
    expect([...(decodeTensorProto(typed(8, 1, 16, 10, 40, 0x80, 0x78)).data as Uint8Array)]).toEqual([
      0, 0x3c,
    ]);
    // dims 1; string; "hi"
    expect(decodeTensorProto(typed(8, 1, 16, 8, 50, 2, 104, 105)).data).toEqual(['hi']);
    // float_data, packed
    expect(decodeTensorProto(typed(8, 1, 16, 1, 34, 4, 0, 0, 128, 63)).shape).toEqual([1]);
  });

  it.each([
    ['a cut file', [8, 2, 16, 1, 74, 8, 0, 0]],
    ['too few data', [8, 2, 16, 1, 74, 4, 0, 0, 0, 0]],
    ['an unknown type', [8, 1, 16, 99]],
    ['external data', [8, 1, 16, 1, 112, 1]],
    ['a field number 0', [0, 1]],
    ['a number without end', [8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255]],
    ['a negative size', [8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 16, 1]],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeTensorProto(Uint8Array.from(bytes))).toThrow(RangeError);
  });

  it('reads and writes sequences, nested ones, and optionals with and without a value', () => {
    const one: CaseValue = { kind: 'tensor', tensor: numbers('int64', [2], [1n, 2n]) };
    const sequence: CaseValue = { kind: 'sequence', elements: [one, one] };
    expect(decodeCaseProto(encodeCaseProto(sequence, 's'), 'sequence')).toMatchObject({
      name: 's',
      value: { kind: 'sequence', elements: [{ kind: 'tensor' }, { kind: 'tensor' }] },
    });
    const nested: CaseValue = { kind: 'sequence', elements: [sequence] };
    expect(decodeCaseProto(encodeCaseProto(nested, ''), 'sequence').value).toMatchObject({
      elements: [{ kind: 'sequence' }],
    });
    expect(decodeCaseProto(encodeCaseProto({ kind: 'absent' }, 'o'), 'optional')).toEqual({
      name: 'o',
      value: { kind: 'absent' },
    });
  });
});

describe('small floats', () => {
  it.each([
    'float16',
    'bfloat16',
    'float8e4m3fn',
    'float8e4m3fnuz',
    'float8e5m2',
    'float8e5m2fnuz',
    'float8e8m0',
    'float4e2m1',
  ] as const)('%s: every code comes back', dtype => {
    const table = smallFloatTable(dtype);
    for (const [code, value] of table.entries()) {
      if (Number.isFinite(value)) expect(smallFloatCode(dtype, value)).toBe(code);
      else expect(Number.isFinite(table[smallFloatCode(dtype, value)])).toBe(false);
    }
    expect(Math.max(...[...table].filter(Number.isFinite))).toBe(
      (elementFacts(dtype) as { largest: number }).largest,
    );
  });

  it('rounds to the nearest code, ties to even, as the processor does', () => {
    expect(smallFloatTable('float16')[smallFloatCode('float16', 1 + 2 ** -11)]).toBe(1);
    expect(smallFloatTable('float16')[smallFloatCode('float16', 1 + 3 * 2 ** -11)]).toBe(1 + 2 ** -9);
    expect(smallFloatTable('float16')[smallFloatCode('float16', 65_519)]).toBe(65_504);
    expect(smallFloatTable('float16')[smallFloatCode('float16', 65_520)]).toBe(Number.POSITIVE_INFINITY);
    expect(smallFloatTable('float8e4m3fn')[smallFloatCode('float8e4m3fn', 1e9)]).toBe(448);
  });
});

describe('.npy and .npz', () => {
  it('reads back every array that it writes', () => {
    const numpy = tensors.filter(
      ({ dtype }) => elementFacts(dtype).bits >= 8 && !dtype.startsWith('float8') && dtype !== 'bfloat16',
    );
    fc.assert(
      fc.property(numpy, tensor => {
        const read = decodeNpy(encodeNpy(tensor));
        expect({ ...read, data: [...read.data] }).toEqual({ ...tensor, data: [...tensor.data] });
      }),
      { seed: 2 },
    );
    const texts = { dtype: 'string', shape: [2], data: ['ä😀', ''] } as const;
    expect(decodeNpy(encodeNpy(texts))).toEqual(texts);
  });

  const npy = (header: string, body: number[]): Uint8Array => {
    const text = header.padEnd(53) + '\n';
    return Uint8Array.from([
      0x93,
      ...Buffer.from('NUMPY'),
      1,
      0,
      text.length,
      0,
      ...Buffer.from(text),
      ...body,
    ]);
  };

  it('turns big-endian and column-major arrays into rows of little-endian elements', () => {
    const swapped = decodeNpy(npy("{'descr': '>i2', 'fortran_order': False, 'shape': (2,)}", [0, 1, 1, 0]));
    expect([...new Int16Array((swapped.data as Uint8Array).slice().buffer)]).toEqual([1, 256]);
    const columns = decodeNpy(
      npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3)}", [1, 4, 2, 5, 3, 6]),
    );
    expect([...columns.data]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it.each([
    ["{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", 'Python objects'],
    ["{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", 'records'],
    ["{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1,)}", 'numpy type'],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (9,)}", 'bytes of data'],
  ])('refuses %s', (header, message) => {
    expect(() => decodeNpy(npy(header, [0, 0, 0, 0]))).toThrow(message);
  });

  it('reads back a zip that it writes, whole and as a stream', async () => {
    const path = join(folder, 'a.npz');
    const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index % 7);
    writeFileSync(
      path,
      makeZip([
        { name: 'x.npy', bytes },
        { name: 'ä.npy', bytes: new Uint8Array() },
      ]),
    );
    const entries = listZip(path);
    expect(entries.map(({ name, sizeBytes }) => [name, sizeBytes])).toEqual([
      ['x.npy', 100_000],
      ['ä.npy', 0],
    ]);
    expect(Buffer.from(readZipEntry(path, entries[0]!)).equals(bytes)).toBe(true);
    const pieces: Uint8Array[] = [];
    for await (const piece of streamZipEntry(path, entries[0]!)) pieces.push(piece);
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  });

  it('refuses a zip that is none, is cut, or says less than it holds', () => {
    const path = join(folder, 'b.npz');
    writeFileSync(path, 'no zip');
    expect(() => listZip(path)).toThrow(RangeError);
    const good = makeZip([{ name: 'x', bytes: new Uint8Array(1000) }]);
    writeFileSync(path, good.subarray(0, good.length - 30));
    expect(() => listZip(path)).toThrow(RangeError);
    const bomb = Buffer.from(good);
    const directory = bomb.lastIndexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    bomb.writeUInt32LE(10, directory + 24);
    writeFileSync(path, bomb);
    expect(() => readZipEntry(path, listZip(path)[0]!)).toThrow();
  });
});

describe('CSV', () => {
  it('reads back every record that it writes, however it is cut', () => {
    const record = fc.array(fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', '1') }), {
      minLength: 2,
      maxLength: 4,
    });
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 7 }),
        (records, step) => {
          const text = records.map(csvRecord).join('');
          const splitter = new CsvSplitter();
          const read: (readonly string[])[] = [];
          for (let from = 0; from < text.length; from += step)
            read.push(...splitter.push(text.slice(from, from + step)));
          read.push(...splitter.end());
          expect(read).toEqual(records);
        },
      ),
      { seed: 3, numRuns: 300 },
    );
  });

  it('takes a byte-order mark, CRLF and a missing last line end, and refuses an open quote', () => {
    expect(parseCsv('\ufeffa,b\r\n1,2')).toEqual([
      ['a', 'b'],
      ['1', '2'],
    ]);
    expect(() => parseCsv('a,"b')).toThrow(RangeError);
  });
});
