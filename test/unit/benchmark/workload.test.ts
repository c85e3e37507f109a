import { describe, expect, it } from 'vitest';
import { batchSymbolOf, rowsOf, workloadsOf } from '../../../src/benchmark/workload.ts';
import type { ValueInfo } from '../../../src/model/inspection.ts';

const input = (name: string, shape: ValueInfo['shape']): ValueInfo => ({
  name,
  kind: 'tensor',
  dtype: 'float32',
  shape,
});
const profile = (name: string, dims: Readonly<Record<string, readonly number[]>>) => ({
  name,
  dims,
  casesPath: null,
  datasetPath: null,
});

describe('the sets of inputs of a model', () => {
  it('are one without a name where nothing varies', () => {
    expect(workloadsOf({ dims: { batch: [4] }, casesPath: 'cases' })).toEqual([
      { name: '', dims: { batch: 4 }, casesPath: 'cases', datasetPath: null },
    ]);
  });

  it('are all combinations of the listed sizes, named by what varies', () => {
    const all = workloadsOf({ dims: { batch: [1, 8], sequence: [128], width: [2, 3] }, casesPath: null });
    expect(all.map(({ name }) => name)).toEqual([
      'batch=1, width=2',
      'batch=1, width=3',
      'batch=8, width=2',
      'batch=8, width=3',
    ]);
    expect(all[3]?.dims).toEqual({ batch: 8, sequence: 128, width: 3 });
  });

  it('are those of every profile, whose sizes win over those of the model', () => {
    const all = workloadsOf({
      dims: { batch: [1, 8], sequence: [16] },
      casesPath: 'cases',
      profiles: [
        profile('short', { batch: [2] }),
        { ...profile('long', { sequence: [512] }), casesPath: 'long' },
      ],
    });
    expect(
      all.map(({ name, dims, casesPath }) => [name, dims['batch'], dims['sequence'], casesPath]),
    ).toEqual([
      ['short', 2, 16, 'cases'],
      ['long, batch=1', 1, 512, 'long'],
      ['long, batch=8', 8, 512, 'long'],
    ]);
  });

  it('takes a symbol of any name', () => {
    const dims = Object.assign(Object.create(null), { ['__proto__']: [1, 2] });
    expect(workloadsOf({ dims, casesPath: null }).map(({ name }) => name)).toEqual([
      '__proto__=1',
      '__proto__=2',
    ]);
  });
});

describe('the rows of a run', () => {
  const tensor = (name: string, shape: readonly number[]) => ({
    name,
    dtype: 'float32' as const,
    shape,
    data: new Uint8Array(),
  });

  it('are the first dimension where all inputs leave it open', () => {
    const inputs = [input('a', ['N', 3]), input('b', ['N'])];
    expect(batchSymbolOf(inputs)).toBe('N');
    expect(rowsOf(inputs, [tensor('a', [8, 3]), tensor('b', [8])])).toBe(8);
  });

  it('are one where it is fixed or differs', () => {
    expect(rowsOf([input('a', [16, 3])], [tensor('a', [16, 3])])).toBe(1);
    expect(rowsOf([input('a', ['N']), input('b', ['M'])], [tensor('a', [4]), tensor('b', [4])])).toBe(1);
    expect(batchSymbolOf([input('a', ['N']), input('b', [null])])).toBeNull();
  });
});
