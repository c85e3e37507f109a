import {
  attribute,
  buildModel,
  type NodeSpec,
  node,
  tensor,
  tensorValue,
} from '../../fixtures/generator/onnx-writer.ts';
import type { FeedSet } from '../../src/benchmark/measurement.ts';
import { normalRandom, seededRandom } from '../../src/shared/random.ts';

/**
 * Networks of 100 equal blocks: with 3, 5, 10 or 20 blocks more they do so many per cent more work, of the same kind.
 * Nothing is a spin or a sleep; the runtime executes every node.
 */
export interface ExamFamily {
  readonly name: string;
  /** The model with so many blocks. */
  readonly write: (blocks: number) => Uint8Array;
  readonly feeds: FeedSet;
}

export const BASE_BLOCKS = 100;

interface Draft {
  readonly nodes: NodeSpec[];
  readonly weights: ReturnType<typeof tensor>[];
}

type AddBlock = (draft: Draft, name: string, input: string, normal: () => number) => string;

function write(shape: readonly number[], blocks: number, addBlock: AddBlock): Uint8Array {
  const draft: Draft = { nodes: [], weights: [] };
  const normal = normalRandom(seededRandom(1));
  let value = 'x';
  for (let index = 0; index < blocks; index += 1) value = addBlock(draft, `block${index}`, value, normal);
  draft.nodes.push(node('Identity', [value], ['y'], {}, { name: 'end' }));
  return buildModel({
    producerName: 'exam',
    graph: {
      name: 'exam',
      nodes: draft.nodes,
      inputs: [tensorValue('x', 'float32', shape)],
      outputs: [tensorValue('y', 'float32', shape)],
      initializers: draft.weights,
    },
  });
}

function weight(
  draft: Draft,
  name: string,
  dims: readonly number[],
  scale: number,
  normal: () => number,
): string {
  const count = dims.reduce((product, size) => product * size, 1);
  draft.weights.push(
    tensor(
      name,
      'float32',
      dims,
      Float32Array.from({ length: count }, () => normal() * scale),
    ),
  );
  return name;
}

function add(
  draft: Draft,
  op: string,
  name: string,
  inputs: readonly string[],
  attributes: NodeSpec['attributes'] = {},
) {
  draft.nodes.push(node(op, inputs, [`${name}.out`], attributes, { name }));
  return `${name}.out`;
}

function feedsOf(shape: readonly number[]): FeedSet {
  const normal = normalRandom(seededRandom(2));
  const count = shape.reduce((product, size) => product * size, 1);
  const data = new Uint8Array(Float32Array.from({ length: count }, normal).buffer);
  return {
    origin: 'synthetic',
    digest: shape.join(),
    tensors: [{ name: 'x', dtype: 'float32', shape, data }],
  };
}

function family(name: string, shape: readonly number[], addBlock: AddBlock): ExamFamily {
  return { name, write: blocks => write(shape, blocks, addBlock), feeds: feedsOf(shape) };
}

const conv =
  (channels: number): AddBlock =>
  (draft, name, input, normal) => {
    const weights = weight(
      draft,
      `${name}.w`,
      [channels, channels, 3, 3],
      Math.sqrt(2 / (9 * channels)),
      normal,
    );
    const sum = add(draft, 'Conv', `${name}.conv`, [input, weights], { pads: attribute.ints([1, 1, 1, 1]) });
    return add(draft, 'Relu', `${name}.relu`, [sum]);
  };

const dense =
  (width: number): AddBlock =>
  (draft, name, input, normal) => {
    const weights = weight(draft, `${name}.w`, [width, width], Math.sqrt(2 / width), normal);
    return add(draft, 'Relu', `${name}.relu`, [add(draft, 'MatMul', `${name}.product`, [input, weights])]);
  };

const attention =
  (width: number): AddBlock =>
  (draft, name, input, normal) => {
    const project = (part: string): string =>
      add(draft, 'MatMul', `${name}.${part}`, [
        input,
        weight(draft, `${name}.${part}.w`, [width, width], 1 / Math.sqrt(width), normal),
      ]);
    const turned = add(draft, 'Transpose', `${name}.turned`, [project('key')], {
      perm: attribute.ints([1, 0]),
    });
    const likeness = add(draft, 'MatMul', `${name}.likeness`, [project('query'), turned]);
    const weights = add(draft, 'Softmax', `${name}.attention`, [likeness], { axis: attribute.int(-1) });
    const mixed = add(draft, 'MatMul', `${name}.mixed`, [weights, project('value')]);
    const sum = add(draft, 'Add', `${name}.sum`, [input, mixed]);
    const gain = `${name}.gain`;
    draft.weights.push(tensor(gain, 'float32', [width], new Float32Array(width).fill(1)));
    return add(draft, 'LayerNormalization', `${name}.normal`, [sum, gain], { axis: attribute.int(-1) });
  };

/** A chain of Tanh and Neg over a short vector: mostly the cost of calling nodes. */
const chain: AddBlock = (draft, name, input) =>
  add(draft, 'Neg', `${name}.neg`, [add(draft, 'Tanh', `${name}.tanh`, [input])]);

/** From about a tenth of a millisecond to a few ten milliseconds a run. */
export const EXAM_FAMILIES: readonly ExamFamily[] = [
  family('chain', [1, 64], chain),
  family('dense', [4, 128], dense(128)),
  family('convolution', [1, 8, 28, 28], conv(8)),
  family('attention', [32, 64], attention(64)),
  family('large-convolution', [1, 32, 48, 48], conv(32)),
];
