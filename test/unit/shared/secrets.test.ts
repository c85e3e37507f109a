import { expect, test } from 'vitest';
import { gitFailureError } from '../../../src/git/git-failure.ts';
import { maskSecrets } from '../../../src/shared/secrets.ts';

test('a secret is masked as it is, in base64, percent-encoded, and in a header of user and password', () => {
  const secret = 'p@ss/word-1';
  const header = Buffer.from(`user:${secret}`).toString('base64');
  const text = `${secret} ${Buffer.from(secret).toString('base64')} ${encodeURIComponent(secret)} ${header}`;
  const masked = maskSecrets(text, [secret, header]);
  expect(masked).not.toMatch(/p@ss|cEBzcy93|p%40ss/);
  expect(masked).not.toContain(header);
});

test('the user part of an address is masked without knowing the secret', () => {
  expect(maskSecrets("unable to access 'https://user:token@host/x.git/'", [])).toBe(
    "unable to access 'https://***@host/x.git/'",
  );
  expect(maskSecrets('https://host/a@b', [])).toBe('https://host/a@b');
});

test('a secret that is part of a longer one leaves no rest, and very short ones do not blank out words', () => {
  expect(maskSecrets('secret-longer', ['secret', 'secret-longer'])).toBe('***');
  expect(maskSecrets('an answer', ['an'])).toBe('an answer');
});

test.each([
  ["fatal: unable to access 'https://h/x.git/': The requested URL returned error: 403", 'REMOTE_REFUSED'],
  ["fatal: could not read Username for 'https://h': terminal prompts disabled", 'REMOTE_REFUSED'],
  ['git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.', 'REMOTE_REFUSED'],
  ["fatal: unable to access 'https://h/': Could not resolve host: h", 'REMOTE_UNREACHABLE'],
  ["fatal: unable to access 'https://h/': The requested URL returned error: 503", 'REMOTE_UNREACHABLE'],
  ['fatal: the remote end hung up unexpectedly', 'REMOTE_UNREACHABLE'],
  ["fatal: detected dubious ownership in repository at '/x'", 'NOT_A_REPOSITORY'],
  [
    'fatal: not a git repository (or any of the parent directories): .git',
    'NOT_A_REPOSITORY',
    '/tmp is not inside a git repository',
  ],
  ['fatal: bad object abc', 'GIT_FAILED'],
])('"%s" is %s', (stderr, code, message = 'git fetch failed') => {
  const error = gitFailureError({
    command: 'fetch',
    exitCode: 128,
    signal: null,
    stderr,
    secrets: [],
    folder: '/tmp',
  });
  expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
});
