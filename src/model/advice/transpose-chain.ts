import type { Node } from '../model.ts';
import { type AdviceRule, countOf, listNames, timeGain } from './advice.ts';
import { edgesOf } from './graph-edges.ts';

/** Between two transposes nothing but these: they work on any layout, so the pair could go with an axis changed. */
const ANY_LAYOUT = new Set([
  'CumSum',
  'LpNormalization',
  'LRN',
  'LogSoftmax',
  'Softmax',
  'Hardmax',
  'Identity',
]);

/** Pairs of transposes that undo each other around one node, which the runtime did not see through. */
export const transposeChain: AdviceRule = ({ optimised, profile }) => {
  if (optimised === null) return null;
  const edges = edgesOf(optimised.graph);
  const firstOf = (second: Node): Node | null => {
    const middle = edges.producerOf(second.inputs[0] ?? '');
    if (middle?.opType === 'Transpose') return cancels(middle, second) ? middle : null;
    if (middle === undefined || !ANY_LAYOUT.has(middle.opType)) return null;
    const first = edges.producerOf(middle.inputs[0] ?? '');
    return first?.opType === 'Transpose' && cancels(first, second) ? first : null;
  };
  const pairs = optimised.graph.nodes
    .filter(({ opType }) => opType === 'Transpose')
    .flatMap(second => {
      const first = firstOf(second);
      return first === null ? [] : [{ first, second }];
    });
  if (pairs.length === 0) return null;
  return {
    code: 'ADVICE_TRANSPOSE_CHAIN',
    title: 'Change the axis of the node instead of transposing before and after it.',
    evidence: `${countOf(pairs.length, 'pair')} of Transposes that undo each other remain after optimisation: ${listNames(pairs.map(({ first, second }) => `${first.name} … ${second.name}`))}.`,
    gain: timeGain(
      pairs.flatMap(({ first, second }) => [first, second]),
      profile,
      'two copies of the activations for each pair',
    ),
  };
};

function cancels(first: Node, second: Node): boolean {
  const [one, other] = [permutationOf(first), permutationOf(second)];
  return (
    one !== null &&
    other !== null &&
    one.length === other.length &&
    other.every((axis, at) => one[axis] === at)
  );
}

function permutationOf(node: Node): readonly number[] | null {
  const value = node.attributes.find(({ name }) => name === 'perm')?.value;
  return value?.kind === 'ints' ? (value.values?.map(Number) ?? null) : null;
}
