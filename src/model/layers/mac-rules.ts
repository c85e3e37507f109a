import { domainOf, type Node } from '../model.ts';
import { groupQueryAttention, multiHeadAttention, onnxAttention, packedAttention } from './attention-macs.ts';
import {
  intAttribute,
  listLength,
  type MacCount,
  type MacRequest,
  type MacRule,
  productOf,
  stringAttribute,
} from './mac-count.ts';
import { MAC_FREE_OPERATORS } from './mac-free-operators.ts';

/**
 * Multiply-accumulates by operator, for the operators that multiply matrices or slide kernels. One multiplication with
 * its addition is one; biases, activations and requantisation are not counted, as is the habit of the published tables.
 * https://onnx.ai/onnx/operators/ and
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */

/** Each output element is a sum over one kernel: weights are [M, C/group, k1, k2, ...]; dilations change nothing. */
const convolution =
  (weightInput: number): MacRule =>
  ({ inputs, outputs }) => {
    const [weight, output] = [inputs[weightInput], outputs[0]];
    return weight && output ? productOf(output) * productOf(weight.slice(1)) : null;
  };

/** Each input element is spread over one kernel: weights are [C, M/group, k1, k2, ...]. */
const transposedConvolution: MacRule = ({ inputs: [input, weight] }) =>
  input && weight ? productOf(input) * productOf(weight.slice(1)) : null;

/** Each output element is a sum over the shared axis, the last of A (the one before where A is transposed). */
function matrixProduct(transposed: (node: Node) => boolean = () => false): MacRule {
  return ({ node, inputs: [left], outputs: [output] }) => {
    if (!left || !output) return null;
    const shared = left.length > 1 && transposed(node) ? left.at(-2) : left.at(-1);
    return shared === undefined ? null : productOf(output) * shared;
  };
}

const isSet =
  (name: string) =>
  (node: Node): boolean =>
    intAttribute(node, name, 0) !== 0;

/** The shared axis is an attribute, since the weights are packed. */
const packedProduct: MacRule = ({ node, outputs: [output] }) => {
  const shared = intAttribute(node, 'K', 0);
  return output && shared > 0 ? productOf(output) * shared : null;
};

/** `gates` products of each step's input and of the hidden state; X is [steps, batch, size], or batch first. */
const recurrent =
  (gates: number): MacRule =>
  ({ node, inputs: [x] }) => {
    const hidden = intAttribute(node, 'hidden_size', 0);
    const size = x?.[2];
    if (!x || size === undefined || hidden === 0) return null;
    const directions = stringAttribute(node, 'direction') === 'bidirectional' ? 2 : 1;
    const steps = (x[0] ?? 0) * (x[1] ?? 0);
    return directions * steps * gates * hidden * (size + hidden);
  };

/** Two operands: the product of the sizes of all letters. More are multiplied in an order that is not told. */
const einsum: MacRule = ({ node, inputs }) => {
  const equation = stringAttribute(node, 'equation')?.replace(/\s/g, '');
  const terms = equation?.split('->')[0]?.split(',');
  if (terms === undefined || terms.length !== inputs.length) return null;
  if (terms.length === 1) return 0;
  if (terms.length !== 2) return null;
  const sizes = new Map<string, number>();
  for (const [index, term] of terms.entries()) {
    const shape = inputs[index];
    if (!shape) return null;
    const letters = term.replace('...', '');
    const ellipsis = shape.length - letters.length;
    const head = term.includes('...') ? term.indexOf('...') : letters.length;
    for (const [axis, size] of shape.entries()) {
      const inEllipsis = axis >= head && axis < head + ellipsis;
      const letter =
        axis < head ? letters[axis] : inEllipsis ? `...${head + ellipsis - axis}` : letters[axis - ellipsis];
      if (letter === undefined) return null;
      sizes.set(letter, Math.max(sizes.get(letter) ?? 1, size));
    }
  }
  return productOf([...sizes.values()]);
};

/** One row of coefficients for each class, for each row of the input. */
const linearModel: MacRule = ({ node, inputs: [input] }) => {
  const coefficients = listLength(node, 'coefficients');
  return input && coefficients > 0 ? (input.length < 2 ? 1 : (input[0] ?? 1)) * coefficients : null;
};

const product = matrixProduct();
const productTransA = matrixProduct(isSet('transA'));

const RULES: Readonly<Record<string, MacRule>> = {
  'ai.onnx:Conv': convolution(1),
  'ai.onnx:ConvInteger': convolution(1),
  'ai.onnx:DeformConv': convolution(1),
  'ai.onnx:QLinearConv': convolution(3),
  'ai.onnx:ConvTranspose': transposedConvolution,
  'ai.onnx:MatMul': product,
  'ai.onnx:MatMulInteger': product,
  'ai.onnx:QLinearMatMul': product,
  'ai.onnx:Gemm': productTransA,
  'ai.onnx:Einsum': einsum,
  'ai.onnx:LSTM': recurrent(4),
  'ai.onnx:GRU': recurrent(3),
  'ai.onnx:RNN': recurrent(1),
  'ai.onnx:Attention': onnxAttention,
  'com.microsoft:FusedConv': convolution(1),
  'com.microsoft:NhwcFusedConv': convolution(1),
  'com.microsoft:QLinearConv': convolution(3),
  'com.microsoft:ConvTransposeWithDynamicPads': transposedConvolution,
  'com.microsoft:FusedMatMul': matrixProduct(isSet('transA')),
  'com.microsoft:TransposeMatMul': matrixProduct(isSet('transA')),
  'com.microsoft:FusedMatMulActivation': matrixProduct(isSet('transA')),
  'com.microsoft:FusedGemm': productTransA,
  'com.microsoft:GemmFastGelu': product,
  'com.microsoft:GemmFloat8': productTransA,
  'com.microsoft:QGemm': productTransA,
  'com.microsoft:MatMulInteger16': product,
  'com.microsoft:MatMulIntegerToFloat': product,
  'com.microsoft:DynamicQuantizeMatMul': product,
  'com.microsoft:SparseToDenseMatMul': product,
  'com.microsoft:MatMulNBits': packedProduct,
  'com.microsoft:MatMulBnb4': packedProduct,
  'com.microsoft:MatMulFpQ4': product,
  'com.microsoft:DynamicQuantizeLSTM': recurrent(4),
  'com.microsoft:Attention': packedAttention,
  'com.microsoft:QAttention': packedAttention,
  'com.microsoft:MultiHeadAttention': multiHeadAttention,
  'com.microsoft:DecoderMaskedMultiHeadAttention': multiHeadAttention,
  'com.microsoft:GroupQueryAttention': groupQueryAttention,
  'ai.onnx.ml:LinearClassifier': linearModel,
  'ai.onnx.ml:LinearRegressor': linearModel,
};

/** The multiply-accumulates of one execution of a node; never a guess. */
export function countMacs(request: MacRequest): MacCount {
  const { node } = request;
  const key = `${domainOf(node.domain)}:${node.opType}`;
  const rule = Object.hasOwn(RULES, key) ? RULES[key] : undefined;
  if (rule === undefined) return MAC_FREE_OPERATORS.has(key) ? { kind: 'free' } : { kind: 'uncounted' };
  const macs = rule(request);
  return macs === null ? { kind: 'uncounted' } : { kind: 'counted', macs };
}
