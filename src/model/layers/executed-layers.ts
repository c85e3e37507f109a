import { type Model, type Node, operatorNameOf, subgraphsOf } from '../model.ts';
import type { LoadedLayer } from './loaded-layers.ts';
import { runsInWrittenOrder } from './node-index.ts';
import { type NestedEvent, nestEvents, type RunTensor, type RunTrace } from './trace.ts';

/** A node of the graph that the runtime made of the model, with its time and the nodes of the model that it does. */
export interface ExecutedLayer {
  readonly name: string;
  /** With its domain where the optimised graph is there to ask. */
  readonly operator: string;
  /** Time in the node itself: without the nodes of its subgraphs, which are layers of their own. */
  readonly durationUs: number;
  readonly calls: number;
  readonly output: RunTensor | null;
  readonly node: Node | null;
  readonly event: NestedEvent['event'];
  /** Nodes of the model that this one computes: itself, and what was fused into it. Empty for what the runtime added. */
  readonly sources: readonly LoadedLayer[];
}

/**
 * The name of what the runtime replaced: `Conv_3` becomes `Conv_3_nchwc` or `Conv_3_token_7`, and
 * `InsertedPrecisionFreeCast_y` stands where the value `y` was half precision.
 */
const originalName = (name: string): string =>
  name.replace(/^InsertedPrecisionFreeCast_/, '').replace(/(_nchwc|_token_\d+|_nhwc)+$/, '');

const isMatrixOperator = (opType: string): boolean => /Conv|MatMul|Gemm/.test(opType);

/**
 * What ran, in order, matched with the nodes of the model. A node of the optimised graph does the node of the model
 * that makes its output, or has its name; and all before it that no other node does.
 */
export function executedLayers(
  model: Model,
  optimised: Model | null,
  run: RunTrace,
  layers: readonly LoadedLayer[],
): readonly ExecutedLayer[] {
  const events = nestEvents(run);
  const flat = flatten(
    events,
    optimised === null ? new Map<string, Node>() : nodesOfEvents(optimised, events),
  );
  const sources = assignSources(model, flat, layers);
  return flat.map((item, position) => ({ ...item, sources: sources[position] ?? [] }));
}

type Executed = Omit<ExecutedLayer, 'sources'>;

/** One entry a node: the executions of a loop's body add up. */
function flatten(events: readonly NestedEvent[], nodes: ReadonlyMap<string, Node>): readonly Executed[] {
  const found = new Map<string, { calls: number; durationUs: number; readonly first: NestedEvent }>();
  const pending = [...events].reverse();
  for (let nested = pending.pop(); nested !== undefined; nested = pending.pop()) {
    const { event } = nested;
    const key = keyOf(event);
    const known = found.get(key);
    if (known === undefined) found.set(key, { calls: 1, durationUs: nested.selfUs, first: nested });
    else {
      known.calls += 1;
      known.durationUs += nested.selfUs;
    }
    for (let child = nested.children.length - 1; child >= 0; child -= 1) {
      const inner = nested.children[child];
      if (inner !== undefined) pending.push(inner);
    }
  }
  return [...found.values()].map(({ calls, durationUs, first: { event } }) => {
    const node = nodes.get(keyOf(event)) ?? nodes.get(event.name) ?? null;
    const agrees = node !== null && node.opType === event.opType;
    return {
      name: event.name,
      operator: agrees ? operatorNameOf(node) : event.opType,
      durationUs,
      calls,
      output: event.outputs[0] ?? null,
      node: agrees ? node : null,
      event,
    };
  });
}

const keyOf = (event: NestedEvent['event']): string =>
  `${event.name}\u0000${event.opType}\u0000${event.nodeIndex}`;

/**
 * The nodes of a graph that the runtime wrote, by name and, where all operators agree, by position: nodes are run in the
 * order in which they are written, so that those without a name are found too.
 */
function nodesOfEvents(model: Model, events: readonly NestedEvent[]): Map<string, Node> {
  const nodes = new Map<string, Node>();
  if (runsInWrittenOrder(model, events)) {
    for (const [position, { event }] of events.entries()) {
      const node = model.graph.nodes[position];
      if (node !== undefined) nodes.set(keyOf(event), node);
    }
  }
  const pending = [...model.graph.nodes];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.name !== '') nodes.set(node.name, node);
    for (const graph of subgraphsOf(node)) pending.push(...graph.nodes);
  }
  return nodes;
}

function assignSources(
  model: Model,
  executed: readonly Executed[],
  layers: readonly LoadedLayer[],
): readonly LoadedLayer[][] {
  const byOutput = new Map<string, LoadedLayer>();
  const byName = new Map<string, LoadedLayer>();
  const position = new Map<Node, number>();
  let numbered = 0;
  for (const node of model.graph.nodes) if (node.opType !== 'Constant') position.set(node, numbered++);
  for (const layer of layers) {
    for (const output of layer.node.outputs) {
      // A Cast that the runtime puts behind a node takes over the name of the node's output.
      if (output !== '' && (position.has(layer.node) || !byOutput.has(output))) byOutput.set(output, layer);
    }
    byName.set(layer.node.name || `${layer.node.opType}_${position.get(layer.node) ?? ''}`, layer);
  }
  const owner = new Map<LoadedLayer, number>();
  const roots = executed.map((item, index) => {
    const original = originalName(item.name);
    const exact = byName.get(item.name);
    const named =
      exact?.node.opType === item.event.opType
        ? exact
        : (byName.get(original) ??
          byOutput.get(original) ??
          // A normalisation that is not fused becomes a convolution `<output>_bn_nchwc`.
          byOutput.get(original.replace(/_bn$/, '')) ??
          exact);
    const made = item.node?.outputs.flatMap(output => byOutput.get(output) ?? []) ?? [];
    const found = [...new Set([...(named === undefined ? [] : [named]), ...made])].filter(
      layer => !owner.has(layer),
    );
    for (const layer of found) owner.set(layer, index);
    return found;
  });
  matchByShape(executed, roots, layers, owner);
  return roots.map((found, index) => {
    const claimed = [...found];
    const pending = [...found];
    for (let layer = pending.pop(); layer !== undefined; layer = pending.pop()) {
      for (const input of layer.node.inputs) {
        const before = byOutput.get(input);
        if (before === undefined || owner.has(before)) continue;
        owner.set(before, index);
        claimed.push(before);
        pending.push(before);
      }
    }
    return claimed;
  });
}

/**
 * Products that were renamed beyond recognition: in order, those with an output of the same shape, but for the channels,
 * which blocked layouts pad.
 */
function matchByShape(
  executed: readonly Executed[],
  roots: LoadedLayer[][],
  layers: readonly LoadedLayer[],
  owner: Map<LoadedLayer, number>,
): void {
  const shapeKey = (shape: readonly number[] = []): string =>
    shape.filter((_, axis) => axis !== 1 || shape.length < 4).join();
  const waiting = Map.groupBy(
    layers.filter(layer => isMatrixOperator(layer.node.opType) && !owner.has(layer)),
    layer => shapeKey(layer.outputs[0]?.shape),
  );
  for (const [index, item] of executed.entries()) {
    if (roots[index]?.length !== 0 || !isMatrixOperator(item.event.opType)) continue;
    const layer = waiting.get(shapeKey(item.output?.shape))?.shift();
    if (layer === undefined) continue;
    owner.set(layer, index);
    roots[index] = [layer];
  }
}
