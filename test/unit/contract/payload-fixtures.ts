import type { Dimension, Dtype, ModelInterface, ValueInfo } from '../../../src/model/inspection.ts';

export const tensor = (name: string, dtype: Dtype, shape: readonly Dimension[] | null): ValueInfo => ({
  name,
  kind: 'tensor',
  dtype,
  shape,
});

export function modelOf(
  inputs: readonly ValueInfo[],
  outputs: readonly ValueInfo[] = [tensor('y', 'float32', ['N', 2])],
  optionalInputs: readonly ValueInfo[] = [],
): ModelInterface {
  return { inputs, outputs, optionalInputs, opsets: { 'ai.onnx': 17 } };
}
