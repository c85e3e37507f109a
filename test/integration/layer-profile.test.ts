import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderProfile } from '../../src/report/profile-text.ts';
import { profiled } from '../support/profiled.ts';
import { lacks, modelsFolder, projectRoot } from '../support/requirements.ts';

const own = (name: string): string => join(projectRoot, 'fixtures/models', name, 'model.onnx');
const shared = (name: string): string => join(modelsFolder, name, 'model.onnx');
const caseOf = (name: string): string => join(modelsFolder, name, 'generated_data_set_0');

describe.skipIf(lacks('runtime'))('the profile of a model', () => {
  it('gives each layer that ran the nodes that it does, so that their counts add up', async () => {
    const { profile } = await profiled(own('digits'));
    expect(profile.totals).toMatchObject({ nodeCount: 13, parameterCount: 68_170, uncountedTimeShare: 0 });
    expect(profile.totals.layerCount).toBeLessThan(13);
    expect(profile.layers.reduce((total, { macs }) => total + (macs ?? 0), 0)).toBe(profile.totals.macs);
    expect(
      profile.layers
        .flatMap(({ does }) => does)
        .filter(name => name.startsWith('conv'))
        .sort(),
    ).toEqual(['conv1', 'conv2', 'conv3', 'conv4']);
    const shares = profile.layers.reduce((total, { timeShare }) => total + timeShare, 0);
    expect(shares).toBeCloseTo(1, 6);
    expect(profile.runs).toBeGreaterThan(1);
  });

  it('counts the same whatever the precision, and on every machine', async () => {
    const counts = await Promise.all(
      ['digits', 'digits-fp16', 'digits-int8'].map(
        async name => (await profiled(own(name))).profile.totals.macs,
      ),
    );
    expect(counts).toEqual([33_420_096, 33_420_096, 33_420_096]);
  });

  it('knows the most that is alive at the same time', async () => {
    const { profile } = await profiled(own('digits'));
    // The largest input and output of one convolution, each [1, 64, 28, 28] or larger in floats.
    expect(profile.totals.peakActivationBytes).toBeGreaterThanOrEqual(2 * 64 * 28 * 28 * 4);
    expect(profile.totals.peakActivationBytes).toBeLessThan(4 * 64 * 28 * 28 * 4 * 2);
  });

  describe.skipIf(lacks('models'))('of real models', () => {
    it.each([
      'light_resnet50',
      'light_shufflenet',
      'squeezenet_fp16_winml',
      'mobilenet_v2_maui',
      'qdq_multi_consumer',
      'magika_v3_3',
    ])('loses no product of %s on the way to the optimised graph', async name => {
      const { profile } = await profiled(shared(name));
      expect(profile.totals.macs).toBeGreaterThan(0);
      expect(profile.layers.reduce((total, { macs }) => total + (macs ?? 0), 0)).toBe(profile.totals.macs);
    });

    it('adds up the executions of a loop body', async () => {
      const { profile } = await profiled(shared('scan_rnn'), caseOf('scan_rnn'));
      const gemm = profile.layers.find(({ operator }) => operator === 'Gemm');
      expect(gemm?.calls).toBeGreaterThan(1);
      expect(profile.totals.macs).toBe(680);
    });

    it('follows functions and branches', async () => {
      const functions = await profiled(shared('local_functions_variadic'));
      expect(functions.profile.layers.map(({ operator }) => operator)).toEqual(['Concat', 'Split']);
      const branches = await profiled(shared('silero_vad'), caseOf('silero_vad'));
      expect(branches.profile.totals.macs).toBe(679_552);
      expect(branches.profile.totals.uncountedTimeShare).toBeLessThanOrEqual(0.02);
    });

    it('says what it does not count instead of guessing', async () => {
      const { profile } = await profiled(shared('node_dft'));
      expect(profile.uncounted).toEqual([{ operator: 'DFT', count: 1 }]);
      expect(profile.totals.uncountedTimeShare).toBe(1);
      const setting = {
        runtimeVersion: '1',
        provider: 'cpu',
        threads: 1,
        inputs: [],
        feedOrigin: 'case',
      } as const;
      expect(renderProfile(profile, setting)).toContain('Not counted  1 DFT: 100.0 % of the time');
    });

    it('reads traces with names that are no JSON', async () => {
      const { profile } = await profiled(shared('strange_names'));
      expect(profile.layers.length).toBe(2);
    });
  });
});
