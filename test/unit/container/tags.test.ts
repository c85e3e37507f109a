import { describe, expect, test } from 'vitest';
import { decideTags, type ExistingTag, wantedTags } from '../../../src/container/image/tags.ts';

const image: ExistingTag = { digest: 'sha256:new', version: '1.4.2', models: ['digits'], declared: {} };
const other = (more: Partial<ExistingTag> = {}): ExistingTag => ({ ...image, digest: 'sha256:old', ...more });

describe('wantedTags', () => {
  test.each([
    ['1.4.2', null, ['1.4.2', '1.4', '1']],
    ['1.4.2', 'production', ['1.4.2', '1.4', '1', 'production']],
    ['1.4.2', 'draft', ['1.4.2', '1.4', '1']],
    ['2.0.0-rc.1', null, ['2.0.0-rc.1']],
    ['1.0.0+build.5', null, ['1.0.0-build.5', '1.0', '1']],
    [null, 'staging', ['staging']],
    [null, null, []],
  ])('of %s, %s', (version, status, names) => {
    expect(wantedTags(version, status, []).map(({ name }) => name)).toEqual(names);
  });

  test('named tags come last, each once', () => {
    expect(wantedTags('1.4.2', null, ['1.4', 'blue']).map(({ name }) => name)).toEqual([
      '1.4.2',
      '1.4',
      '1',
      'blue',
    ]);
  });
});

describe('decideTags', () => {
  const decide = (existing: Readonly<Record<string, ExistingTag>>, allowMove = false) =>
    Object.fromEntries(
      decideTags(
        wantedTags('1.4.2', 'production', ['blue']),
        new Map(Object.entries(existing)),
        image,
        allowMove,
      ).map(({ name, action }) => [name, action]),
    );

  test('creates what is not there and leaves what is right', () => {
    expect(decide({ '1.4': image })).toEqual({
      '1.4.2': 'create',
      '1.4': 'unchanged',
      '1': 'create',
      production: 'create',
      blue: 'create',
    });
  });

  test('moves lines forward and channels anywhere, and refuses versions and names', () => {
    const older = other({ version: '1.4.1' });
    expect(decide({ '1.4.2': other(), '1.4': older, '1': older, production: older, blue: older })).toEqual({
      '1.4.2': 'refuse',
      '1.4': 'move',
      '1': 'move',
      production: 'move',
      blue: 'refuse',
    });
    const newer = other({ version: '1.5.0' });
    expect(decide({ '1.4': newer, '1': newer, production: newer })).toMatchObject({
      '1.4': 'keep',
      '1': 'keep',
      production: 'move',
    });
  });

  test.each([
    ['of another model', { models: ['fraud'], version: '1.0.0' }],
    ['that declares nothing', { models: [], version: null }],
  ])('refuses to take a tag from an image %s', (_name, foreign) => {
    const taken = other(foreign);
    expect(decide({ '1.4': taken, production: taken })).toMatchObject({
      '1.4': 'refuse',
      production: 'refuse',
    });
  });

  test.each([
    ['another release of the tool, other platforms or another port', {}],
    [
      `another base image (--base-image gcr.io/base/node:24@sha256:${'b'.repeat(64)}), another time (--created 2026-01-01T00:00:00Z)`,
      {
        'org.opencontainers.image.base.name': 'gcr.io/base/node:24',
        'org.opencontainers.image.base.digest': `sha256:${'b'.repeat(64)}`,
        'org.opencontainers.image.created': '2026-01-01T00:00:00Z',
      },
    ],
    ['other bytes of the model', { 'dev.quickserveml.model.digits.sha256': 'c'.repeat(64) }],
    ['another base image', { 'org.opencontainers.image.base.digest': 'no digest\u001b[31m' }],
    [
      'another base image, another time, another address of the repository',
      {
        'org.opencontainers.image.base.name': 'no name\u001b[31m',
        'org.opencontainers.image.base.digest': `sha256:${'b'.repeat(64)}`,
        'org.opencontainers.image.created': 'yesterday; rm -rf /',
        'org.opencontainers.image.source': 'https://git.example/other',
      },
    ],
  ])('says of a version that it was published with %s', (what, declared) => {
    const existing = new Map([['1.4.2', other({ declared })]]);
    const [decision] = decideTags(wantedTags('1.4.2', null, []), existing, image, false);
    expect(decision).toMatchObject({ reason: `this version was published with ${what}` });
  });

  test('a line whose version nobody can read is refused', () => {
    expect(decide({ '1': other({ version: 'latest' }) })).toMatchObject({ '1': 'refuse' });
  });

  test('moves everything where that is allowed', () => {
    const taken = other({ models: [] });
    expect(decide({ '1.4.2': taken, blue: taken }, true)).toMatchObject({ '1.4.2': 'move', blue: 'move' });
  });
});
