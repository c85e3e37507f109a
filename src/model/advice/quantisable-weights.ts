import { type AdviceRule, countOf, formatSize } from './advice.ts';

const SMALLEST_BYTES = 1_000_000;
/** Operators with weights and integer kernels, and at which input the weights are. */
const WEIGHT_INPUTS: Readonly<Record<string, number>> = { Conv: 1, MatMul: 1, Gemm: 1, Gather: 0 };

/** Float weights that would be a quarter as large in int8. */
export const quantisableWeights: AdviceRule = ({ model }) => {
  const weights = new Map(model.graph.initializers.map(tensor => [tensor.name, tensor]));
  const found = new Map<string, { readonly sizeBytes: number; readonly int8Bytes: number }>();
  let product = 0;
  for (const { opType, inputs } of model.graph.nodes) {
    const position = Object.hasOwn(WEIGHT_INPUTS, opType) ? WEIGHT_INPUTS[opType] : undefined;
    const tensor = position === undefined ? undefined : weights.get(inputs[position] ?? '');
    if (tensor === undefined || tensor.dims.length < 2) continue;
    if (tensor.dtype !== 'float32' && tensor.dtype !== 'float16') continue;
    if (!found.has(tensor.name) && opType !== 'Gather') product += 1;
    // One scale of four bytes for each row or channel.
    found.set(tensor.name, {
      sizeBytes: tensor.sizeBytes,
      int8Bytes: tensor.elementCount + 4 * (tensor.dims[0] ?? 0),
    });
  }
  const sum = (of: 'sizeBytes' | 'int8Bytes'): number =>
    [...found.values()].reduce((total, each) => total + each[of], 0);
  const [sizeBytes, int8Bytes] = [sum('sizeBytes'), sum('int8Bytes')];
  if (sizeBytes < SMALLEST_BYTES || product === 0) return null;
  return {
    code: 'ADVICE_QUANTISE',
    title: 'Consider int8 weights; check the accuracy with your own data.',
    evidence: `${countOf(found.size, 'weight')} of convolutions, products and lookups are floats: ${formatSize(sizeBytes)} of ${formatSize(model.graph.initializers.reduce((total, tensor) => total + tensor.sizeBytes, 0))}.`,
    gain: `${formatSize(sizeBytes)} become ${formatSize(int8Bytes)}; speed depends on the processor, so measure it`,
  };
};
