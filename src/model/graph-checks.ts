import { quoteName } from '../shared/terminal-text.ts';
import { type Graph, type Node, operatorNameOf, subgraphsOf } from './model.ts';
import type { ProblemLog } from './problem-log.ts';

/** Names that a graph may use without defining them: those of the graphs around it. */
interface Scope {
  has(name: string): boolean;
}

const NO_SCOPE: Scope = { has: () => false };

/** Who defines a value: -1 for inputs and initializers, else the index of the node. */
type Definitions = Map<string, number>;

/**
 * Checks that every name is defined once and before it is used, in a graph and its subgraphs
 * (ONNX IR specification, "Graphs": single static assignment, topological order, outer scope).
 */
export function checkGraph(graph: Graph, problems: ProblemLog): void {
  checkNodes(describeGraph(graph), graph, NO_SCOPE, problems);
}

/** Checks the body of a function like a graph; its parameters are defined from the start. */
export function checkFunctionBody(
  name: string,
  body: {
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
    readonly nodes: readonly Node[];
  },
  problems: ProblemLog,
): void {
  const toValue = (value: string) =>
    ({ name: value, kind: 'tensor', dtype: 'undefined', shape: null }) as const;
  const graph: Graph = {
    name,
    docString: '',
    nodes: body.nodes,
    initializers: [],
    sparseInitializers: [],
    inputs: body.inputs.map(toValue),
    outputs: body.outputs.map(toValue),
    valueInfo: [],
  };
  checkNodes(`Function ${quoteName(name)}`, graph, NO_SCOPE, problems);
}

function describeGraph(graph: Graph): string {
  return graph.name === '' ? 'The graph' : `Graph ${quoteName(graph.name)}`;
}

/** Returns the names that the graph takes from the graphs around it. */
function checkNodes(where: string, graph: Graph, outer: Scope, problems: ProblemLog): ReadonlySet<string> {
  const definitions = defineNames(where, graph, problems);
  const scope: Scope = { has: name => definitions.has(name) || outer.has(name) };
  const captured = new Set<string>();
  let firstUnsorted = -1;
  const extraInputs = new Map<number, readonly string[]>();
  graph.nodes.forEach((node, index) => {
    if (node.opType === '') {
      problems.add({
        code: 'MODEL_NODE_WITHOUT_OPERATOR',
        severity: 'error',
        message: `${where}: ${describeNode(node, index)} names no operator (byte ${node.offset}).`,
        hint: 'The file is damaged. Export the model again.',
      });
    }
    for (const name of node.inputs) if (name !== '') use(name, node, index);
    if (node.attributes.length === 0) return;
    const taken: string[] = [];
    for (const subgraph of subgraphsOf(node)) {
      for (const name of checkNodes(describeGraph(subgraph), subgraph, scope, problems)) {
        if (definitions.has(name)) taken.push(name);
        else captured.add(name);
      }
    }
    if (taken.length > 0) extraInputs.set(index, taken);
    for (const name of taken) noteOrder(definitions.get(name) ?? -1, index);
  });
  for (const { name } of graph.outputs) {
    if (definitions.has(name)) continue;
    if (outer.has(name)) captured.add(name);
    else reportUndefined(`${where} has the output ${quoteName(name)}, which nothing computes`);
  }
  if (firstUnsorted >= 0) checkOrder(where, graph, definitions, extraInputs, firstUnsorted, problems);
  return captured;

  function noteOrder(producer: number, index: number): void {
    if (producer >= index && firstUnsorted < 0) firstUnsorted = index;
  }

  function use(name: string, node: Node, index: number): void {
    const producer = definitions.get(name);
    if (producer !== undefined) noteOrder(producer, index);
    else if (outer.has(name)) captured.add(name);
    else {
      reportUndefined(
        `${where}: ${describeNode(node, index)} uses ${quoteName(name)}, which is no input, no initializer ` +
          `and no result of another node (byte ${node.offset})`,
      );
    }
  }

  function reportUndefined(what: string): void {
    problems.add({
      code: 'MODEL_VALUE_UNDEFINED',
      severity: 'error',
      message: `${what}.`,
      hint: 'No runtime can load this. A tool that edits models has lost a part; export the model again.',
    });
  }
}

function describeNode(node: Node, index: number): string {
  const name = node.name === '' ? `number ${index}` : quoteName(node.name);
  return `node ${name} (${operatorNameOf(node)})`;
}

function defineNames(where: string, graph: Graph, problems: ProblemLog): Definitions {
  const definitions: Definitions = new Map();
  const reportTwice = (name: string, what: string, severity: 'error' | 'warning'): void =>
    problems.add({
      code: 'MODEL_DUPLICATE_NAME',
      severity,
      message: `${where} ${what} ${quoteName(name)} more than once.`,
      hint: 'Readers disagree about which one counts. Give each its own name, or remove one.',
    });
  for (const { name } of graph.inputs) {
    if (definitions.has(name)) reportTwice(name, 'has the input', 'error');
    definitions.set(name, -1);
  }
  const initializers = new Set<string>();
  const initialize = (name: string): void => {
    if (initializers.has(name)) reportTwice(name, 'has the initializer', 'warning');
    initializers.add(name);
    definitions.set(name, -1);
  };
  for (const { name } of graph.initializers) initialize(name);
  for (const { name } of graph.sparseInitializers) initialize(name);
  graph.nodes.forEach((node, index) => {
    for (const name of node.outputs) {
      if (name === '') continue;
      if (definitions.has(name)) reportTwice(name, 'defines', 'error');
      else definitions.set(name, index);
    }
  });
  const outputs = new Set<string>();
  for (const { name } of graph.outputs) {
    if (outputs.has(name)) reportTwice(name, 'has the output', 'warning');
    outputs.add(name);
  }
  return definitions;
}

/** Nodes must stand behind what they use, and one does not: tells an unsorted graph from a cyclic one. */
function checkOrder(
  where: string,
  graph: Graph,
  definitions: Definitions,
  extraInputs: ReadonlyMap<number, readonly string[]>,
  firstUnsorted: number,
  problems: ProblemLog,
): void {
  const unsorted = graph.nodes[firstUnsorted];
  if (unsorted === undefined) return;
  const producersOf = (index: number): readonly number[] =>
    [...(graph.nodes[index]?.inputs ?? []), ...(extraInputs.get(index) ?? [])]
      .map(name => definitions.get(name) ?? -1)
      .filter(producer => producer >= 0);
  const inCycle = findCycleMember(graph.nodes.length, producersOf);
  const member = inCycle === null ? undefined : graph.nodes[inCycle];
  if (inCycle !== null && member !== undefined) {
    problems.add({
      code: 'MODEL_CYCLE',
      severity: 'error',
      message: `${where} has a cycle: ${describeNode(member, inCycle)} depends on its own result (byte ${member.offset}).`,
      hint: 'No runtime can load this. Export the model again.',
    });
    return;
  }
  problems.add({
    code: 'MODEL_NOT_SORTED',
    severity: 'warning',
    message: `${where} is not in topological order: ${describeNode(unsorted, firstUnsorted)} stands before what it uses.`,
    hint: 'ONNX demands the order; onnxruntime sorts silently, other runtimes fail.',
  });
}

/** Kahn's algorithm; the index of a node in or behind a cycle, walked back into the cycle itself, or null. */
function findCycleMember(
  nodeCount: number,
  producersOf: (index: number) => readonly number[],
): number | null {
  const waitingFor = new Int32Array(nodeCount);
  const consumers: number[][] = Array.from({ length: nodeCount }, () => []);
  for (let index = 0; index < nodeCount; index += 1) {
    for (const producer of producersOf(index)) {
      waitingFor[index] = (waitingFor[index] ?? 0) + 1;
      consumers[producer]?.push(index);
    }
  }
  const ready: number[] = [];
  waitingFor.forEach((count, index) => {
    if (count === 0) ready.push(index);
  });
  for (let index = ready.pop(); index !== undefined; index = ready.pop()) {
    for (const consumer of consumers[index] ?? []) {
      const left = (waitingFor[consumer] ?? 0) - 1;
      waitingFor[consumer] = left;
      if (left === 0) ready.push(consumer);
    }
  }
  let member = waitingFor.findIndex(count => count > 0);
  if (member < 0) return null;
  const visited = new Set<number>();
  while (!visited.has(member)) {
    visited.add(member);
    for (const producer of producersOf(member)) {
      if ((waitingFor[producer] ?? 0) > 0) {
        member = producer;
        break;
      }
    }
  }
  return member;
}
