import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  attribute,
  buildModel,
  type DimensionSpec,
  type Dtype,
  type GraphSpec,
  type ModelSpec,
  type NodeSpec,
  node,
  tensor,
  tensorValue,
} from '../../fixtures/generator/onnx-writer.ts';
import { advise } from '../../src/model/advice/advise.ts';
import { readModel } from '../../src/model/model-reader.ts';
import { profiled } from '../support/profiled.ts';
import { lacks } from '../support/requirements.ts';

const { int, ints } = attribute;
const folder = mkdtempSync(join(tmpdir(), 'advice-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Shapes {
  readonly input?: readonly DimensionSpec[];
  readonly output?: readonly DimensionSpec[] | null;
  readonly dtype?: Dtype;
  readonly outputType?: Dtype;
}

const build = (
  nodes: readonly NodeSpec[],
  initializers: GraphSpec['initializers'] = [],
  { input = [1, 3, 8, 8], output = null, dtype = 'float32', outputType = dtype }: Shapes = {},
  more: Partial<GraphSpec> = {},
  model: Partial<ModelSpec> = {},
): Uint8Array =>
  buildModel({
    graph: {
      inputs: [tensorValue('x', dtype, input)],
      outputs: [tensorValue('y', outputType, output)],
      nodes,
      initializers,
      ...more,
    },
    ...model,
  });

const values = (count: number, scale = 1): number[] =>
  Array.from({ length: count }, (_, index) => ((index % 7) + 1) * scale);
const norm = ['scale', 'shift', 'mean', 'variance'].map(name => tensor(name, 'float32', [3], [1, 2, 3]));
const batchNorm = (input: string, output: string): NodeSpec =>
  node('BatchNormalization', [input, 'scale', 'shift', 'mean', 'variance'], [output]);
const kernel = tensor('kernel', 'float32', [3, 3, 3, 3], values(81));
const transpose = (input: string, output: string, ...perm: number[]): NodeSpec =>
  node('Transpose', [input], [output], { perm: ints(perm) });
const cast = (input: string, output: string, to: number): NodeSpec =>
  node('Cast', [input], [output], { to: int(to) });
const matrix = (name: string, scale = 1): ReturnType<typeof tensor> =>
  tensor(name, 'float32', [64, 64], values(4096, scale));
const square: Shapes = { input: [4, 64] };
/** Slices whose ends are computed from a size that is not known. */
const sliceBySizes: readonly NodeSpec[] = Array.from({ length: 3 }, (_, index) => {
  const [from, to] = [index === 0 ? 'x' : `r${index - 1}`, index === 2 ? 'y' : `r${index}`];
  return [
    node('Shape', [from], [`s${index}`]),
    node('ReduceProd', [`s${index}`], [`p${index}`], { keepdims: int(1) }),
    node('Div', [`p${index}`, 'three'], [`d${index}`]),
    node('Slice', [from, 'zero', `d${index}`, 'zero'], [to]),
  ];
}).flat();
const sizes = [tensor('three', 'int64', [1], [3]), tensor('zero', 'int64', [1], [0])];

/** For each rule a model on which it speaks and one on which it is silent, since all is well or the runtime mends it. */
const RULES: readonly (readonly [code: string, speaks: Uint8Array, silent: Uint8Array])[] = [
  [
    'ADVICE_BATCH_NORM',
    build([node('Relu', ['x'], ['r']), batchNorm('r', 'y')], norm),
    build([node('Conv', ['x', 'kernel'], ['r']), batchNorm('r', 'y')], [...norm, kernel]),
  ],
  [
    'ADVICE_CAST_CHAIN',
    build([cast('x', 'a', 10), cast('a', 'b', 1), node('Relu', ['b'], ['y'])]),
    build([cast('x', 'a', 11), cast('a', 'b', 1), node('Relu', ['b'], ['y'])]),
  ],
  [
    'ADVICE_TRANSPOSE_CHAIN',
    build(
      [
        transpose('x', 't', 0, 2, 3, 1),
        node('CumSum', ['t', 'axis'], ['m']),
        transpose('m', 'y', 0, 3, 1, 2),
      ],
      [tensor('axis', 'int64', [], [1])],
    ),
    build([transpose('x', 't', 0, 2, 3, 1), node('Erf', ['t'], ['m']), transpose('m', 'y', 0, 3, 1, 2)]),
  ],
  [
    'ADVICE_CONSTANT_SUBGRAPH',
    build(
      [node('Sqrt', ['w'], ['s']), node('Mul', ['x', 's'], ['y'])],
      [tensor('w', 'float32', [8], values(8))],
      {},
      {
        inputs: [tensorValue('x', 'float32', [1, 3, 8, 8]), tensorValue('w', 'float32', [8])],
      },
    ),
    build(
      [node('Sqrt', ['w'], ['s']), node('Mul', ['x', 's'], ['y'])],
      [tensor('w', 'float32', [8], values(8))],
    ),
  ],
  [
    'ADVICE_DYNAMIC_SHAPES',
    build(sliceBySizes, sizes, { input: ['N', 3] }),
    build(sliceBySizes, sizes, { input: [4, 3] }),
  ],
  [
    'ADVICE_UNUSED_OUTPUTS',
    build([node('MaxPool', ['x'], ['y', 'indices'], { kernel_shape: ints([2, 2]) })]),
    build([node('MaxPool', ['x'], ['y'], { kernel_shape: ints([2, 2]) })]),
  ],
  [
    'ADVICE_FLOAT64',
    build([node('Mul', ['x', 'w'], ['y'])], [tensor('w', 'float64', [8], values(8))], { dtype: 'float64' }),
    build([node('Mul', ['x', 'w'], ['y'])], [tensor('w', 'float32', [8], values(8))]),
  ],
  [
    'ADVICE_DUPLICATED_WEIGHTS',
    build(
      [node('MatMul', ['x', 'one'], ['m']), node('MatMul', ['m', 'same'], ['y'])],
      [matrix('one'), matrix('same')],
      square,
    ),
    build(
      [node('MatMul', ['x', 'one'], ['m']), node('MatMul', ['m', 'other'], ['y'])],
      [matrix('one'), matrix('other', 2)],
      square,
    ),
  ],
  [
    'ADVICE_UNUSED_WEIGHTS',
    build([node('MatMul', ['x', 'one'], ['y'])], [matrix('one'), matrix('unused', 3)], square),
    build([node('MatMul', ['x', 'one'], ['y'])], [matrix('one')], square),
  ],
  [
    'ADVICE_OLD_OPSET',
    build([node('Relu', ['x'], ['y'])], [], {}, {}, { opsets: { '': 11 } }),
    build([node('Relu', ['x'], ['y'])], [], {}, {}, { opsets: { '': 13 } }),
  ],
  [
    'ADVICE_QUANTISE',
    build(
      [node('MatMul', ['x', 'large'], ['y'])],
      [tensor('large', 'float32', [64, 4096], values(64 * 4096))],
      square,
    ),
    build([node('MatMul', ['x', 'one'], ['y'])], [matrix('one')], square),
  ],
];

async function codesFor(name: string, bytes: Uint8Array): Promise<readonly string[]> {
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, bytes);
  const { model, profile, runs } = await profiled(path);
  const advice = advise(model, { optimised: runs.optimisedGraph, profile });
  for (const { title, evidence, gain } of advice) expect([title, evidence, gain]).not.toContain('');
  return advice.map(({ code }) => code);
}

const adviseAlone = (path: string): readonly string[] =>
  advise(readModel(path), { optimised: null, profile: null }).map(({ code }) => code);

describe.skipIf(lacks('runtime'))('advice', () => {
  it.each(RULES)('%s is given where it helps', async (code, speaks) => {
    expect(await codesFor(`${code}-speaks`, speaks)).toContain(code);
  });

  it.each(RULES)(
    '%s is not given where all is well, or where the runtime mends it at load',
    async (code, _, silent) => {
      expect(await codesFor(`${code}-silent`, silent)).not.toContain(code);
    },
  );

  it('without the optimised graph says nothing that the runtime might mend', () => {
    const needGraph = RULES.slice(0, 5);
    for (const [code, speaks] of needGraph) {
      const path = join(folder, `${code}-alone.onnx`);
      writeFileSync(path, speaks);
      expect(adviseAlone(path)).not.toContain(code);
    }
  });
});
