import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NumberArray, NumberArrayReader } from '../../../src/contract/number-arrays.ts';

const reader = new NumberArrayReader();
const read = (text: string): unknown => reader.read(Buffer.from(text));

/** A body whose array is large enough to be taken: the given spellings again and again, in rows of `columns`. */
function bodyOf(spellings: readonly string[], rows: number, columns: number, space = ''): string {
  let next = 0;
  const row = (): string =>
    `[${Array.from({ length: columns }, () => `${space}${spellings[next++ % spellings.length]}${space}`).join(',')}]`;
  const text = `[${Array.from({ length: rows }, row).join(`${space},${space}`)}]`;
  return `{"x":${text}}`;
}

const taken = (text: string): NumberArray => {
  const value = read(text) as { readonly x: unknown } | null;
  if (!(value?.x instanceof NumberArray)) throw new Error('was left to JSON.parse');
  return value.x;
};
const parsed = (text: string): number[] => (JSON.parse(text) as { readonly x: number[][] }).x.flat();

const digits = (most: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: most });
const spelling = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(
      fc.constant('0'),
      digits(24).map(text => `${'123456789'[text.length % 9]}${text.slice(1)}`),
    ),
    fc.oneof(
      fc.constant(''),
      digits(30).map(text => `.${text}`),
    ),
    fc.oneof(
      { weight: 3, arbitrary: fc.constant('') },
      {
        weight: 1,
        arbitrary: fc
          .tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '+', '-'), fc.integer({ min: 0, max: 340 }))
          .map(parts => parts.join('')),
      },
    ),
  )
  .map(parts => parts.join(''));
const anyNumber = fc.oneof(
  spelling,
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.float({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.double({ min: -1, max: 1, noNaN: true }).map(value => value.toFixed(17)),
  fc.integer().map(String),
  fc.constantFrom('-0', '0.0', '-0.0', '1e22', '1e23', '9007199254740993', '5e-324', '1e400', '0e999999'),
);

describe('arrays of numbers in JSON', () => {
  it('are read as JSON.parse reads them, or said to be inexact and rounded to float32 as those are', () => {
    fc.assert(
      fc.property(
        fc.array(anyNumber, { minLength: 1, maxLength: 40 }),
        fc.constantFrom('', ' ', '\n\t', '\r\n  '),
        (spellings, space) => {
          const text = bodyOf(spellings, 60, 40, space);
          const expected = parsed(text);
          const { exact, numbers, shape, least, largest } = taken(text);
          expect(shape).toEqual([60, 40]);
          if (exact) {
            expect([...numbers]).toEqual(expected);
            expect([least + 0, largest + 0]).toEqual([Math.min(...expected) + 0, Math.max(...expected) + 0]);
          }
          expect([...taken(text).toFloat32()]).toEqual(expected.map(Math.fround));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('round a number to float32 as exactly that lies next to the middle of two neighbours', () => {
    // 2^-24 above 1 is the middle of 1 and its neighbour: which side a number is on, 17 digits of it and one rounding do not tell.
    const spellings = ['1.00000005960464477', '1.00000005960464478', '-1.000000059604644774', '0.5'];
    const text = bodyOf(spellings, 60, 40);
    expect([...taken(text).toFloat32()]).toEqual(parsed(text).map(Math.fround));
  });

  it('round numbers to float32 that are smaller than its normal ones, or only there', () => {
    const spellings = [
      '1.1754943508222875e-38',
      '1.17549428e-38',
      '-1.401298464324817e-45',
      '7e-46',
      '3.4028235677973366e38',
    ];
    const text = bodyOf([...spellings, '1.1920928955078125e-07', '-5.960464477539063e-08'], 60, 40);
    expect([...taken(text).toFloat32()]).toEqual(parsed(text).map(Math.fround));
  });

  it('are read through a window, wherever it cuts', () => {
    fc.assert(
      fc.property(
        fc.array(anyNumber, { minLength: 20, maxLength: 60 }),
        fc.constantFrom('', ' ', '\r\n        '),
        fc.constantFrom([1, 30_000], [3, 10_000], [10_000, 3]),
        fc.integer({ min: 0, max: 200 }),
        (spellings, space, [rows = 1, columns = 1], before) => {
          const text = `{"name":"${'n'.repeat(before)}",${bodyOf(spellings, rows, columns, space).slice(1)}`;
          const array = taken(text);
          expect(array.shape).toEqual([rows, columns]);
          expect(array.toFloat32()).toEqual(Float32Array.from(parsed(text)));
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([
    ['a number of 900 digits', `0.${'1'.repeat(900)}`],
    ['white space of 900 bytes', `${' '.repeat(900)}1`],
    ['more white space before it than the window takes', `${' '.repeat(70_000)}1`],
  ])('are read with %s, wherever the window ends', (_name, spelling) => {
    const text = bodyOf([spelling, '2'], 1, 600);
    expect(taken(text).toFloat32()).toEqual(Float32Array.from(parsed(text)));
  });

  it.each([
    ['a number that is longer than the window', `0.${'1'.repeat(70_000)}`],
    ['more white space after a number than the window takes', `1${' '.repeat(70_000)}`],
  ])('are left to JSON.parse with %s', (_name, spelling) => {
    expect(read(bodyOf([spelling, '2'], 1, 600))).toBeNull();
  });

  it('say which of them are whole', () => {
    expect(taken(bodyOf(['1', '-2', '30000'], 60, 40)).whole).toBe(true);
    expect(taken(bodyOf(['1', '2.0'], 60, 40)).whole).toBe(false);
    expect(taken(bodyOf(['1', '1e2'], 60, 40)).whole).toBe(false);
  });

  it('keep what is around them', () => {
    const text = `{"a":"[1,2] \\" {","x":[${'1,'.repeat(3000)}7],"b":[1,2,3],"c":{"d":[["e"],[null,true]]},"é":"ü"}`;
    const value = read(text) as Record<string, unknown>;
    expect(value['x']).toBeInstanceOf(NumberArray);
    expect({ ...value, x: null }).toEqual({ ...(JSON.parse(text) as object), x: null });
  });

  it('take several of any rank', () => {
    const rows = (count: number): string =>
      `[${Array.from({ length: count }, () => '[[1,2],[3,4]]').join(',')}]`;
    const value = read(`{"x":${rows(300)},"y":[${rows(100)},${rows(100)}]}`) as Record<string, NumberArray>;
    expect(value['x']?.shape).toEqual([300, 2, 2]);
    expect(value['y']?.shape).toEqual([2, 100, 2, 2]);
    expect([...(value['y']?.numbers ?? [])].slice(0, 5)).toEqual([1, 2, 3, 4, 1]);
    expect(value['x']?.numbers.length).toBe(1200);
  });

  const large = '1,'.repeat(3000);
  it.each([
    ['ragged', `{"x":[[${large}1],[1]]}`],
    ['mixed', `{"x":[${large}"1"]}`],
    ['of two depths', `{"x":[[${large}1],1]}`],
    ['with an empty row', `{"x":[[${large}1],[]]}`],
    ['with a comma too many', `{"x":[${large}]}`],
    ['with a leading zero', `{"x":[${large}01]}`],
    ['with a bare point', `{"x":[${large}1.]}`],
    ['with no digit before the point', `{"x":[${large}.5]}`],
    ['with a plus', `{"x":[${large}+1]}`],
    ['with an empty exponent', `{"x":[${large}1e]}`],
    ['with two points', `{"x":[${large}1.2.3]}`],
    ['with a lone minus', `{"x":[${large}-]}`],
    ['with NaN', `{"x":[${large}NaN]}`],
    ['that do not end', `{"x":[${large}1}`],
    ['in a text that is no JSON', `{"x":[${large}1]]}`],
    ['in a text that ends early', `{"x":[${large}1],"y":{}`],
    ['in an array that is the whole text', `[${large}1]`],
    ['in text that is not UTF-8', `{"x":[${large}1],"y":"\xff"}`],
    ['beside a string that looks like a mark', `{"x":[${large}1],"y":"\\u00010"}`],
    ['replaced by a string that looks like its mark', `{"x":[${large}1],"x":"\\u00010"}`],
    ['replaced by a string of the same name', `{"x":[${large}1],"x":"numbers 0"}`],
    ['under a key that is there twice', `{"x":[${large}1],"x":[1]}`],
    ['deeper than any tensor', `{"x":${'['.repeat(40)}${large}1${']'.repeat(40)}}`],
  ])('leave arrays %s to JSON.parse', (_name, text) => {
    expect(reader.read(Buffer.from(text, 'latin1'))).toBeNull();
  });

  it('hold nothing of the text before', () => {
    const first = taken(bodyOf(['5'], 60, 40)).numbers.slice();
    taken(bodyOf(['6'], 2, 1500));
    expect([...first]).toEqual(Array.from({ length: 2400 }, () => 5));
    expect([...taken(bodyOf(['7'], 60, 40)).numbers]).toEqual(Array.from({ length: 2400 }, () => 7));
  });
});
