import type { Graph, Node, TensorInfo } from '../model.ts';
import { operatorNameOf } from '../model.ts';
import { SHAPE_ARITHMETIC, SHAPE_SOURCES } from '../shape-operators.ts';

/** A node to draw, with what was put into it. */
export interface DrawnNode {
  readonly node: Node;
  readonly operator: string;
  readonly weights: readonly TensorInfo[];
  /** Nodes that only compute shapes or constants for it. */
  hiddenCount: number;
}

/** Nodes in the order of drawing, and the values between them. */
export interface DrawnGraph {
  readonly nodes: readonly DrawnNode[];
  /** By position in `nodes`; inputs of the graph are named. */
  readonly edges: readonly { readonly from: number | string; readonly to: number }[];
  readonly outputs: readonly { readonly from: number; readonly name: string }[];
}

/** What turns shapes into shapes; it is drawn where it works on data. */
const SHAPE_WORK = new Set([
  ...SHAPE_SOURCES,
  ...SHAPE_ARITHMETIC,
  ...[
    'ReduceMin',
    'Expand',
    'Identity',
    'Reshape',
    'Transpose',
    'Floor',
    'Ceil',
    'Sqrt',
    'Neg',
    'Mod',
    'Less',
    'Min',
    'Max',
  ],
]);
const PASSING_ON = new Set(['Identity', 'Dropout']);

/**
 * What is worth drawing: nodes that work on data, in an order in which a block's nodes stand together (depth first from
 * the outputs). What only computes shapes or constants goes into the node that uses it.
 */
export function simplifyGraph(graph: Graph): DrawnGraph {
  const weights = new Map<string, TensorInfo>(graph.initializers.map(tensor => [tensor.name, tensor]));
  const producer = new Map<string, Node>();
  for (const node of graph.nodes)
    for (const output of node.outputs) if (output !== '') producer.set(output, node);
  const dataInputs = new Set(graph.inputs.map(({ name }) => name).filter(name => !weights.has(name)));
  const order = depthFirst(graph, producer);
  const side = sideNodes(order, producer, dataInputs);
  const drawn = order.filter(node => !side.has(node));
  const positions = new Map<Node, number>();
  const nodes = drawn.map((node, position): DrawnNode => {
    positions.set(node, position);
    return {
      node,
      operator: operatorNameOf(node),
      weights: weightsOf(node, weights, producer, side),
      hiddenCount: 0,
    };
  });
  hide(nodes, side, producer);
  const edges: { from: number | string; to: number }[] = [];
  const sourceOf = (value: string): number | string | null => {
    const made = producer.get(value);
    if (made === undefined) return dataInputs.has(value) ? value : null;
    const position = positions.get(made);
    return position ?? null;
  };
  for (const [to, { node }] of nodes.entries()) {
    for (const input of new Set(node.inputs)) {
      const from = sourceOf(input);
      if (from !== null) edges.push({ from, to });
    }
  }
  const outputs = graph.outputs.flatMap(({ name }) => {
    const from = sourceOf(name);
    return typeof from === 'number' ? [{ from, name }] : [];
  });
  return { nodes, edges, outputs };
}

/** All nodes, each after those it needs, one branch after the other. Without recursion: graphs are deep. */
function depthFirst(graph: Graph, producer: ReadonlyMap<string, Node>): readonly Node[] {
  const order: Node[] = [];
  const state = new Map<Node, 'open' | 'done'>();
  const roots = [...graph.outputs.map(({ name }) => producer.get(name)), ...graph.nodes];
  for (const root of roots) {
    if (root === undefined || state.has(root)) continue;
    const stack = [{ node: root, next: 0 }];
    state.set(root, 'open');
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const input = top.node.inputs[top.next];
      if (input === undefined) {
        order.push(top.node);
        state.set(top.node, 'done');
        stack.pop();
        continue;
      }
      top.next += 1;
      const before = producer.get(input);
      if (before === undefined || state.has(before)) continue;
      state.set(before, 'open');
      stack.push({ node: before, next: 0 });
    }
  }
  return order.filter(node => node.opType !== 'Constant');
}

/** Nodes that carry no data: all they read are weights, constants, shapes, or other such nodes. */
function sideNodes(
  order: readonly Node[],
  producer: ReadonlyMap<string, Node>,
  dataInputs: ReadonlySet<string>,
): ReadonlySet<Node> {
  const side = new Set<Node>();
  for (const node of order) {
    const isSource = node.opType === 'Shape' || node.opType === 'Size';
    const readsData = node.inputs.some(input => {
      if (dataInputs.has(input)) return true;
      const before = producer.get(input);
      return before !== undefined && before.opType !== 'Constant' && !side.has(before);
    });
    if (
      isSource ||
      (!readsData && (SHAPE_WORK.has(node.opType) || node.opType.endsWith('DequantizeLinear')))
    ) {
      side.add(node);
    }
  }
  return side;
}

/** Weights of a node, those that come through side nodes (dequantised, cast, reshaped) included. */
function weightsOf(
  node: Node,
  weights: ReadonlyMap<string, TensorInfo>,
  producer: ReadonlyMap<string, Node>,
  side: ReadonlySet<Node>,
): readonly TensorInfo[] {
  return node.inputs.flatMap(input => {
    let value: string | undefined = input;
    for (let step = 0; step < 8 && value !== undefined; step += 1) {
      const weight = weights.get(value);
      if (weight !== undefined) return [weight];
      const before = producer.get(value);
      const [only] = before?.attributes ?? [];
      if (before?.opType === 'Constant' && only?.value.kind === 'tensor') return [only.value.value];
      if (before === undefined || !side.has(before)) return [];
      value = before.inputs[0];
    }
    return [];
  });
}

/** Gives each side node to the first drawn node that needs it. */
function hide(
  nodes: readonly DrawnNode[],
  side: ReadonlySet<Node>,
  producer: ReadonlyMap<string, Node>,
): void {
  const taken = new Set<Node>();
  for (const drawn of nodes) {
    const pending = [...drawn.node.inputs];
    for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
      const before = producer.get(value);
      if (before === undefined || !side.has(before) || taken.has(before)) continue;
      taken.add(before);
      drawn.hiddenCount += 1;
      pending.push(...before.inputs);
    }
  }
}

/** Whether a node may be left out of a box's lines. */
export const isPassingOn = (node: Node): boolean => PASSING_ON.has(node.opType);
