import { graphsOf } from '../model.ts';
import { type AdviceRule, countOf, formatSize, listNames } from './advice.ts';

/** The runtime drops them from memory at load; the file, every download and every image keep them. */
const SMALLEST_BYTES = 1024;

/** Weights that no node reads. */
export const unusedWeights: AdviceRule = ({ model }) => {
  const read = new Set(model.graph.outputs.map(({ name }) => name));
  for (const graph of graphsOf(model)) {
    for (const node of graph.nodes) for (const input of node.inputs) read.add(input);
    for (const output of graph.outputs) read.add(output.name);
  }
  const unused = model.graph.initializers.filter(({ name }) => !read.has(name));
  const sizeBytes = unused.reduce((total, tensor) => total + tensor.sizeBytes, 0);
  if (sizeBytes < SMALLEST_BYTES) return null;
  return {
    code: 'ADVICE_UNUSED_WEIGHTS',
    title: 'Remove weights that nothing reads.',
    evidence: `${countOf(unused.length, 'weight')} of ${formatSize(sizeBytes)}: ${listNames(unused.map(({ name }) => name))}.`,
    gain: `${formatSize(sizeBytes)} of file, download and image`,
  };
};
