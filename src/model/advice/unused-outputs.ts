import type { Node } from '../model.ts';
import { type AdviceRule, countOf, listNames } from './advice.ts';
import { edgesOf } from './graph-edges.ts';

/** Outputs that a kernel need not compute when they have no name, by position. */
const OPTIONAL_OUTPUTS: Readonly<Record<string, readonly number[]>> = {
  MaxPool: [1],
  LayerNormalization: [1, 2],
  Dropout: [1],
  LSTM: [0, 1, 2],
  GRU: [0, 1],
  RNN: [0, 1],
  Unique: [1, 2, 3],
  SkipLayerNormalization: [1, 2],
};

/** Optional outputs that are computed though nobody reads them: the runtime asks a kernel for each that has a name. */
export const unusedOutputs: AdviceRule = ({ model, optimised }) => {
  const graph = (optimised ?? model).graph;
  const edges = edgesOf(graph);
  const isUnused = (node: Node, position: number): boolean => {
    const output = node.outputs[position] ?? '';
    return output !== '' && !edges.isOutput(output) && edges.consumersOf(output).length === 0;
  };
  const unused = graph.nodes.flatMap(node => {
    const positions = Object.hasOwn(OPTIONAL_OUTPUTS, node.opType)
      ? OPTIONAL_OUTPUTS[node.opType]
      : undefined;
    return (positions ?? [])
      .filter(position => isUnused(node, position))
      .map(position => `${node.outputs[position]} of ${node.name || node.opType}`);
  });
  if (unused.length === 0) return null;
  return {
    code: 'ADVICE_UNUSED_OUTPUTS',
    title: 'Leave the names of optional outputs empty where nobody reads them.',
    evidence: `${countOf(unused.length, 'optional output')} computed and dropped: ${listNames(unused)}.`,
    gain: 'the memory of these values and the time to write them',
  };
};
