import { type AdviceRule, countOf, listNames, timeGain } from './advice.ts';

/**
 * Batch normalisations that the runtime could not fold into the weights before them. Where a convolution or a product
 * stands directly before one, it does that at load.
 */
export const unfusedBatchNorm: AdviceRule = ({ optimised, profile }) => {
  const nodes = optimised?.graph.nodes.filter(({ opType }) => opType === 'BatchNormalization') ?? [];
  if (nodes.length === 0) return null;
  return {
    code: 'ADVICE_BATCH_NORM',
    title: 'Fold batch normalisations into the weights beside them before the export.',
    evidence: `${countOf(nodes.length, 'BatchNormalization node')} still run after the runtime's own fusion: ${listNames(nodes.map(({ name }) => name))}.`,
    gain: timeGain(nodes, profile, 'one pass over the activations for each'),
  };
};
