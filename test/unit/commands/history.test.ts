import { describe, expect, it } from 'vitest';
import { historyLimit, historyOf } from '../../../src/commands/check/history.ts';
import type { MeasurementRecord } from '../../../src/registry/records.ts';
import type { RegistryState } from '../../../src/registry/registry-state.ts';

const record = (index: number, key: string): MeasurementRecord => ({
  id: String(index),
  model: 'digits',
  sha256: 'a'.repeat(64),
  version: `1.0.${index}`,
  commit: 'c'.repeat(40),
  createdAt: `2026-10-01T00:00:${String(index).padStart(2, '0')}.000Z`,
  fingerprint: { key } as MeasurementRecord['fingerprint'],
  metrics: { latency: 1 + index / 100, memory: 60_000_000, 'tokens-per-second': 12 },
  samples: {},
  runUrl: null,
});

const first = { digest: 'd1', isFirst: true } as const;

const state = (
  count: number,
  made = (index: number): MeasurementRecord => record(index, 'here'),
): RegistryState =>
  ({
    tip: 'd'.repeat(40),
    models: new Map([
      [
        'digits',
        {
          name: 'digits',
          versions: [],
          measurements: new Map([
            ['here', Array.from({ length: count }, (_, index) => made(index))],
            ['elsewhere', [record(0, 'elsewhere')]],
          ]),
        },
      ],
    ]),
  }) as unknown as RegistryState;

describe('the history of a model in a report', () => {
  it('is of this kind of machine only, oldest first, with the metrics that the report knows', () => {
    const history = historyOf(state(3), 'digits', 'here', first);
    expect(history?.fingerprint).toBe('here');
    expect(history?.points.map(({ version }) => version)).toEqual(['1.0.0', '1.0.1', '1.0.2']);
    expect(history?.points[0]?.metrics).toEqual({ latency: 1, memory: 60_000_000 });
  });

  it('is none on an unknown machine, for an unknown model, without a registry or where nothing was measured', () => {
    expect(historyOf(state(3), 'digits', 'unknown', first)).toBeNull();
    expect(historyOf(state(3), 'fraud', 'here', first)).toBeNull();
    expect(historyOf(null, 'digits', 'here', first)).toBeNull();
    expect(historyOf(state(3), 'digits', null, first)).toBeNull();
  });

  it('is bounded: the newest points, and the newest one alone in a check of very many models', () => {
    expect(historyOf(state(55), 'digits', 'here', first)?.points).toHaveLength(40);
    expect(historyOf(state(55), 'digits', 'here', first)?.points.at(-1)?.version).toBe('1.0.54');
    expect([historyLimit(1), historyLimit(50), historyLimit(400)]).toEqual([40, 40, 1]);
  });

  it('is of the same inputs only, whichever place they had, and load time of all', () => {
    const inputs = (name: string, digest: string) => ({ name, digest });
    const mixed = state(3, index => ({
      ...record(index, 'here'),
      metrics: { latency: 1, 'load-time': 5, memory: 10 },
      inputs: inputs('short', index === 2 ? 'd2' : 'd1'),
      furtherInputs: [{ inputs: inputs('long', 'd3'), metrics: { latency: 7 }, samples: {} }],
    }));
    const of = (digest: string | null, isFirst: boolean) =>
      historyOf(mixed, 'digits', 'here', { digest, isFirst })?.points.map(({ metrics }) => metrics);
    const whole = { latency: 1, 'load-time': 5, memory: 10 };
    expect(of('d1', true)).toEqual([whole, whole, { 'load-time': 5 }]);
    expect(of('d3', false)).toEqual([{ latency: 7 }, { latency: 7 }, { latency: 7 }]);
    expect(of('d2', false)).toEqual([{ latency: 1, memory: 10 }]);
    expect(of('d4', false)).toBeUndefined();
  });

  it('takes records that do not say with which inputs for those of the first set', () => {
    expect(historyOf(state(2), 'digits', 'here', { digest: 'd9', isFirst: false })).toBeNull();
    expect(historyOf(state(2), 'digits', 'here', first)?.points).toHaveLength(2);
  });
});
