import { describe, expect, test } from 'vitest';
import { recordChecked } from '../../../src/commands/check/registry-access.ts';
import { compactionHint, minuteOf, table } from '../../../src/commands/registry/texts.ts';

describe('a table of the registry', () => {
  test('leaves out columns in which no row says anything', () => {
    const lines = table(
      ['model', 'latency', 'tags', 'by'],
      [
        ['a', '', 'x', 'Ada'],
        ['b', '', '', 'Bob'],
      ],
      'lrll',
    ).split('\n');
    expect(lines[0]).toBe('| model | tags | by  |');
    expect(lines[1]).toBe('| :---- | :--- | :-- |');
    expect(lines[3]).toBe('| b     |      | Bob |');
  });
  test('says when something was to the minute, in UTC, whatever zone it was written in', () => {
    expect(minuteOf('2026-01-31T23:59:58.123Z')).toBe('2026-01-31 23:59');
    expect(minuteOf('2026-02-01T00:59:58+01:00')).toBe('2026-01-31 23:59');
    expect(minuteOf('no time')).toBe('no time');
  });
});

describe('closed months that are loose', () => {
  const nowMs = Date.parse('2026-06-20T00:00:00Z');
  const record = (months: number) =>
    recordChecked({
      world: { now: () => nowMs, progress: { step: () => undefined } },
      changes: { config: { registry: { branch: 'quickserveml' } }, repository: { headSha: null } },
      checked: [],
      gate: 'passed',
      environmentOf: () => null,
      intent: { kind: 'record' },
      view: {
        registry: { record: async () => [] },
        state: {
          tip: 'x',
          models: new Map(),
          looseMonths: Array.from({ length: months }, (_, index) => `2025-0${1 + (index % 9)}`).concat(
            '2026-06',
          ),
        },
        findings: [],
        error: null,
      },
    } as never);
  test('are a note of a check that records, once, and only where there are many', async () => {
    const { findings } = await record(12);
    expect(findings).toEqual([
      {
        code: 'REGISTRY_MONTHS_LOOSE',
        severity: 'info',
        message: expect.stringContaining('12 closed months'),
        hint: expect.stringContaining('registry compact'),
      },
    ]);
    expect((await record(11)).findings).toEqual([]);
    expect(compactionHint(12)).toContain('12 closed months');
    expect(compactionHint(11)).toBe('');
  });
});
