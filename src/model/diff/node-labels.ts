import { hash } from 'node:crypto';
import type { AttributeValue, Graph, Node, TensorInfo } from '../model.ts';
import { operatorNameOf, subgraphsOf } from '../model.ts';

/** A graph with what matching needs of each node. No label depends on a generated name. */
export interface LabelledGraph {
  readonly graph: Graph;
  readonly nodes: readonly LabelledNode[];
  /** Nodes that only carry a value over, perhaps in another type: matching looks through them. */
  readonly conversions: readonly Node[];
}

/** Operators that pass their first input on: as it is, in another type, or quantised. */
const CONVERSIONS = new Set([
  'Identity',
  'Cast',
  'QuantizeLinear',
  'DequantizeLinear',
  'com.microsoft:QuantizeLinear',
  'com.microsoft:DequantizeLinear',
]);

export interface LabelledNode {
  readonly index: number;
  readonly node: Node;
  readonly operator: string;
  /** Operator and attributes. */
  readonly settings: string;
  /** `settings`, and types and sizes of the weights at each input. */
  readonly whole: string;
  /** Producers by input; -1 for weights, graph inputs, and inputs that are left out. */
  readonly producers: readonly number[];
  readonly consumers: readonly number[];
  /** Weights by input, null elsewhere. */
  readonly weights: readonly (TensorInfo | null)[];
  /** Positions of graph inputs and outputs that this node reads and makes: these names are the interface. */
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
}

/** A short text that is equal for equal parts. */
export function digest(...parts: readonly (string | number)[]): string {
  return hash('sha1', parts.join('\u0000'), 'base64');
}

export const weightLabel = ({ dtype, dims }: TensorInfo): string => `${dtype}[${dims.join(',')}]`;

/**
 * Labels the nodes of a graph. Constant nodes count as weights, since exporters choose freely between the two; and a
 * converted or quantised value counts as the value, so that a quantised graph still matches the one it was made from.
 */
export function labelGraph(graph: Graph): LabelledGraph {
  const weights = new Map<string, TensorInfo>();
  for (const tensor of graph.initializers) weights.set(tensor.name, tensor);
  const nodes: Node[] = [];
  const conversions: Node[] = [];
  const origins = new Map<string, string>();
  for (const node of graph.nodes) {
    const [value] = node.opType === 'Constant' ? node.attributes.map(attribute => attribute.value) : [];
    const [output] = node.outputs;
    const [input] = node.inputs;
    if (value?.kind === 'tensor' && output !== undefined) weights.set(output, value.value);
    else if (CONVERSIONS.has(operatorNameOf(node)) && input !== undefined && output !== undefined) {
      conversions.push(node);
      // Sorted graphs have the origin of the input already; in others only the order of writing is lost.
      origins.set(output, origins.get(input) ?? input);
    } else nodes.push(node);
  }
  const originOf = (name: string): string => origins.get(name) ?? name;
  const producer = new Map<string, number>();
  for (const [index, node] of nodes.entries()) for (const output of node.outputs) producer.set(output, index);
  const consumers: number[][] = nodes.map(() => []);
  for (const [index, node] of nodes.entries()) {
    for (const input of node.inputs) {
      const before = input === '' ? undefined : producer.get(originOf(input));
      if (before !== undefined) consumers[before]?.push(index);
    }
  }
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const outputs = new Map(graph.outputs.map(({ name }) => [originOf(name), name]));
  return {
    graph,
    conversions,
    nodes: nodes.map((node, index) => {
      const values = node.inputs.map(originOf);
      const found = values.map(input => (producer.has(input) ? null : (weights.get(input) ?? null)));
      const operator = operatorNameOf(node);
      const settings = digest(operator, node.inputs.length, ...settingsOf(node));
      return {
        index,
        node,
        operator,
        settings,
        whole: digest(settings, ...found.map(weight => (weight === null ? '-' : weightLabel(weight)))),
        producers: values.map(input => (input === '' ? -1 : (producer.get(input) ?? -1))),
        consumers: consumers[index] ?? [],
        weights: found,
        inputNames: values.filter(input => inputs.has(input) && !weights.has(input)),
        outputNames: node.outputs.flatMap(output => outputs.get(output) ?? []),
      };
    }),
  };
}

function settingsOf(node: Node): readonly string[] {
  return [
    ...node.attributes.map(({ name, value }) => `${name}=${describeSetting(value)}`).sort(),
    ...subgraphsOf(node).map(graph =>
      graph.nodes.map(inner => [operatorNameOf(inner), ...settingsOf(inner)].join()).join(),
    ),
  ];
}

/** An attribute's value, as one reads it and as it is compared. Subgraphs are compared by their nodes. */
export function describeSetting(value: AttributeValue): string {
  switch (value.kind) {
    case 'float':
    case 'int':
      return String(value.value);
    case 'string':
      return value.value ?? `${value.sizeBytes} bytes`;
    case 'floats':
    case 'ints':
    case 'strings':
      return value.values === null ? `${value.count} values` : `[${value.values.join(', ')}]`;
    case 'tensor':
      return weightLabel(value.value);
    case 'reference':
      return `@${value.name}`;
    case 'type':
      return value.value.type ?? value.value.dtype;
    default:
      return value.kind;
  }
}
