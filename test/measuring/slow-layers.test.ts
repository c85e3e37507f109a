import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  attribute,
  buildModel,
  type NodeSpec,
  node,
  type TensorSpec,
  tensor,
  tensorValue,
} from '../../fixtures/generator/onnx-writer.ts';
import type { FeedSet } from '../../src/benchmark/measurement.ts';
import { normalRandom, seededRandom } from '../../src/benchmark/random.ts';
import { slowLayers } from '../../src/commands/check/slow-layers.ts';
import { readModel } from '../../src/model/model-reader.ts';
import { blamedLayers } from '../../src/report/layer-changes.ts';
import type { LayerRow, ModelLayers } from '../../src/report/report.ts';
import { lacks } from '../support/requirements.ts';
import { workerOptions } from '../support/runtime.ts';

interface Cause {
  readonly widened?: boolean;
  readonly casts?: boolean;
  readonly unfused?: boolean;
}

const SIZE = 96;

/** Four blocks of Conv, BatchNormalization, Relu and a sum; `cause` is what makes the third slower. */
function writeNetwork(cause: Cause = {}): Uint8Array {
  const normal = normalRandom(seededRandom(1));
  const nodes: NodeSpec[] = [];
  const weights: TensorSpec[] = [];
  const weight = (name: string, dims: readonly number[]): string => {
    const count = dims.reduce((product, size) => product * size, 1);
    weights.push(
      tensor(
        name,
        'float32',
        dims,
        Float32Array.from({ length: count }, () => 0.1 * normal()),
      ),
    );
    return name;
  };
  const add = (
    op: string,
    name: string,
    inputs: readonly string[],
    attributes: NodeSpec['attributes'] = {},
  ) => {
    nodes.push(node(op, inputs, [`${name}.out`], attributes, { name }));
    return `${name}.out`;
  };
  const pads = { pads: attribute.ints([1, 1, 1, 1]) };
  let value = 'x';
  for (const index of [1, 2, 3, 4]) {
    const wide = cause.widened === true && index === 3;
    let sum = add('Conv', `conv${index}`, [value, weight(`w${index}`, [wide ? 64 : 16, 16, 3, 3])], pads);
    if (wide) sum = add('Conv', 'narrow3', [sum, weight('narrow', [16, 64, 1, 1])]);
    if (cause.casts === true && index === 3) {
      for (const [step, to] of [6, 1, 6, 1, 6, 1].entries()) {
        sum = add('Cast', `cast${step}`, [sum], { to: attribute.int(to) });
      }
    }
    const statistics = ['scale', 'bias', 'mean'].map(part => weight(`${part}${index}`, [16]));
    const variance = `variance${index}`;
    weights.push(tensor(variance, 'float32', [16], new Float32Array(16).fill(1)));
    const normalised = add('BatchNormalization', `norm${index}`, [sum, ...statistics, variance]);
    const relu = add('Relu', `relu${index}`, [normalised]);
    // The value before the normalisation is needed again, so that the two cannot be one.
    value = add('Add', `add${index}`, [relu, cause.unfused === true && index === 3 ? sum : value]);
  }
  nodes.push(node('Identity', [value], ['y'], {}, { name: 'end' }));
  return buildModel({
    graph: {
      nodes,
      inputs: [tensorValue('x', 'float32', [1, 16, SIZE, SIZE])],
      outputs: [tensorValue('y', 'float32', [1, 16, SIZE, SIZE])],
      initializers: weights,
    },
  });
}

const feeds: FeedSet = {
  origin: 'synthetic',
  digest: 'ones',
  tensors: [
    {
      name: 'x',
      dtype: 'float32',
      shape: [1, 16, SIZE, SIZE],
      data: new Uint8Array(new Float32Array(16 * SIZE * SIZE).fill(1).buffer),
    },
  ],
};

/** The layer that is blamed most. */
const worstOf = (layers: ModelLayers): LayerRow | undefined => blamedLayers(layers)[0]?.row;

/** How much of the additional time the named layers are blamed for. */
const shareOf = (layers: ModelLayers, isNamed: (name: string) => boolean): number =>
  blamedLayers(layers)
    .filter(({ row }) => isNamed(row.name))
    .reduce((total, { share }) => total + share, 0);

describe.skipIf(lacks('runtime'))('why a model is slower', () => {
  let folder = '';
  const write = async (name: string, cause: Cause = {}) => {
    const file = join(folder, `${name}.onnx`);
    await writeFile(file, writeNetwork(cause));
    return { file, model: readModel(file) };
  };
  const why = async (cause: Cause): Promise<ModelLayers> =>
    slowLayers(
      await write('base'),
      await write('slower', cause),
      { base: feeds, candidate: feeds },
      { provider: 'cpu', threads: 1 },
      workerOptions,
      60_000,
    );
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quickserveml-why-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('names the convolution that was widened', async () => {
    const layers = await why({ widened: true });
    const worst = worstOf(layers);
    expect(worst?.name).toBe('conv3');
    expect(worst?.baseMs).toBeGreaterThan(0);
    expect(worst?.candidateMacs).toBe(4 * (worst?.baseMacs ?? 0));
    expect(shareOf(layers, name => ['conv3', 'narrow3'].includes(name))).toBeGreaterThan(0.6);
  });

  it('names the casts that were added, which the base does not have', async () => {
    const layers = await why({ casts: true });
    // What the casts separate cannot be one layer any more, and is blamed with them.
    expect(shareOf(layers, name => /^cast\d$|^norm3$|^relu3$/.test(name))).toBeGreaterThan(0.6);
    expect(layers.rows.filter(({ name }) => name.startsWith('cast'))).toHaveLength(6);
    expect(layers.operators?.find(({ operator }) => operator === 'Cast')).toMatchObject({ baseCount: 0 });
  });

  it('names the normalisation that is not part of its convolution any more', async () => {
    const layers = await why({ unfused: true });
    expect(worstOf(layers)).toMatchObject({ name: 'norm3', baseMs: null });
  });
});
