import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { profiled } from '../support/profiled.ts';
import { installPython, type PythonEnvironment } from '../support/python.ts';
import { lacks, modelsFolder, projectRoot } from '../support/requirements.ts';

const own = (name: string): string => join(projectRoot, 'fixtures/models', name);
const shared = (name: string): string => join(modelsFolder, name);
const casesOf = (folder: string): string | null =>
  ['test_data_set_0', 'generated_data_set_0'].map(name => join(folder, name)).find(existsSync) ?? null;

const fixtures = ['digits', 'digits-int8', 'digits-fp16', 'digits-wide'].map(own);
const networks = [
  'light_resnet50',
  'light_shufflenet',
  'light_squeezenet',
  'squeezenet_fp16_winml',
  'mnist_cntk',
  'mobilenet_v2_maui',
  'qdq_multi_consumer',
  'conv_qdq_u8u8',
  'conv_qdq_external_ini',
  'conv_int4_weights_qdq',
  'tfbert_qa_3836_nodes',
  'transformer_mlm_vespa',
  'mixed_external_data',
].map(shared);

/** Multiply-accumulates in the literature, at the usual input size. */
const published: readonly (readonly [string, number, string])[] = [
  ['light_resnet50', 4.09e9, 'ResNet-50: 4.09 G (torchvision)'],
  ['light_squeezenet', 0.349e9, 'SqueezeNet 1.1: 0.35 G (torchvision)'],
];

describe.skipIf(lacks('runtime'))('multiply-accumulates of whole networks', () => {
  it.skipIf(lacks('models')).each(published)('%s has those that are published', async (name, macs) => {
    const { profile } = await profiled(join(shared(name), 'model.onnx'), casesOf(shared(name)));
    expect(Math.abs(profile.totals.macs / macs - 1)).toBeLessThan(0.01);
  });

  describe.skipIf(lacks('python'))('against onnx-tool', () => {
    let environment: PythonEnvironment | null = null;
    const rows: string[] = [];
    beforeAll(() => {
      environment = installPython(['onnx==1.23.2', 'onnx-tool', 'numpy']);
    }, 400_000);
    afterAll(() => {
      environment?.[Symbol.dispose]();
      process.stdout.write(
        `${['network, counted, onnx-tool, of that bias, difference, uncounted time', ...rows].join('\n')}\n`,
      );
    });

    it.each([...fixtures, ...(lacks('models') ? [] : networks)])(
      '%s agrees, but for the additions of biases',
      async folder => {
        if (environment === null) return;
        const path = join(folder, 'model.onnx');
        const cases = casesOf(folder);
        const { profile } = await profiled(path, cases);
        const { products, bias } = JSON.parse(environment.run('count-macs.py', path, cases ?? '-')) as {
          readonly products: number;
          readonly bias: number;
        };
        const { macs, uncountedTimeShare } = profile.totals;
        const difference = macs / (products - bias) - 1;
        rows.push(
          [folder.split('/').at(-1), macs, products, bias, `${difference * 100} %`, uncountedTimeShare].join(
            ', ',
          ),
        );
        expect(Math.abs(difference)).toBeLessThan(0.01);
        expect(uncountedTimeShare).toBeLessThanOrEqual(0.02);
      },
    );
  });
});
