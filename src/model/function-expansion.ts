import { domainOf, type FunctionDefinition, type Model, type Node, subgraphsOf } from './model.ts';

/** What a model becomes when its functions are inlined, as runtimes do at load. */
export type Expansion =
  | { readonly kind: 'counted'; readonly nodeCount: number }
  /** The functions that call each other in a ring, by name. */
  | { readonly kind: 'recursive'; readonly functions: readonly string[] };

function keyOf(domain: string, name: string, overload: string): string {
  return `${domainOf(domain)}\u0000${name}\u0000${overload}`;
}

/** The functions of a model by what a node must name to call them. */
export function functionsByCall(model: Pick<Model, 'functions'>): ReadonlyMap<string, FunctionDefinition> {
  return new Map(model.functions.map(item => [keyOf(item.domain, item.name, item.overload), item]));
}

/** The function that a node calls, if it is one of the model's own. */
export function calledFunction(
  functions: ReadonlyMap<string, FunctionDefinition>,
  node: Pick<Node, 'domain' | 'opType' | 'overload'>,
): FunctionDefinition | undefined {
  return functions.size === 0 ? undefined : functions.get(keyOf(node.domain, node.opType, node.overload));
}

/**
 * Counts the nodes of a model after inlining, without inlining: two kilobytes of functions that call each other twice
 * become 2^60 nodes. The count may be larger than a number holds exactly, even Infinity.
 */
export function countExpanded(model: Pick<Model, 'graph' | 'functions'>): Expansion {
  const functions = functionsByCall(model);
  const counts = new Map<FunctionDefinition, number>();
  const open: FunctionDefinition[] = [];

  const countNodes = (nodes: readonly Node[]): number => {
    let total = 0;
    for (const node of nodes) {
      const called = calledFunction(functions, node);
      total += called === undefined ? 1 : countFunction(called);
      if (node.attributes.length > 0) for (const graph of subgraphsOf(node)) total += countNodes(graph.nodes);
    }
    return total;
  };
  const countFunction = (definition: FunctionDefinition): number => {
    const known = counts.get(definition);
    if (known !== undefined) return known;
    if (open.includes(definition)) throw new Recursion([...open.slice(open.indexOf(definition)), definition]);
    // Deep chains of calls would exhaust the stack here, and in every runtime.
    if (open.length > DEEPEST_CALLS) return Number.POSITIVE_INFINITY;
    open.push(definition);
    const count = countNodes(definition.nodes);
    open.pop();
    counts.set(definition, count);
    return count;
  };
  try {
    return { kind: 'counted', nodeCount: countNodes(model.graph.nodes) };
  } catch (error) {
    if (!(error instanceof Recursion)) throw error;
    return { kind: 'recursive', functions: error.ring.map(({ name }) => name) };
  }
}

const DEEPEST_CALLS = 500;

/** Leaves the nested counting at once. */
class Recursion extends Error {
  readonly ring: readonly FunctionDefinition[];

  constructor(ring: readonly FunctionDefinition[]) {
    super('Functions call each other in a ring.');
    this.ring = ring;
  }
}
