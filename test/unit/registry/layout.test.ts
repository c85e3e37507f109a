import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  auditPath,
  blobPath,
  decodeSegment,
  digestPath,
  encodeSegment,
  eventPath,
  measurementPath,
  packPath,
  placeOf,
  verdictPackPath,
  verdictPath,
  versionPath,
} from '../../../src/registry/layout.ts';

describe('names as path segments', () => {
  test.each([
    ['digits', 'digits'],
    ['ResNet', '%52es%4eet'],
    ['a/b', 'a%2fb'],
    ['..', '%2e%2e'],
    ['.git', '%2egit'],
    ['con', '%63on'],
    ['com1.onnx', '%63om1.onnx'],
    ['-rf', '%2drf'],
    ['a.lock', 'a%2elock'],
    ['é', '%c3%a9'],
    ['100%', '100%25'],
  ])('%s is written %s', (name, segment) => {
    expect(encodeSegment(name)).toBe(segment);
    expect(decodeSegment(segment)).toBe(name);
  });

  test('are reversible, safe, and different even where case is ignored', () => {
    const names = fc
      .string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
      // A grapheme can be of many bytes, and each may be written as three.
      .filter(name => name.isWellFormed() && 3 * Buffer.byteLength(name) <= 200);
    fc.assert(
      fc.property(names, names, (a, b) => {
        const segment = encodeSegment(a);
        expect(decodeSegment(segment)).toBe(a);
        expect(segment).toMatch(/^[a-z0-9_%][a-z0-9._%-]*$/);
        expect(segment).not.toMatch(/\.$|^\.|\.lock$/);
        if (a !== b) expect(segment.toLowerCase()).not.toBe(encodeSegment(b).toLowerCase());
      }),
    );
  });

  test.each(['', 'x'.repeat(201), 'X'.repeat(70)])('of no or too many bytes are refused', name => {
    expect(() => encodeSegment(name)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  test.each(['%zz', 'UPPER', '%2E', '..', 'a/b', ''])(
    'that nothing leads to (%s) are not decoded',
    segment => {
      expect(decodeSegment(segment)).toBeNull();
    },
  );
});

test('every path leads back to its place', () => {
  const id = '01j0000000zzzzzzzzzzzzzzzz';
  expect(placeOf(versionPath('A/b', '1.2.3'))).toEqual({ kind: 'version', model: 'A/b', version: '1.2.3' });
  expect(placeOf(measurementPath('m', 'key', '2026-11-23T10:00:00.000Z', id))).toEqual({
    kind: 'measurement',
    model: 'm',
    fingerprintKey: 'key',
    month: '2026-11',
    id,
  });
  expect(measurementPath('m', 'key', '2026-11-23T10:00:00.000Z', id)).toBe(
    `models/m/benchmarks/key/2026-11/${id}.json`,
  );
  const sha256 = 'ab'.repeat(32);
  expect(placeOf(verdictPath(sha256, id))).toEqual({ kind: 'verdict', sha256, id });
  expect(placeOf(verdictPackPath(sha256))).toEqual({ kind: 'verdict-pack', prefix: 'ab' });
  expect(placeOf(blobPath(sha256))).toEqual({ kind: 'blob', sha256 });
  expect(placeOf(digestPath('m', sha256))).toEqual({ kind: 'digest', model: 'm', sha256 });
  expect(eventPath('m', id)).toMatch(/^models\/m\/events\/\d{4}-\d\d\//);
  expect(placeOf(eventPath('m', id))).toMatchObject({ kind: 'event', model: 'm', id });
  expect(placeOf(packPath('models/m/benchmarks/key/2026-11'))).toEqual({
    kind: 'measurement-pack',
    model: 'm',
    fingerprintKey: 'key',
    month: '2026-11',
  });
  expect(placeOf(packPath('models/m/events/2026-11'))).toEqual({
    kind: 'event-pack',
    model: 'm',
    month: '2026-11',
  });
  expect(placeOf(auditPath(id))).toEqual({ kind: 'audit', id });
  for (const path of [
    'README.md',
    'models',
    'models/UPPER/model.json',
    'models/m/versions/x.txt',
    'later/a/b',
    'verdicts/notes.jsonl',
    `blobs/cd/${sha256}`,
  ]) {
    expect(placeOf(path)).toEqual({ kind: 'unknown' });
  }
});
