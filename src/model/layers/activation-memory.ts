import { bitsOf } from '../dtypes.ts';
import type { Model, Node } from '../model.ts';
import type { RunTensor } from './trace.ts';

export const bytesOf = ({ dtype, shape }: RunTensor): number =>
  Math.ceil((bitsOf(dtype) * shape.reduce((product, size) => product * size, 1)) / 8);

/**
 * The most bytes of tensors that are alive at the same time while the nodes run in the given order: each from the node
 * that makes it to the last that reads it, graph inputs and outputs throughout. Weights are not in it, nor what a
 * runtime saves by writing in place, nor what a kernel takes for itself.
 */
export function peakActivationBytes(
  graph: Model['graph'],
  order: readonly { readonly node: Node; readonly outputs: readonly (RunTensor | null)[] }[],
  feeds: ReadonlyMap<string, RunTensor>,
): number {
  const lastUse = new Map<string, number>();
  for (const [step, { node }] of order.entries()) for (const input of node.inputs) lastUse.set(input, step);
  const kept = new Set(graph.outputs.map(({ name }) => name));
  let alive = 0;
  for (const tensor of feeds.values()) alive += bytesOf(tensor);
  let peak = alive;
  const sizes = new Map<string, number>();
  for (const [step, { node, outputs }] of order.entries()) {
    for (const [position, name] of node.outputs.entries()) {
      const tensor = outputs[position];
      if (name === '' || !tensor) continue;
      sizes.set(name, bytesOf(tensor));
      alive += bytesOf(tensor);
    }
    peak = Math.max(peak, alive);
    for (const name of new Set([...node.inputs, ...node.outputs])) {
      if (kept.has(name) || (lastUse.get(name) ?? step) > step) continue;
      alive -= sizes.get(name) ?? 0;
      sizes.delete(name);
    }
  }
  return peak;
}
