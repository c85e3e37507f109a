import { describe, expect, it } from 'vitest';
import {
  type AttributeSpec,
  attribute,
  buildModel,
  node,
} from '../../../../fixtures/generator/onnx-writer.ts';
import type { MacCount, RunShape } from '../../../../src/model/layers/mac-count.ts';
import { countMacs } from '../../../../src/model/layers/mac-rules.ts';
import { readModelBytes } from '../../../../src/model/model-reader.ts';

/** Counts one node that is written down and read back, so that attributes are what the reader makes of them. */
function count(
  operator: string,
  inputs: readonly RunShape[],
  outputs: readonly RunShape[],
  attributes: Readonly<Record<string, AttributeSpec>> = {},
): MacCount {
  const [domain, op] = operator.includes(':') ? operator.split(':') : ['', operator];
  const spec = node(
    op!,
    inputs.map((_, index) => `i${index}`),
    outputs.map((_, index) => `o${index}`),
    attributes,
    { domain: domain! },
  );
  const model = readModelBytes(buildModel({ graph: { inputs: [], outputs: [], nodes: [spec] } }), 'm.onnx');
  return countMacs({ node: model.graph.nodes[0]!, inputs, outputs });
}
const { int, string, floats } = attribute;

describe('multiply-accumulates of one node', () => {
  it.each([
    [
      'Conv',
      [
        [1, 3, 224, 224],
        [64, 3, 7, 7],
      ],
      [[1, 64, 112, 112]],
      {},
      118_013_952,
    ],
    [
      'Conv',
      [
        [1, 32, 112, 112],
        [32, 1, 3, 3],
      ],
      [[1, 32, 112, 112]],
      { group: int(32) },
      32 * 112 * 112 * 9,
    ],
    [
      'Conv',
      [
        [2, 8, 20],
        [16, 4, 5],
      ],
      [[2, 16, 16]],
      { group: int(2) },
      2 * 16 * 16 * 4 * 5,
    ],
    [
      'ConvTranspose',
      [
        [1, 16, 8, 8],
        [16, 4, 2, 2],
      ],
      [[1, 4, 16, 16]],
      {},
      16 * 64 * 4 * 4,
    ],
    [
      'ConvInteger',
      [
        [1, 3, 8, 8],
        [4, 3, 3, 3],
      ],
      [[1, 4, 6, 6]],
      {},
      4 * 36 * 27,
    ],
    ['QLinearConv', [[1, 3, 8, 8], [], [], [4, 3, 3, 3]], [[1, 4, 6, 6]], {}, 4 * 36 * 27],
    [
      'com.microsoft:FusedConv',
      [
        [1, 3, 8, 8],
        [4, 3, 3, 3],
      ],
      [[1, 4, 6, 6]],
      {},
      4 * 36 * 27,
    ],
    [
      'MatMul',
      [
        [7, 5],
        [5, 3],
      ],
      [[7, 3]],
      {},
      105,
    ],
    [
      'MatMul',
      [
        [2, 4, 7, 5],
        [5, 3],
      ],
      [[2, 4, 7, 3]],
      {},
      2 * 4 * 105,
    ],
    ['MatMul', [[5], [5, 3]], [[3]], {}, 15],
    ['MatMul', [[5], [5]], [[]], {}, 5],
    [
      'MatMulInteger',
      [
        [7, 5],
        [5, 3],
      ],
      [[7, 3]],
      {},
      105,
    ],
    ['QLinearMatMul', [[7, 5], [], [], [5, 3]], [[7, 3]], {}, 105],
    ['Gemm', [[7, 5], [5, 3], [3]], [[7, 3]], {}, 105],
    [
      'Gemm',
      [
        [5, 7],
        [5, 3],
      ],
      [[7, 3]],
      { transA: int(1) },
      105,
    ],
    [
      'com.microsoft:FusedMatMul',
      [
        [2, 5, 7],
        [2, 5, 3],
      ],
      [[2, 7, 3]],
      { transA: int(1) },
      2 * 105,
    ],
    [
      'com.microsoft:DynamicQuantizeMatMul',
      [
        [7, 5],
        [5, 3],
      ],
      [[7, 3]],
      {},
      105,
    ],
    [
      'com.microsoft:MatMulNBits',
      [
        [1, 7, 64],
        [8, 2, 16],
      ],
      [[1, 7, 8]],
      { K: int(64), N: int(8) },
      7 * 8 * 64,
    ],
    [
      'Einsum',
      [
        [2, 3, 4],
        [2, 4, 5],
      ],
      [[2, 3, 5]],
      { equation: string('bij,bjk->bik') },
      120,
    ],
    [
      'Einsum',
      [
        [6, 2, 3, 4],
        [2, 4, 5],
      ],
      [[6, 2, 3, 5]],
      { equation: string('...ij,...jk->...ik') },
      720,
    ],
    [
      'LSTM',
      [
        [10, 2, 8],
        [1, 64, 8],
        [1, 64, 16],
      ],
      [[10, 1, 2, 16]],
      { hidden_size: int(16) },
      10 * 2 * 4 * 16 * 24,
    ],
    [
      'GRU',
      [[10, 2, 8]],
      [[10, 2, 2, 16]],
      { hidden_size: int(16), direction: string('bidirectional') },
      2 * 20 * 3 * 16 * 24,
    ],
    ['RNN', [[10, 2, 8]], [[10, 1, 2, 16]], { hidden_size: int(16) }, 20 * 16 * 24],
    [
      'Attention',
      [
        [2, 4, 6, 8],
        [2, 4, 9, 8],
        [2, 4, 9, 8],
      ],
      [[2, 4, 6, 8]],
      {},
      2 * 6 * 9 * 4 * 16,
    ],
    [
      'Attention',
      [
        [2, 6, 32],
        [2, 9, 16],
        [2, 9, 16],
      ],
      [[2, 6, 32]],
      { q_num_heads: int(4), kv_num_heads: int(2) },
      2 * 6 * 9 * 64,
    ],
    [
      'com.microsoft:Attention',
      [[2, 6, 32], [32, 96], [96]],
      [[2, 6, 32]],
      { num_heads: int(4) },
      2 * 6 * 32 * 96 + 2 * 6 * 6 * 64,
    ],
    [
      'com.microsoft:MultiHeadAttention',
      [
        [2, 6, 32],
        [2, 9, 32],
        [2, 9, 32],
      ],
      [[2, 6, 32]],
      { num_heads: int(4) },
      2 * 6 * 9 * 64,
    ],
    [
      'com.microsoft:GroupQueryAttention',
      [
        [2, 1, 32],
        [2, 1, 16],
        [2, 1, 16],
      ],
      [
        [2, 1, 32],
        [2, 2, 11, 8],
      ],
      { num_heads: int(4), kv_num_heads: int(2) },
      2 * 11 * 64,
    ],
    [
      'ai.onnx.ml:LinearClassifier',
      [[5, 4]],
      [[5], [5, 3]],
      { coefficients: floats(Array<number>(12).fill(1)) },
      60,
    ],
  ] as const)('%s of %j', (operator, inputs, outputs, attributes, macs) => {
    expect(count(operator, inputs, outputs, attributes)).toEqual({ kind: 'counted', macs });
  });

  it.each([
    'Relu',
    'Add',
    'Reshape',
    'Softmax',
    'LayerNormalization',
    'com.microsoft:SkipLayerNormalization',
    'Loop',
  ])('%s has none', operator => {
    expect(count(operator, [[2, 3]], [[2, 3]])).toEqual({ kind: 'free' });
  });

  it.each(['DFT', 'nobody.knows:Thing', 'com.microsoft:MoE', 'com.microsoft:LongformerAttention'])(
    '%s is not guessed',
    operator => {
      expect(count(operator, [[2, 3]], [[2, 3]])).toEqual({ kind: 'uncounted' });
    },
  );

  it('says uncounted where a shape that is needed is not known', () => {
    expect(count('Conv', [[1, 3, 8, 8], null], [[1, 4, 6, 6]])).toEqual({ kind: 'uncounted' });
  });
});
