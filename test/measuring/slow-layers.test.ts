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
import { slowLayers } from '../../src/commands/check/slow-layers.ts';
import { readModel } from '../../src/model/model-reader.ts';
import { blamedLayers } from '../../src/report/layer-changes.ts';
import type { LayerRow, ModelLayers } from '../../src/report/report.ts';
import { normalRandom, seededRandom } from '../../src/shared/random.ts';
import { lacks } from '../support/requirements.ts';
import { workerOptions } from '../support/runtime.ts';

interface Network {
  /** The third block has four times the channels. */
  readonly wide?: boolean;
  readonly casts?: boolean;
  readonly unfused?: boolean;
}

const SIZE = 96;

/** Four blocks of Conv, BatchNormalization, Relu and a sum; the third is where something can be slower. */
function writeNetwork({ wide, casts, unfused }: Network = {}): Uint8Array {
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
    const isThird = index === 3;
    const channels = isThird && wide === true ? 64 : 16;
    let sum = add('Conv', `conv${index}`, [value, weight(`w${index}`, [channels, 16, 3, 3])], pads);
    if (casts === true && isThird) {
      for (const [step, to] of [6, 1, 6, 1, 6, 1].entries()) {
        sum = add('Cast', `cast${step}`, [sum], { to: attribute.int(to) });
      }
    }
    const statistics = ['scale', 'bias', 'mean'].map(part => weight(`${part}${index}`, [channels]));
    const variance = `variance${index}`;
    weights.push(tensor(variance, 'float32', [channels], new Float32Array(channels).fill(1)));
    const normalised = add('BatchNormalization', `norm${index}`, [sum, ...statistics, variance]);
    const relu = add('Relu', `relu${index}`, [normalised]);
    if (!isThird) {
      value = add('Add', `add${index}`, [relu, value]);
      continue;
    }
    // The value before the normalisation is needed again, so that the two cannot be one.
    const doubled = add('Add', 'add3', [relu, unfused === true ? sum : relu]);
    value = add('Conv', 'narrow3', [doubled, weight('narrow', [16, channels, 1, 1])]);
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

describe.skipIf(lacks('runtime'))('why a model is slower', { timeout: 240_000 }, () => {
  let folder = '';
  const write = async (name: string, network: Network) => {
    const file = join(folder, `${name}.onnx`);
    await writeFile(file, writeNetwork(network));
    return { file, model: readModel(file) };
  };
  const why = async (base: Network, slower: Network): Promise<ModelLayers> =>
    slowLayers(
      await write('base', base),
      await write('slower', slower),
      { base: feeds, candidate: feeds },
      { provider: 'cpu', threads: 1 },
      workerOptions,
      25_000,
    );
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quickserveml-why-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('names the convolution that was widened', async () => {
    const layers = await why({}, { wide: true });
    const worst = worstOf(layers);
    expect(worst?.name).toBe('conv3');
    expect(worst?.baseMs).toBeGreaterThan(0);
    expect(worst?.candidateMacs).toBe(4 * (worst?.baseMacs ?? 0));
    expect(shareOf(layers, name => ['conv3', 'narrow3'].includes(name))).toBeGreaterThan(0.6);
  });

  it('names the casts that were added, which the base does not have', async () => {
    const layers = await why({ wide: true }, { wide: true, casts: true });
    // What the casts separate cannot be one layer any more, and is blamed with them.
    expect(shareOf(layers, name => /^cast\d$|^norm3$|^relu3$/.test(name))).toBeGreaterThan(0.6);
    expect(layers.rows.filter(({ name }) => name.startsWith('cast'))).toHaveLength(6);
    expect(layers.operators?.find(({ operator }) => operator === 'Cast')).toMatchObject({ baseCount: 0 });
  });

  it('names the normalisation that is not part of its convolution any more', async () => {
    const layers = await why({ wide: true }, { wide: true, unfused: true });
    expect(worstOf(layers)).toMatchObject({ name: 'norm3', baseMs: null });
  });
});
