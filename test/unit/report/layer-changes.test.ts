import { describe, expect, it } from 'vitest';
import { blamedLayers, formatLayerDifference, layerBlame } from '../../../src/report/layer-changes.ts';
import type { LayerRow, ModelLayers } from '../../../src/report/report.ts';

const row = (name: string, baseMs: number | null, candidateMs: number | null, noiseMs = 0): LayerRow => ({
  name,
  operator: 'Conv',
  baseMs,
  candidateMs,
  noiseMs,
  baseMacs: null,
  candidateMacs: null,
});

const layers = (...rows: readonly LayerRow[]): ModelLayers => ({
  rows,
  others: { count: 0, baseMs: null, candidateMs: null },
});

describe('the layers that are blamed', () => {
  it('are those whose difference is larger than its noise, with their share of the extra time', () => {
    const blamed = blamedLayers(
      layers(row('noisy', 1, 1.4, 0.5), row('a', 1, 1.3, 0.1), row('new', null, 0.1), row('faster', 2, 1)),
    );
    expect(blamed.map(({ row: { name } }) => name)).toEqual(['a', 'new']);
    // The 0.4 ms that may be noise are nobody's.
    expect(blamed.map(({ share }) => Number(share.toFixed(3)))).toEqual([0.375, 0.125]);
  });

  it('are named one by one until half of the extra time is explained', () => {
    expect(layerBlame(layers(row('a', 1, 1.9), row('b', 1, 1.1)))).toMatch(
      /^`a` \(Conv\) takes 90\s% of the extra time\.$/,
    );
    expect(layerBlame(layers(row('a', 1, 1.4), row('b', 1, 1.4), row('c', 1, 1.2)))).toMatch(
      /^`a` \(Conv\) and `b` \(Conv\) take 80\s% of the extra time\.$/,
    );
  });

  it('are none where it is spread over many, or all is noise, or there is no base', () => {
    expect(
      layerBlame(layers(...['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(name => row(name, 1, 1.1)))),
    ).toBeNull();
    expect(layerBlame(layers(row('a', 1, 1.4, 0.5)))).toBeNull();
    expect(layerBlame(layers(row('a', null, 1)))).toBeNull();
  });

  it('are shown with a difference, others as about equal', () => {
    expect(
      [row('a', 1, 1.25), row('b', 1, 0.75), row('c', 1, 1), row('d', 1, 1.1, 0.2)].map(
        formatLayerDifference,
      ),
    ).toEqual([expect.stringMatching(/^\+250\sµs$/), expect.stringMatching(/^−250\sµs$/), '=', '≈']);
  });
});
