import { type AdviceRule, countOf, listNames, timeGain } from './advice.ts';

/** Weights that are unpacked where they are used: meant to be computed at run time. */
const UNPACKING = /DequantizeLinear|GatherBlockQuantized|ConstantOfShape/;
const RANDOM = /^(Random|Bernoulli|Multinomial)/;

/**
 * Nodes that compute the same in every run, since all they read are weights, and that the runtime does not fold: mostly
 * because the weights are listed as inputs, so that a caller could override them.
 */
export const constantSubgraph: AdviceRule = ({ optimised, profile }) => {
  if (optimised === null) return null;
  const constant = new Set(optimised.graph.initializers.map(({ name }) => name));
  const inputs = new Set(optimised.graph.inputs.map(({ name }) => name));
  const overridable = new Set<string>();
  const nodes = optimised.graph.nodes.filter(node => {
    const read = node.inputs.filter(input => input !== '');
    if (read.length === 0 || !read.every(input => constant.has(input))) return false;
    if (UNPACKING.test(node.opType) || RANDOM.test(node.opType)) return false;
    for (const output of node.outputs) constant.add(output);
    for (const input of read) if (inputs.has(input)) overridable.add(input);
    return true;
  });
  if (nodes.length === 0) return null;
  const why =
    overridable.size === 0
      ? ''
      : ` ${countOf(overridable.size, 'weight')} cannot be folded because the graph lists ${overridable.size === 1 ? 'it' : 'them'} as input: ${listNames([...overridable])}.`;
  return {
    code: 'ADVICE_CONSTANT_SUBGRAPH',
    title:
      overridable.size > 0
        ? 'Take weights out of the graph inputs, so that the runtime can fold them.'
        : 'Fold constant nodes before the export.',
    evidence: `${countOf(nodes.length, 'node')} compute the same in every run: ${listNames(nodes.map(({ name, opType }) => name || opType))}.${why}`,
    gain: timeGain(nodes, profile, 'the time of these nodes, and the fusions that they prevent'),
  };
};
