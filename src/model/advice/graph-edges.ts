import type { Graph, Node } from '../model.ts';
import { subgraphsOf } from '../model.ts';

/** Who makes and who reads each value of a graph. */
export interface GraphEdges {
  producerOf(value: string): Node | undefined;
  /** Nodes of the graph that read the value, in order. Reading in a subgraph counts for the node that holds it. */
  consumersOf(value: string): readonly Node[];
  isOutput(value: string): boolean;
}

export function edgesOf(graph: Graph): GraphEdges {
  const producers = new Map<string, Node>();
  const consumers = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const output of node.outputs) if (output !== '') producers.set(output, node);
    for (const input of valuesReadBy(node)) {
      const known = consumers.get(input);
      if (known === undefined) consumers.set(input, [node]);
      else known.push(node);
    }
  }
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  return {
    producerOf: value => producers.get(value),
    consumersOf: value => consumers.get(value) ?? [],
    isOutput: value => outputs.has(value),
  };
}

/** Values by name that a node or its subgraphs read. */
function valuesReadBy(node: Node): ReadonlySet<string> {
  const read = new Set(node.inputs.filter(input => input !== ''));
  const pending = node.attributes.length === 0 ? [] : [...subgraphsOf(node)];
  for (let graph = pending.pop(); graph !== undefined; graph = pending.pop()) {
    for (const output of graph.outputs) read.add(output.name);
    for (const inner of graph.nodes) {
      for (const input of inner.inputs) if (input !== '') read.add(input);
      pending.push(...subgraphsOf(inner));
    }
  }
  return read;
}
