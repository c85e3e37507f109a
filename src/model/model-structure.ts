import { calledFunction, functionsByCall } from './function-expansion.ts';
import type { ValueInfo } from './inspection.ts';
import {
  domainOf,
  type Graph,
  graphsOf,
  type Model,
  type Node,
  operatorNameOf,
  subgraphsOf,
} from './model.ts';
import { interfaceOf } from './model-interface.ts';

/** Only so many are listed singly. */
const LISTED = 100;

export interface SubgraphFacts {
  /** The node that holds it, by name or operator, and the attribute that it is: `If_0.then_branch`. */
  readonly place: string;
  /** The graph's own name. */
  readonly name: string;
  readonly nodeCount: number;
}

export interface FunctionFacts {
  /** `domain:name`, with `:overload` where it has one. */
  readonly name: string;
  readonly nodeCount: number;
  /** How many nodes call it. */
  readonly calls: number;
}

/** What else a model file holds, beyond its interface, operators and weights. */
export interface ModelStructure {
  readonly graphName: string;
  readonly domain: string;
  readonly modelVersion: number;
  /** Documentation of the model and of its graph. */
  readonly documentation: { readonly model: string; readonly graph: string };
  /** Inputs that callers may leave out, since an initializer is their default. */
  readonly optionalInputs: readonly ValueInfo[];
  readonly functions: readonly FunctionFacts[];
  /** The first hundred; `subgraphCount` has all. */
  readonly subgraphs: readonly SubgraphFacts[];
  readonly subgraphCount: number;
  readonly sparseInitializerCount: number;
  /** Values between nodes whose type the file tells. */
  readonly valueInfoCount: number;
  /** Training steps that the file carries; inference ignores them. */
  readonly trainingStepCount: number;
  /** How it is quantised: by pairs of nodes (QDQ), by operators on integers (QOperator), both, or not at all. */
  readonly quantisation: 'QDQ' | 'QOperator' | 'QDQ and QOperator' | null;
}

const INTEGER_OPERATOR =
  /^(?:QLinear\w+|ConvInteger|MatMulInteger\w*|QGemm|QAttention|MatMulNBits|DynamicQuantize(?:MatMul|LSTM))$/;

/** Describes the parts of a model that most models do not have. */
export function describeStructure(model: Model): ModelStructure {
  const subgraphs: SubgraphFacts[] = [];
  let subgraphCount = 0;
  let sparseInitializerCount = 0;
  let valueInfoCount = 0;
  let hasPairs = false;
  let hasIntegers = false;
  const calls = new Map<string, number>();
  const functions = functionsByCall(model);
  const visit = (nodes: readonly Node[]): void => {
    for (const node of nodes) {
      if (node.opType === 'DequantizeLinear') hasPairs = true;
      if (INTEGER_OPERATOR.test(node.opType)) hasIntegers = true;
      const called = calledFunction(functions, node);
      if (called !== undefined) calls.set(nameOf(called), (calls.get(nameOf(called)) ?? 0) + 1);
      if (node.attributes.length === 0) continue;
      subgraphCount += subgraphsOf(node).length;
      if (subgraphs.length < LISTED) subgraphs.push(...describeSubgraphs(node));
    }
  };
  for (const definition of model.functions) visit(definition.nodes);
  for (const graph of graphsOf(model)) {
    visit(graph.nodes);
    sparseInitializerCount += graph.sparseInitializers.length;
    valueInfoCount += graph.valueInfo.length;
  }
  const styles = [...(hasPairs ? ['QDQ'] : []), ...(hasIntegers ? ['QOperator'] : [])];
  return {
    graphName: model.graph.name,
    domain: model.domain,
    modelVersion: model.modelVersion,
    documentation: { model: model.docString, graph: model.graph.docString },
    optionalInputs: interfaceOf(model).optionalInputs,
    functions: model.functions.slice(0, LISTED).map(definition => ({
      name: nameOf(definition),
      nodeCount: definition.nodes.length,
      calls: calls.get(nameOf(definition)) ?? 0,
    })),
    subgraphs: subgraphs.slice(0, LISTED),
    subgraphCount,
    sparseInitializerCount,
    valueInfoCount,
    trainingStepCount: model.trainingInfo.length,
    quantisation: styles.length === 0 ? null : (styles.join(' and ') as ModelStructure['quantisation']),
  };
}

function nameOf({ domain, name, overload }: Model['functions'][number]): string {
  return `${domainOf(domain)}:${name}${overload === '' ? '' : `:${overload}`}`;
}

function describeSubgraphs(node: Node): readonly SubgraphFacts[] {
  const place = node.name === '' ? operatorNameOf(node) : node.name;
  const describe = (attribute: string, graph: Graph): SubgraphFacts => ({
    place: `${place}.${attribute}`,
    name: graph.name,
    nodeCount: graph.nodes.length,
  });
  return node.attributes.flatMap(({ name, value }) => {
    if (value.kind === 'graph') return [describe(name, value.value)];
    if (value.kind !== 'graphs') return [];
    return value.values.slice(0, LISTED).map((graph, index) => describe(`${name}[${index}]`, graph));
  });
}
