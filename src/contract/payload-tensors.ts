import type { Dtype } from '../model/inspection.ts';
import { elementFacts } from '../shared/element-types.ts';
import { floatOfJson } from '../shared/nested-array.ts';
import { bytesOfElements, flattenNested } from '../shared/tensor-bytes.ts';
import type { PayloadTensor } from './payload-validator.ts';

/** A tensor of a payload as raw data: little-endian bytes, or strings. Fits the benchmark's FeedTensor. */
export interface DecodedTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array | readonly string[];
}

function valuesOf(tensor: PayloadTensor): readonly unknown[] {
  const { data } = tensor;
  if (data.kind === 'flat') return data.value;
  if (data.kind === 'numbers') return [...data.value.numbers];
  const complex = elementFacts(tensor.info.dtype).kind === 'complex';
  return data.kind === 'nested' ? flattenNested(data.value, tensor.shape.length + (complex ? 1 : 0)) : [];
}

/** The raw data of a tensor of a payload in which no problem was found. */
export function decodePayloadTensor(tensor: PayloadTensor): DecodedTensor {
  const { info, shape, data } = tensor;
  const { name, dtype } = info;
  if (data.kind === 'base64')
    return { name, dtype, shape, data: new Uint8Array(Buffer.from(data.text, 'base64')) };
  const values = valuesOf(tensor);
  if (dtype === 'string') return { name, dtype, shape, data: values.map(String) };
  return { name, dtype, shape, data: bytesOfElements(dtype, values.map(floatOfJson)) };
}
