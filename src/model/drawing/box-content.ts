import type { Node, TensorInfo } from '../model.ts';
import type { BoxKind, BoxLine } from './outline.ts';
import type { DrawnNode } from './simplify.ts';

const KINDS: readonly (readonly [BoxKind, RegExp])[] = [
  ['product', /Conv|MatMul|Gemm|LSTM|GRU|^RNN$|Attention|Einsum|Linear(?:Classifier|Regressor)/],
  ['normalisation', /Normalization|^LRN$|GroupNorm/],
  ['pooling', /Pool|^Reduce|ArgMax|ArgMin|TopK/],
  [
    'activation',
    /^(?:\w*Relu|Sigmoid|Tanh|Softmax|LogSoftmax|Erf|\w*Gelu|HardSwish|HardSigmoid|Swish|Mish|Elu|Selu|Clip|Softplus)$/,
  ],
  ['control', /^(?:If|Loop|Scan)$/],
  [
    'shape',
    /^(?:Reshape|Transpose|Squeeze|Unsqueeze|Concat|Split|Slice|Gather\w*|Flatten|Pad|Expand|Tile|Cast|Resize|DepthToSpace|SpaceToDepth)$/,
  ],
];

const operatorOf = (operator: string): string => operator.replace(/^.*:/, '').replace(/^QLinear/, '');

export const kindOf = (operator: string): BoxKind =>
  KINDS.find(([, pattern]) => pattern.test(operatorOf(operator)))?.[0] ?? 'other';

/** What is written in a box for one node. */
export function lineOf({ node, operator, weights }: DrawnNode): BoxLine {
  return {
    operator: operator.replace(/^com\.microsoft:/, ''),
    detail: [sizesOf(weights), settingsOf(node)].filter(text => text !== '').join(' '),
  };
}

/** The largest weight by its sizes: the kernel of a convolution, the matrix of a product. */
function sizesOf(weights: readonly TensorInfo[]): string {
  // Short lists of integers are shapes and axes.
  const matrices = weights.filter(({ dtype, elementCount }) => dtype !== 'int64' || elementCount > 16);
  const largest = matrices.reduce<TensorInfo | null>(
    (best, tensor) => (best === null || tensor.elementCount > best.elementCount ? tensor : best),
    null,
  );
  if (largest === null || largest.elementCount < 2) return '';
  const sizes = largest.dims.join('×');
  return largest.dtype === 'float32' ? sizes : `${sizes} ${largest.dtype}`;
}

function settingsOf(node: Node): string {
  const ints = (name: string): readonly number[] | null => {
    const value = node.attributes.find(attribute => attribute.name === name)?.value;
    return value?.kind === 'ints' ? (value.values?.map(Number) ?? null) : null;
  };
  const int = (name: string): number | null => {
    const value = node.attributes.find(attribute => attribute.name === name)?.value;
    return value?.kind === 'int' ? Number(value.value) : null;
  };
  const parts: string[] = [];
  const kernel = ints('kernel_shape');
  if (kernel !== null && !/Conv/.test(node.opType)) parts.push(kernel.join('×'));
  const strides = ints('strides');
  if (strides?.some(stride => stride !== 1))
    parts.push(`stride ${new Set(strides).size === 1 ? strides[0] : strides.join('×')}`);
  const dilations = ints('dilations');
  if (dilations?.some(dilation => dilation !== 1)) parts.push(`dilation ${dilations[0]}`);
  const group = int('group');
  if (group !== null && group > 1) parts.push(`groups ${group}`);
  const hidden = int('hidden_size');
  if (hidden !== null) parts.push(`hidden ${hidden}`);
  const heads = int('num_heads') ?? int('q_num_heads');
  if (heads !== null) parts.push(`heads ${heads}`);
  const perm = ints('perm');
  if (perm !== null) parts.push(`(${perm.join(' ')})`);
  const axis = int('axis');
  if (axis !== null && /Concat|Softmax|Split|Gather|Norm/.test(node.opType)) parts.push(`axis ${axis}`);
  return parts.join(' ');
}
