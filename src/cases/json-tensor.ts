import type { ValueInfo } from '../model/inspection.ts';
import { elementCount, elementFacts } from '../shared/element-types.ts';
import { floatOfJson, jsonOfFloat, readNestedArray, type SymbolSize } from '../shared/nested-array.ts';
import { bytesOfElements, elementsOf, flattenNested, nestFlat } from '../shared/tensor-bytes.ts';
import type { CaseValue, TensorData } from './case-value.ts';

/** A nested JSON array as a tensor of the model's type. "NaN", "Infinity" and "-Infinity" are floats. @throws RangeError. */
export function tensorOfJson(
  value: unknown,
  info: Pick<ValueInfo, 'dtype' | 'shape'>,
  path: string,
  symbols: Map<string, SymbolSize>,
): TensorData {
  const { dtype } = info;
  const { shape, problems } = readNestedArray(value, { ...info, specialFloats: true }, path, symbols);
  const [first] = problems;
  if (first !== undefined) throw new RangeError(`${first.path}: ${first.message}`);
  const complex = elementFacts(dtype).kind === 'complex';
  const values = flattenNested(value, shape.length + (complex ? 1 : 0));
  if (dtype === 'string') return { dtype, shape, data: values.map(String) };
  return { dtype, shape, data: bytesOfElements(dtype, values.map(floatOfJson)) };
}

/** Elements as JSON has them; 64-bit integers past 2^53 do not fit. @throws RangeError. */
function jsonElements(tensor: TensorData): readonly unknown[] {
  const { dtype, shape, data } = tensor;
  if (!(data instanceof Uint8Array)) return data;
  const { kind } = elementFacts(dtype);
  const count = elementCount(shape);
  return Array.from<number | bigint, unknown>(elementsOf(dtype, data, count), element => {
    if (kind === 'bool') return element !== 0;
    const value = Number(element);
    if (kind === 'integer' && !Number.isSafeInteger(value))
      throw new RangeError(`${element} does not fit a JSON number`);
    return jsonOfFloat(value);
  });
}

/** A value as JSON: the inverse of reading. @throws RangeError where JSON cannot hold it. */
export function jsonOfValue(value: CaseValue): unknown {
  switch (value.kind) {
    case 'absent':
      return null;
    case 'sequence':
      return value.elements.map(jsonOfValue);
    case 'map':
      return Object.fromEntries(value.entries.map(([key, inner]) => [key, jsonOfValue(inner)]));
    case 'tensor': {
      const { tensor } = value;
      const complex = elementFacts(tensor.dtype).kind === 'complex';
      return nestFlat(jsonElements(tensor), complex ? [...tensor.shape, 2] : tensor.shape);
    }
  }
}
