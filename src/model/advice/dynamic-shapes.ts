import type { Node } from '../model.ts';
import { interfaceOf } from '../model-interface.ts';
import { SHAPE_ARITHMETIC, SHAPE_SOURCES } from '../shape-operators.ts';
import { type AdviceRule, countOf, listNames, timeGain } from './advice.ts';
import { edgesOf } from './graph-edges.ts';

/** Work on shapes that fixed sizes would turn into constants; fewer such nodes are noise. */
const FEWEST_NODES = 8;
const SHAPE_WORK = new Set([...SHAPE_SOURCES, ...SHAPE_ARITHMETIC]);

/** Nodes that only compute shapes, because inputs have symbolic sizes. */
export const dynamicShapes: AdviceRule = ({ model, optimised, profile }) => {
  if (optimised === null) return null;
  const symbols = new Set<string>();
  for (const { name, shape } of interfaceOf(model).inputs) {
    for (const [axis, size] of (shape ?? []).entries()) {
      if (typeof size !== 'number') symbols.add(size ?? `${name}:${axis}`);
    }
  }
  if (symbols.size === 0) return null;
  const edges = edgesOf(optimised.graph);
  const constant = new Set(optimised.graph.initializers.map(({ name }) => name));
  const shapeNodes = new Set<Node>();
  for (const node of optimised.graph.nodes) {
    if (!SHAPE_WORK.has(node.opType)) continue;
    const isSource = node.opType === 'Shape' || node.opType === 'Size';
    const made = node.inputs.filter(input => input !== '' && !constant.has(input));
    const fromShapes = made.every(input => {
      const producer = edges.producerOf(input);
      return producer !== undefined && shapeNodes.has(producer);
    });
    if (isSource || (made.length > 0 && fromShapes)) shapeNodes.add(node);
  }
  if (shapeNodes.size < FEWEST_NODES) return null;
  return {
    code: 'ADVICE_DYNAMIC_SHAPES',
    title: 'Fix the dimensions that are always the same in use.',
    evidence: `${countOf(shapeNodes.size, 'node')} of ${optimised.graph.nodes.length} do nothing but compute shapes at run time, because these sizes are open: ${listNames([...symbols], 5)}.`,
    gain: timeGain([...shapeNodes], profile, 'these nodes become constants, and more fusions match'),
  };
};
