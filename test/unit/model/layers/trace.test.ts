import { describe, expect, it } from 'vitest';
import { mergeRuns, nestEvents, type TraceEvent } from '../../../../src/model/layers/trace.ts';

const event = (name: string, startUs: number, durationUs: number): TraceEvent => ({
  name,
  opType: name === 'loop' ? 'Loop' : 'Op',
  nodeIndex: 0,
  startUs,
  durationUs,
  inputs: [],
  outputs: [],
});

describe('a trace', () => {
  it('nests what ran inside a loop and gives the loop only its own time', () => {
    const run = [event('before', 0, 10), event('a', 22, 20), event('b', 45, 30), event('loop', 20, 60)];
    const nested = nestEvents(run);
    expect(nested.map(({ event: { name }, selfUs }) => [name, selfUs])).toEqual([
      ['before', 10],
      ['loop', 10],
    ]);
    expect(nested[1]?.children.map(({ event: { name } }) => name)).toEqual(['a', 'b']);
  });

  it('keeps nodes that follow each other in the same microsecond apart', () => {
    expect(nestEvents([event('a', 5, 0), event('b', 5, 3), event('c', 8, 0)]).length).toBe(3);
  });

  it('takes the median of each event over the runs', () => {
    const runs = [5, 100, 7].map(duration => [event('a', 0, duration), event('b', duration, 2)]);
    const { run, merged } = mergeRuns(runs);
    expect(merged).toBe(3);
    expect(run.map(({ durationUs }) => durationUs)).toEqual([7, 2]);
    expect(nestEvents(run).length).toBe(2);
  });

  it('takes the last run where the runs took different ways', () => {
    const { run, merged } = mergeRuns([[event('a', 0, 5), event('b', 6, 5)], [event('a', 0, 9)]]);
    expect(merged).toBe(1);
    expect(run.map(({ durationUs }) => durationUs)).toEqual([9]);
  });

  it('is empty for no run', () => {
    expect(mergeRuns([])).toEqual({ run: [], merged: 0 });
  });
});
