import {
  type Graph,
  graphsOf,
  type Model,
  type Node,
  operatorNameOf,
  subgraphsOf,
  type TensorInfo,
} from '../model.ts';
import type { RunShape } from './mac-count.ts';
import { countMacs } from './mac-rules.ts';
import { indexNodes, type NodeIndex, runsInWrittenOrder } from './node-index.ts';
import { type NestedEvent, nestEvents, type RunTensor, type RunTrace } from './trace.ts';

/** A node of the model as it is written, with what one run told of it. */
export interface LoadedLayer {
  readonly node: Node;
  readonly operator: string;
  /** Executions in one run; more than one in the body of a Loop or Scan. */
  readonly calls: number;
  /** Over all calls; null: uncounted. Operators without matrix products have 0. */
  readonly macs: number | null;
  /** Of the last call. */
  readonly inputs: readonly RunShape[];
  readonly outputs: readonly (RunTensor | null)[];
}

/** Shapes of values by name; a subgraph also sees those around it. */
class Scope {
  readonly #shapes = new Map<string, RunTensor>();
  readonly #weights = new Map<string, TensorInfo>();
  readonly #outer: Scope | null;

  constructor(graph: Graph, outer: Scope | null) {
    this.#outer = outer;
    for (const weight of graph.initializers) this.#weights.set(weight.name, weight);
    for (const node of graph.nodes) {
      const constant = node.opType === 'Constant' ? node.attributes[0]?.value : undefined;
      const [output] = node.outputs;
      if (constant?.kind === 'tensor' && output !== undefined) this.#weights.set(output, constant.value);
    }
  }

  shapeOf(name: string): RunShape {
    return (
      this.#shapes.get(name)?.shape ?? this.#weights.get(name)?.dims ?? this.#outer?.shapeOf(name) ?? null
    );
  }

  set(name: string, tensor: RunTensor): void {
    this.#shapes.set(name, tensor);
  }
}

interface Mutable {
  readonly node: Node;
  calls: number;
  macs: number | null;
  inputs: readonly RunShape[];
  outputs: readonly (RunTensor | null)[];
}

/**
 * The nodes of a model that ran, from a trace of the model without optimisation: what the file says must be computed,
 * on any machine and with any version of the runtime. The loaded graph (which the runtime wrote back) has the nodes of
 * functions that were inlined; null where it was not written.
 */
export function loadedLayers(
  model: Model,
  loaded: Model | null,
  run: RunTrace,
  feeds: ReadonlyMap<string, RunTensor>,
): { readonly layers: readonly LoadedLayer[]; readonly unmatchedOperators: readonly string[] } {
  const layers = new Map<Node, Mutable>();
  const unmatched = new Set<string>();
  const indexes = new Map<Graph, NodeIndex>();
  const indexOf = (graph: Graph): NodeIndex => {
    const known = indexes.get(graph) ?? indexNodes(graph);
    indexes.set(graph, known);
    return known;
  };
  const inlined = loaded === null ? null : inlinedNodes(loaded);
  const events = nestEvents(run);
  const written = loaded !== null && runsInWrittenOrder(loaded, events) ? loaded.graph.nodes : [];

  const record = (node: Node, event: NestedEvent, scope: Scope): void => {
    const outputs = zipOutputs(node, event.event.outputs);
    for (const [position, tensor] of outputs.entries()) {
      const name = node.outputs[position];
      if (tensor !== null && name !== undefined && name !== '') scope.set(name, tensor);
    }
    const inputs = shapesOfInputs(node, event.event.inputs, scope);
    const count = countMacs({ node, inputs, outputs: outputs.map(tensor => tensor?.shape ?? null) });
    const macs = count.kind === 'counted' ? count.macs : count.kind === 'free' ? 0 : null;
    const known = layers.get(node);
    if (known === undefined) layers.set(node, { node, calls: 1, macs, inputs, outputs });
    else {
      known.calls += 1;
      known.macs = known.macs === null || macs === null ? null : known.macs + macs;
      known.inputs = inputs;
      known.outputs = outputs;
    }
  };

  const visit = (at: readonly NestedEvent[], graphs: readonly Graph[], scopes: readonly Scope[]): void => {
    for (const [position, nested] of at.entries()) {
      let found: { readonly node: Node; readonly scope: Scope } | null = null;
      for (const [choice, graph] of graphs.entries()) {
        const node = indexOf(graph).find(nested.event);
        const scope = scopes[choice];
        if (node !== null && scope !== undefined) {
          found = { node, scope };
          break;
        }
      }
      const outermost = scopes[0];
      if (found === null && outermost !== undefined) {
        const node = inlined?.get(nested.event.name) ?? (events === at ? written[position] : undefined);
        if (node !== undefined && node.opType === nested.event.opType) found = { node, scope: outermost };
      }
      if (found === null) {
        unmatched.add(nested.event.opType);
        if (nested.children.length > 0) visit(nested.children, graphs, scopes);
        continue;
      }
      const { node, scope } = found;
      const bodies = subgraphsOf(node);
      if (nested.children.length > 0 && bodies.length > 0) {
        visit(
          nested.children,
          bodies,
          bodies.map(body => new Scope(body, scope)),
        );
      }
      record(node, nested, scope);
    }
  };

  const top = new Scope(model.graph, null);
  for (const [name, tensor] of feeds) top.set(name, tensor);
  visit(events, [model.graph], [top]);
  return {
    layers: [...layers.values()].map(layer => ({ ...layer, operator: operatorNameOf(layer.node) })),
    unmatchedOperators: [...unmatched].sort(),
  };
}

/** Nodes of every graph by their names, where only one has it. */
function inlinedNodes(loaded: Model): ReadonlyMap<string, Node> {
  const nodes = new Map<string, Node>();
  const repeated = new Set<string>();
  for (const graph of graphsOf(loaded)) {
    for (const node of graph.nodes) {
      if (node.name === '') continue;
      if (nodes.has(node.name)) repeated.add(node.name);
      nodes.set(node.name, node);
    }
  }
  for (const name of repeated) nodes.delete(name);
  return nodes;
}

/** The profiler lists the outputs that exist; which those are is only certain where the numbers agree. */
function zipOutputs(node: Node, tensors: readonly RunTensor[]): readonly (RunTensor | null)[] {
  const named = node.outputs.filter(name => name !== '').length;
  if (tensors.length === node.outputs.length) return tensors;
  let next = 0;
  if (tensors.length === named)
    return node.outputs.map(name => (name === '' ? null : (tensors[next++] ?? null)));
  return node.outputs.map((_, position) => (position === 0 ? (tensors[0] ?? null) : null));
}

function shapesOfInputs(node: Node, tensors: readonly RunTensor[], scope: Scope): readonly RunShape[] {
  const named = node.inputs.filter(name => name !== '').length;
  let next = 0;
  return node.inputs.map(name => {
    if (name === '') return null;
    const told = tensors.length === named ? tensors[next++]?.shape : undefined;
    return told ?? scope.shapeOf(name);
  });
}
