import type { Attribute, Node } from '../model.ts';

/** Sizes of a tensor during a run; null where nobody told them. */
export type RunShape = readonly number[] | null;

/** What a counting rule is given of one execution of a node. Inputs and outputs are in the order of the node's. */
export interface MacRequest {
  readonly node: Node;
  readonly inputs: readonly RunShape[];
  readonly outputs: readonly RunShape[];
}

/** Multiply-accumulates of one execution, or null where a shape that is needed is not known. */
export type MacRule = (request: MacRequest) => number | null;

export type MacCount =
  | { readonly kind: 'counted'; readonly macs: number }
  /** The operator multiplies no matrices: moves, elementwise, reductions, normalisations. */
  | { readonly kind: 'free' }
  /** It may have some, and nothing is guessed. */
  | { readonly kind: 'uncounted' };

export const productOf = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);

const attributeOf = (node: Node, name: string): Attribute['value'] | undefined =>
  node.attributes.find(attribute => attribute.name === name)?.value;

/** An integer attribute, or its default. */
export function intAttribute(node: Node, name: string, fallback: number): number {
  const value = attributeOf(node, name);
  return value?.kind === 'int' ? Number(value.value) : fallback;
}

/** A string attribute, or null. */
export function stringAttribute(node: Node, name: string): string | null {
  const value = attributeOf(node, name);
  return value?.kind === 'string' ? value.value : null;
}

/** How many elements a list attribute has; 0 without one. */
export function listLength(node: Node, name: string): number {
  const value = attributeOf(node, name);
  return value?.kind === 'floats' || value?.kind === 'ints' ? value.count : 0;
}
