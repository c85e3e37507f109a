import { describe, expect, test } from 'vitest';
import { foldModel } from '../../../src/registry/lifecycle.ts';
import type { RegisteredModel } from '../../../src/registry/model-sources.ts';
import { judgePromotion, noRules } from '../../../src/registry/promotion.ts';
import type { EventContent, EventRecord, VersionRecord } from '../../../src/registry/records.ts';
import { createIdAfter, timeOfId } from '../../../src/registry/time-ids.ts';
import { matchesFilter, parseRange } from '../../../src/registry/version-filter.ts';

const author = { name: 'Ada', email: 'ada@example.com' };

function version(number: string): VersionRecord {
  return {
    model: 'm',
    version: number,
    previous: null,
    bump: 'none',
    sha256: number.replaceAll('.', '').padStart(64, '0'),
    sizeBytes: 10,
    parts: [{ path: 'm.onnx', sha256: number.replaceAll('.', '').padStart(64, '0'), sizeBytes: 10 }],
    interface: { inputs: [], outputs: [], opsets: {}, optionalInputs: [] },
    inspection: null,
    bytes: { kind: 'blob' },
    source: { commit: null, path: 'm.onnx' },
    createdAt: '2026-01-01T00:00:00.000Z',
    author,
    runUrl: null,
  };
}

let count = 0;
const event = (of: string | null, content: EventContent, by = author): EventRecord => {
  count += 1;
  const createdAt = new Date(1_770_000_000_000 + count * 1000).toISOString();
  const id = String(count).padStart(26, '0');
  return { id, model: 'm', version: of, createdAt, author: by, runUrl: null, reason: null, ...content };
};

const model = (events: readonly EventRecord[]): RegisteredModel => ({
  name: 'm',
  record: null,
  versions: [version('1.0.0'), version('1.1.0')],
  measurements: new Map(),
  events,
});
const status = (of: string, to: 'production' | 'staging' | 'archived') =>
  event(of, { kind: 'status', status: to, conditions: [] });

describe('events add up to what a model is', () => {
  test('one version is in production; the one before becomes archived, and the history says from when to when', () => {
    const first = status('1.0.0', 'production');
    const second = status('1.1.0', 'production');
    const state = foldModel(model([first, second]));
    expect(state.production?.version.version).toBe('1.1.0');
    expect(state.versions.map(one => one.status)).toEqual(['archived', 'production']);
    expect(state.productionHistory.map(span => [span.version, span.at, span.until])).toEqual([
      ['1.0.0', first.createdAt, second.createdAt],
      ['1.1.0', second.createdAt, null],
    ]);
  });

  test('a version read alone is out of production too once another one came', () => {
    const all = model([status('1.0.0', 'production'), status('1.1.0', 'production')]);
    const state = foldModel({ ...all, versions: [version('1.0.0')] });
    expect(state.versions.map(one => one.status)).toEqual(['archived']);
    expect(state.production).toBeNull();
  });

  test('taking the version out of production ends it', () => {
    const state = foldModel(model([status('1.0.0', 'production'), status('1.0.0', 'archived')]));
    expect(state.production).toBeNull();
    expect(state.productionHistory[0]!.until).not.toBeNull();
  });

  test('updates add and take away; a tombstone stays whatever comes after', () => {
    const state = foldModel(
      model([
        event('1.0.0', { kind: 'update', addTags: ['a', 'b'], metrics: { accuracy: 1, f1: 2 }, note: 'x' }),
        event('1.0.0', { kind: 'update', removeTags: ['a'], metrics: { f1: null }, description: 'd' }),
        event('1.0.0', { kind: 'tombstone' }),
        event('1.0.0', { kind: 'tombstone' }, { name: 'Bob', email: 'bob@example.com' }),
      ]),
    );
    expect(state.versions[0]).toMatchObject({ tags: ['b'], metrics: { accuracy: 1 }, description: 'd' });
    expect(state.versions[0]!.notes.map(({ text }) => text)).toEqual(['x']);
    expect(state.versions[0]!.deleted?.by.name).toBe('Ada');
  });

  test('events of unknown kinds and versions change nothing', () => {
    const strange = { ...event('1.0.0', { kind: 'tombstone' }), kind: 'later' } as unknown as EventRecord;
    const state = foldModel(model([strange, status('9.9.9', 'production')]));
    expect(state.versions.every(({ deleted }) => deleted === null)).toBe(true);
    expect(state.production).toBeNull();
  });

  test('bytes that a rewrite took away are shown as gone', () => {
    const { sha256 } = version('1.0.0');
    const state = foldModel(model([event(null, { kind: 'purge', digests: [sha256] })]));
    expect(state.versions.map(({ bytesGone }) => bytesGone)).toEqual([true, false]);
  });
});

test('an id sorts behind the one that was seen, although the clock is years behind', () => {
  const seen = createIdAfter(null, Date.UTC(2030, 0), () => 0.9);
  const next = createIdAfter(seen, Date.UTC(2020, 0), () => 0);
  expect(next > seen).toBe(true);
  expect(timeOfId(next)).toBe(Date.UTC(2030, 0) + 1);
});

describe('a promotion', () => {
  const judge = (rules: Partial<typeof noRules>, events: readonly EventRecord[] = []) => {
    const state = foldModel(model(events));
    return judgePromotion(
      { ...noRules, ...rules },
      { model: state, version: state.versions[0]!, status: 'production', verdict: null },
    );
  };
  test('without rules has no conditions', () => expect(judge({})).toEqual([]));
  test('needs a verdict, cases and a signature where they are demanded, and says what is missing', () => {
    expect(
      judge({ verdict: true, cases: true, signature: true }).map(({ name, met }) => [name, met]),
    ).toEqual([
      ['verdict', false],
      ['cases', false],
      ['signature', false],
    ]);
  });
  test('counts approvals of named people for this status only, each once', () => {
    const rules = { approvers: ['ada@example.com', 'Bob'], approvals: 2 };
    const approve = (by = author, to: 'production' | 'staging' = 'production') =>
      event('1.0.0', { kind: 'approval', status: to }, by);
    const bob = { name: 'Bob', email: 'b@example.com' };
    expect(judge(rules, [approve(), approve(), approve(bob, 'staging')])[0]!.met).toBe(false);
    expect(judge(rules, [approve(), approve({ name: 'Eve', email: 'eve@example.com' })])[0]!.met).toBe(false);
    expect(judge(rules, [approve(), approve(bob)])[0]!.met).toBe(true);
  });
});

test('filters hold together, and a metric that is missing is in no range', () => {
  const whole = model([event('1.0.0', { kind: 'update', addTags: ['golden'], metrics: { accuracy: 0.9 } })]);
  const state = foldModel(whole);
  const none = { statuses: [], tags: [], author: null, ranges: [], search: null, deleted: false };
  const found = (filter: object): string[] =>
    state.versions
      .filter(one => matchesFilter({ ...none, ...filter }, whole, state, one))
      .map(one => one.version.version);
  expect(found({})).toEqual(['1.0.0', '1.1.0']);
  expect(found({ ranges: [parseRange('accuracy>=0.9')] })).toEqual(['1.0.0']);
  expect(found({ ranges: [parseRange('accuracy < 0.9')] })).toEqual([]);
  expect(found({ tags: ['golden'], author: 'ADA@', search: 'gold 1.0' })).toEqual(['1.0.0']);
  expect(found({ statuses: ['production'] })).toEqual([]);
});

test.each(['latency', '<5', 'latency<', 'latency<five', 'a=='])('"%s" is no range', text => {
  expect(() => parseRange(text)).toThrow(/not a range/);
});
