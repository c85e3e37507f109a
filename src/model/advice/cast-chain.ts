import type { Node } from '../model.ts';
import { type AdviceRule, countOf, listNames, timeGain } from './advice.ts';
import { edgesOf } from './graph-edges.ts';

/** Casts of a cast's result that the runtime left, because the step between loses precision. */
export const castChain: AdviceRule = ({ optimised, profile }) => {
  if (optimised === null) return null;
  const edges = edgesOf(optimised.graph);
  const isCast = (node: Node | undefined): node is Node => node?.opType === 'Cast';
  const second = optimised.graph.nodes.filter(
    node => isCast(node) && isCast(edges.producerOf(node.inputs[0] ?? '')),
  );
  if (second.length === 0) return null;
  const both = second.flatMap(node => [node, edges.producerOf(node.inputs[0] ?? '') ?? node]);
  return {
    code: 'ADVICE_CAST_CHAIN',
    title: 'Cast once, or keep the type: values are cast and at once cast again.',
    evidence: `${countOf(second.length, 'pair')} of Casts in a row remain after optimisation: ${listNames(second.map(({ name }) => name))}.`,
    gain: timeGain(both, profile, 'two passes over the values for each pair'),
  };
};
