import type { NamedTensor, TensorData } from '../../../src/cases/case-value.ts';
import type { Dtype } from '../../../src/model/inspection.ts';
import { bytesOfElements } from '../../../src/shared/tensor-bytes.ts';

export const numbers = (
  dtype: Dtype,
  shape: readonly number[],
  values: readonly (number | bigint)[],
): TensorData => ({
  dtype,
  shape,
  data: bytesOfElements(dtype, values),
});

export const named = (name: string, tensor: TensorData): NamedTensor => ({ name, ...tensor });
