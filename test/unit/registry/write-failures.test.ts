import { expect, test } from 'vitest';
import { refusedError } from '../../../src/registry/write-failures.ts';
import { firstLineOf } from '../../../src/shared/errors.ts';

const REMOTE = 'https://git.example/acme/vision.git';

test.each([
  [
    'git push failed (exit code 128): remote: Permission to acme/vision.git denied to github-actions[bot].; fatal: unable to access: The requested URL returned error: 403',
    'permission to write is missing',
    '`permissions: contents: write`',
  ],
  [
    'git push failed (exit code 1): remote: You are not allowed to push code to this project.',
    'permission to write is missing',
    'Allow Git push requests',
  ],
  [
    '[remote rejected] (pre-receive hook declined): GitLab: You are not allowed to push code to protected branches on this project.',
    'the branch is protected',
    'Allowed to push',
  ],
  [
    '[remote rejected] (protected branch hook declined): error: GH006: Protected branch update failed',
    'the branch is protected',
    'bypass list',
  ],
  ['[remote rejected] (pre-receive hook declined): ask Grace', 'a hook of the server declined it', 'Allow'],
])('%j is a refusal because %s', (reason, cause, hint) => {
  const error = refusedError('quickserveml', REMOTE, reason);
  expect(firstLineOf(error.message)).toBe(
    `The remote ${REMOTE} refuses pushes to the registry branch "quickserveml": ${cause}`,
  );
  expect(error.message.split('\n').slice(1)).toEqual([`git says: ${reason}`]);
  expect(error.hint).toContain(hint);
});

test('a refusal for reasons that git does not tell names none', () => {
  expect(firstLineOf(refusedError('q', null, '[remote rejected]').message)).toBe(
    'The remote refuses pushes to the registry branch "q"',
  );
});

test('a full disk of the server is none of permissions', () => {
  const error = refusedError('q', REMOTE, '[remote rejected] (unpacker error): No space left on device');
  expect(firstLineOf(error.message)).toContain('could not store');
  expect(error.hint).toContain('disk of the server');
});
