import { describe, expect, it } from 'vitest';
import { sameAnswers } from '../../../src/serving/traffic/answer-comparison.ts';
import { parseTrafficSettings } from '../../../src/serving/traffic/settings.ts';
import { drawOf, pickVersion, trafficPart } from '../../../src/serving/traffic/traffic-part.ts';
import type { MirroredAnswer, TrafficSplit } from '../../../src/serving/traffic-split.ts';
import { instrumentsOf } from '../../../src/serving/watching/instruments.ts';
import { callOf, servingWorld, snapshotOf } from '../../support/serving-doubles.ts';

function splitOf(section: unknown) {
  const { world } = servingWorld();
  const view = { snapshot: () => snapshotOf() };
  const { split } = trafficPart(section, world, view);
  const counts = async (name: string) => {
    const metric = await instrumentsOf(view, world).metrics.registry.getSingleMetric(name)?.get();
    return metric?.values.map(({ labels, value }) => ({ ...labels, value })) ?? [];
  };
  return { split: split as TrafficSplit, counts };
}

const versions = ['1', '2', '3'];
const byId = (id: string) => callOf({}, { id });
const answer = (version: string, body: unknown, status = 200): MirroredAnswer => ({
  version,
  status,
  body: Buffer.from(JSON.stringify(body)),
  inferenceMs: 1,
});

describe('a split', () => {
  const section = {
    digits: {
      split: [
        { version: '1', share: 0.9 },
        { version: '2', share: 0.1 },
      ],
    },
  };

  it('sends each version its share, the same request always the same way', async () => {
    const { split, counts } = splitOf(section);
    const chosen = Array.from({ length: 10_000 }, (_, index) =>
      split.choose('digits', versions, byId(`r${index}`)),
    );
    const share = chosen.filter(decision => decision?.version === '2').length / chosen.length;
    // Ten thousand draws of a tenth: five standard deviations are 0.015.
    expect(Math.abs(share - 0.1)).toBeLessThan(0.015);
    expect(await counts('quickserveml_split_requests_total')).toContainEqual({
      model: 'digits',
      version: '2',
      value: Math.round(share * 10_000),
    });
    const again = splitOf(section).split;
    for (const [index, decision] of chosen.slice(0, 100).entries())
      expect(again.choose('digits', versions, byId(`r${index}`))).toEqual(decision);
  });

  it('by key sends all requests of a caller one way, whatever their ids', () => {
    const { split } = splitOf({ digits: { ...section.digits, by: 'key' } });
    const waysOf = (key: string) =>
      new Set(
        Array.from(
          { length: 50 },
          (_, index) =>
            split.choose('digits', versions, callOf({ authorization: `Bearer ${key}` }, { id: `r${index}` }))
              ?.version,
        ),
      );
    const ways = Array.from({ length: 60 }, (_, index) => waysOf(`key-${index}`));
    expect(ways.every(way => way.size === 1)).toBe(true);
    expect(new Set(ways.flatMap(way => [...way]))).toEqual(new Set(['1', '2']));
  });

  it('leaves other models alone', () => {
    expect(splitOf(section).split.choose('other', versions, byId('r'))).toBeNull();
    expect(splitOf(undefined).split).toBeUndefined();
  });

  it('gives the part of a version that is not loaded to the others, and all to the newest where none is', () => {
    const { split } = splitOf(section);
    for (let index = 0; index < 200; index += 1) {
      expect(split.choose('digits', ['1', '3'], byId(`r${index}`))?.version).toBe('1');
      expect(split.choose('digits', ['3', '4'], byId(`r${index}`))?.version).toBe('4');
    }
  });

  it('never picks a version without a share', () => {
    const none = [
      { version: '1', share: 0 },
      { version: '2', share: 1 },
    ];
    expect(pickVersion(none, versions, 0)).toBe('2');
    expect(pickVersion(none, versions, 0.999999)).toBe('2');
    expect(pickVersion([], versions, 0.5)).toBeNull();
  });
});

describe('a mirror', () => {
  it('gets a copy of its share, drawn apart from the split, and never answers itself', () => {
    const { split } = splitOf({
      digits: {
        split: [
          { version: '1', share: 0.5 },
          { version: '2', share: 0.5 },
        ],
        mirror: { version: '3', share: 0.5 },
      },
    });
    const chosen = Array.from({ length: 4000 }, (_, index) =>
      split.choose('digits', versions, byId(`r${index}`)),
    );
    expect(chosen.every(decision => decision?.version !== '3')).toBe(true);
    for (const version of ['1', '2']) {
      const of = chosen.filter(decision => decision?.version === version);
      const share = of.filter(decision => decision?.mirror === '3').length / of.length;
      expect(Math.abs(share - 0.5)).toBeLessThan(0.06);
    }
  });

  it('is left out where it is not loaded, or answers', () => {
    const { split } = splitOf({ digits: { mirror: { version: '2' } } });
    expect(split.choose('digits', ['1', '2'], byId('r'))).toEqual({ version: '2', mirror: null });
    expect(split.choose('digits', ['1', '3'], byId('r'))).toEqual({ version: '3', mirror: null });
    expect(split.choose('digits', versions, byId('r'))).toEqual({ version: '3', mirror: '2' });
  });

  it('is counted by whether it said the same', async () => {
    const { split, counts } = splitOf({ digits: { mirror: { version: '2' } } });
    const right = answer('1', { outputs: { y: [0.5, 1] } });
    split.compared('digits', right, answer('2', { outputs: { y: [0.5000001, 1] } }));
    split.compared('digits', right, answer('2', { outputs: { y: [0.6, 1] } }));
    split.compared('digits', right, answer('2', { error: 'no' }, 500));
    split.compared('digits', right, { ...answer('2', null), body: Buffer.from('not json') });
    split.compared('digits', right, { ...answer('2', null), body: new Uint8Array(2 ** 21) });
    const found = await counts('quickserveml_mirror_comparisons_total');
    expect(found).toEqual(
      [
        ['same', 1],
        ['different', 1],
        ['failed', 2],
        ['skipped', 1],
      ].map(([outcome, value]) => ({ model: 'digits', version: '1', mirror: '2', outcome, value })),
    );
  });
});

describe('answers', () => {
  const same: readonly (readonly [unknown, unknown])[] = [
    [{ y: [0.1, 2.5] }, { y: [0.10001, 2.5] }],
    [
      { id: 'a', model_version: '1', y: [1] },
      { id: 'b', model_version: '2', y: [1] },
    ],
    [{ y: ['NaN', 0.5] }, { y: ['NaN', 0.5] }],
    [{ outputs: [{ name: 'y', data: [1.5] }] }, { outputs: [{ name: 'y', data: [1.5000001] }] }],
  ];
  const different: readonly (readonly [unknown, unknown])[] = [
    [{ y: [0.1] }, { y: [0.2] }],
    [{ y: [0.1] }, { y: [0.1, 0.2] }],
    [{ y: [0.1] }, { z: [0.1] }],
    [{ y: 'cat' }, { y: 'dog' }],
    [{ y: ['NaN'] }, { y: [0] }],
    [{ y: null }, { y: 0 }],
    // Labels: a thousandth of a large one is another label.
    [{ label: [100_000] }, { label: [100_001] }],
  ];
  it.each(same)('%j and %j say the same', (one, other) => {
    expect(sameAnswers(one, other, null)).toBe(true);
  });
  it.each(different)('%j and %j do not', (one, other) => {
    expect(sameAnswers(one, other, null)).toBe(false);
  });
  it('are held to the tolerance that was configured', () => {
    expect(sameAnswers({ y: [0.5] }, { y: [0.55] }, { absolute: 0.1, relative: 0 })).toBe(true);
  });
});

describe('the settings of traffic', () => {
  it.each([
    [[], 'traffic: it is no object'],
    [{ m: { splits: [] } }, '"splits" is not known'],
    [{ m: { split: [{ version: '1', share: 0.5 }] } }, 'the shares add up to 0.500'],
    [
      {
        m: {
          split: [
            { version: '1', share: 0.5 },
            { version: '1', share: 0.5 },
          ],
        },
      },
      'is there twice',
    ],
    [{ m: { mirror: { version: '1', share: 2 } } }, 'traffic.m.mirror.share'],
    [{ m: { by: 'user' } }, '"request" or "key"'],
    [{ m: { tolerance: { absolute: -1 } } }, 'traffic.m.tolerance.absolute'],
  ])('refuse %j', (section, message) => {
    expect(() => parseTrafficSettings(section)).toThrow(message);
  });

  it('draw the same number for the same text everywhere', () => {
    expect(drawOf('split', 'digits', 'request-1')).toBe(drawOf('split', 'digits', 'request-1'));
    expect(drawOf('a', 'bc')).not.toBe(drawOf('ab', 'c'));
  });
});
