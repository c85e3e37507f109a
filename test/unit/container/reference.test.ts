import { describe, expect, test } from 'vitest';
import { parseChallenges } from '../../../src/container/registry/challenge.ts';
import { formatReference, parseReference } from '../../../src/container/registry/reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('parseReference', () => {
  test.each([
    ['ghcr.io/acme/digits', 'ghcr.io', 'acme/digits', null, null],
    ['ghcr.io/acme/digits:1.4.2', 'ghcr.io', 'acme/digits', '1.4.2', null],
    [`ghcr.io/acme/digits@${digest}`, 'ghcr.io', 'acme/digits', null, digest],
    [`localhost:5000/digits:v1@${digest}`, 'localhost:5000', 'digits', 'v1', digest],
    ['[::1]:5000/a/b', '[::1]:5000', 'a/b', null, null],
    ['node:24', 'docker.io', 'library/node', '24', null],
    ['acme/digits', 'docker.io', 'acme/digits', null, null],
    ['index.docker.io/acme/digits', 'docker.io', 'acme/digits', null, null],
    ['Registry.Example.com/a', 'registry.example.com', 'a', null, null],
  ])('reads %s', (text, registry, repository, tag, wanted) => {
    expect(parseReference(text)).toEqual({ registry, repository, tag, digest: wanted });
  });

  test.each([
    '',
    'ghcr.io/',
    'https://ghcr.io/acme/digits',
    'ghcr.io/Acme/digits',
    'ghcr.io/acme/digits:',
    'ghcr.io/acme/digits:-x',
    'ghcr.io/acme/digits@sha256:abc',
    'ghcr.io/acme/../digits',
    'ghcr.io/acme//digits',
    'user:pass@ghcr.io/acme/digits',
    'ghcr.io/acme/di gits',
    `ghcr.io/${'a'.repeat(300)}`,
    'evil.example\u001b[31m/x',
  ])('refuses %j', text => {
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({ code: 'IMAGE_REFERENCE_INVALID' }) as Error,
    );
  });

  test('writes what it read', () => {
    for (const text of ['ghcr.io/acme/digits:1.4.2', `localhost:5000/digits:v1@${digest}`]) {
      expect(formatReference(parseReference(text))).toBe(text);
    }
  });
});

describe('parseChallenges', () => {
  test('reads several schemes, quoted commas and escapes', () => {
    const header =
      'Basic realm="a, b", Bearer realm="https://auth.example/token",service=reg,scope="repository:a/b:pull,push" , error="invalid_\\"token"';
    expect(parseChallenges(header)).toEqual([
      { scheme: 'basic', parameters: new Map([['realm', 'a, b']]) },
      {
        scheme: 'bearer',
        parameters: new Map([
          ['realm', 'https://auth.example/token'],
          ['service', 'reg'],
          ['scope', 'repository:a/b:pull,push'],
          ['error', 'invalid_"token'],
        ]),
      },
    ]);
  });

  test.each([
    '',
    '=',
    '"',
    ',,,',
    'Bearer realm="never closed',
    '\u0000'.repeat(50_000),
    'a='.repeat(20_000),
  ])('ends on %j', header => {
    expect(parseChallenges(header).length).toBeLessThan(5);
  });
});
