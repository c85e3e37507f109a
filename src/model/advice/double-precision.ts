import { type AdviceRule, countOf, formatSize, listNames } from './advice.ts';

/** Weights in double precision: twice the memory, and most kernels are slower or missing. */
export const doublePrecision: AdviceRule = ({ model }) => {
  const weights = model.graph.initializers.filter(
    ({ dtype, elementCount }) => dtype === 'float64' && elementCount > 1,
  );
  const values = [...model.graph.inputs, ...model.graph.outputs].filter(({ dtype }) => dtype === 'float64');
  if (weights.length === 0 && values.length === 0) return null;
  const sizeBytes = weights.reduce((total, weight) => total + weight.sizeBytes, 0);
  const parts = [
    ...(weights.length === 0
      ? []
      : [`${countOf(weights.length, 'weight')} (${listNames(weights.map(({ name }) => name))})`]),
    ...(values.length === 0
      ? []
      : [`${countOf(values.length, 'input or output')} (${listNames(values.map(({ name }) => name))})`]),
  ];
  return {
    code: 'ADVICE_FLOAT64',
    title: 'Convert to float32 before the export: inference seldom needs double precision.',
    evidence: `float64 is the type of ${parts.join(' and ')}.`,
    gain:
      sizeBytes === 0
        ? 'half the bytes of each value'
        : `${formatSize(sizeBytes / 2)} of ${formatSize(sizeBytes)}, and faster kernels`,
  };
};
