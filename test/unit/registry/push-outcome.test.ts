import { expect, test } from 'vitest';
import { classifyPush } from '../../../src/registry/push-outcome.ts';

const line = (flag: string, summary: string): string =>
  `To file:///x\n${flag}\tabc:refs/heads/q\t${summary}\nDone\n`;

test.each([
  [0, line(' ', 'abc..def'), '', 'accepted'],
  [0, line('*', '[new branch]'), '', 'accepted'],
  [1, line('!', '[rejected] (stale info)'), '', 'overtaken'],
  [1, line('!', '[rejected] (fetch first)'), '', 'overtaken'],
  [1, line('!', '[remote rejected] (failed to update ref)'), '', 'overtaken'],
  [1, line('!', '[remote rejected] (incorrect old value provided)'), '', 'overtaken'],
  [1, line('!', '[remote rejected] (reference already exists)'), '', 'overtaken'],
  [
    1,
    line('!', '[remote rejected] (failed to update ref)'),
    "remote: error: cannot lock ref 'refs/heads/q': is at a but expected b",
    'overtaken',
  ],
  [
    1,
    line('!', '[remote rejected] (failed to update ref)'),
    "remote: error: cannot lock ref 'refs/heads/q': Unable to create '/x/q.lock': File exists.",
    'locked',
  ],
  [1, line('!', '[remote rejected] (pre-receive hook declined)'), 'remote: ask Grace', 'refused'],
  [1, line('!', '[remote rejected] (protected branch hook declined)'), '', 'refused'],
  [1, line('!', '[remote failure] (remote failed to report status)'), '', 'unclear'],
  [1, '', 'error: something', 'unclear'],
])('exit %i, %j, %j is %s', (exitCode, stdout, stderr, kind) => {
  expect(classifyPush(exitCode, stdout, stderr).kind).toBe(kind);
});

test("a refusal carries the server's own words", () => {
  const outcome = classifyPush(
    1,
    line('!', '[remote rejected] (pre-receive hook declined)'),
    'remote: ask Grace\nremote: \n',
  );
  expect(outcome).toMatchObject({ reason: '[remote rejected] (pre-receive hook declined): ask Grace' });
});
