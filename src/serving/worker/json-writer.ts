import type { Dtype } from '../../model/inspection.ts';
import { elementCount } from '../../shared/element-types.ts';
import { isSmallFloat, smallFloatTable } from '../../shared/small-floats.ts';
import { type RuntimeArray, sliceOf } from './runtime-arrays.ts';

const quoteSpecial = (text: string): string => text.replace(/-?Infinity|NaN/g, '"$&"');

/** Elements with commas between: numbers as they are (64-bit integers exact), what JSON has no number for by name. */
function joined(dtype: Dtype, values: RuntimeArray): string {
  if (Array.isArray(values)) return values.map(value => JSON.stringify(value)).join(',');
  if (dtype === 'bool')
    return Array.from<number | bigint, string>(values as ArrayLike<number | bigint>, value =>
      Number(value) === 0 ? 'false' : 'true',
    ).join(',');
  if (isSmallFloat(dtype)) {
    const table = smallFloatTable(dtype);
    return quoteSpecial(Array.from(values as ArrayLike<number>, code => table[code]).join(','));
  }
  const text = values.join(',');
  // Both "NaN" and "Infinity" have an N or an I; numbers have neither.
  return text.includes('N') || text.includes('I') ? quoteSpecial(text) : text;
}

/** A flat JSON array. */
export const flatJson = (dtype: Dtype, values: RuntimeArray): string => `[${joined(dtype, values)}]`;

/** A JSON array nested as the shape says; a scalar is one value. */
export function nestedJson(dtype: Dtype, values: RuntimeArray, shape: readonly number[]): string {
  const [size, ...inner] = shape;
  if (size === undefined) return joined(dtype, values);
  if (inner.length === 0) return flatJson(dtype, values);
  const stride = elementCount(inner);
  const rows: string[] = [];
  for (let row = 0; row < size; row++) {
    rows.push(nestedJson(dtype, sliceOf(values, row * stride, (row + 1) * stride), inner));
  }
  return `[${rows.join(',')}]`;
}
