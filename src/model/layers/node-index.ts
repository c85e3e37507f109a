import type { Graph, Model, Node } from '../model.ts';
import type { NestedEvent, TraceEvent } from './trace.ts';

/** Finds the nodes of a graph by what the profiler says of them. */
export interface NodeIndex {
  readonly graph: Graph;
  find(event: TraceEvent): Node | null;
}

/** onnxruntime turns Constant nodes into initializers before it numbers the others. */
const isNumbered = (node: Node): boolean => node.opType !== 'Constant';

/**
 * By name where only one node has it, else by the position that the runtime gave the node when it loaded the graph,
 * for nodes that have no name of their own. The operator must agree either way.
 */
export function indexNodes(graph: Graph): NodeIndex {
  const byName = new Map<string, Node | null>();
  for (const node of graph.nodes) {
    if (node.name !== '') byName.set(node.name, byName.has(node.name) ? null : node);
  }
  const numbered = graph.nodes.filter(isNumbered);
  return {
    graph,
    find(event) {
      const named = byName.get(event.name);
      if (named && named.opType === event.opType) return named;
      const node = numbered[event.nodeIndex];
      if (node === undefined || node.opType !== event.opType) return null;
      const isItsName =
        node.name === event.name || event.name === '' || event.name === `${node.opType}_${event.nodeIndex}`;
      return isItsName ? node : null;
    },
  };
}

/** Whether a graph that the runtime wrote has the nodes of a trace in the order in which they ran. */
export function runsInWrittenOrder(model: Pick<Model, 'graph'>, events: readonly NestedEvent[]): boolean {
  const { nodes } = model.graph;
  return (
    nodes.length === events.length &&
    events.every(({ event }, position) => nodes[position]?.opType === event.opType)
  );
}
