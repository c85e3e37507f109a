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

const state = (count: number): RegistryState =>
  ({
    tip: 'd'.repeat(40),
    models: new Map([
      [
        'digits',
        {
          name: 'digits',
          versions: [],
          measurements: new Map([
            ['here', Array.from({ length: count }, (_, index) => record(index, 'here'))],
            ['elsewhere', [record(0, 'elsewhere')]],
          ]),
        },
      ],
    ]),
  }) as unknown as RegistryState;

describe('the history of a model in a report', () => {
  it('is of this kind of machine only, oldest first, with the metrics that the report knows', () => {
    const history = historyOf(state(3), 'digits', 'here');
    expect(history?.fingerprint).toBe('here');
    expect(history?.points.map(({ version }) => version)).toEqual(['1.0.0', '1.0.1', '1.0.2']);
    expect(history?.points[0]?.metrics).toEqual({ latency: 1, memory: 60_000_000 });
  });

  it('is none on an unknown machine, for an unknown model, without a registry or where nothing was measured', () => {
    expect(historyOf(state(3), 'digits', 'unknown')).toBeNull();
    expect(historyOf(state(3), 'fraud', 'here')).toBeNull();
    expect(historyOf(null, 'digits', 'here')).toBeNull();
    expect(historyOf(state(3), 'digits', null)).toBeNull();
  });

  it('is bounded: the newest points, and the newest one alone in a check of very many models', () => {
    expect(historyOf(state(55), 'digits', 'here')?.points).toHaveLength(40);
    expect(historyOf(state(55), 'digits', 'here')?.points.at(-1)?.version).toBe('1.0.54');
    expect([historyLimit(1), historyLimit(50), historyLimit(400)]).toEqual([40, 40, 1]);
  });
});
