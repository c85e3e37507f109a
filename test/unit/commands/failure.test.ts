import { expect, it } from 'vitest';
import { describeFailure } from '../../../src/commands/failure.ts';
import { messageOf, QuickServeError } from '../../../src/shared/errors.ts';

const failureOf = (message: string, hint = 'Try again.') =>
  describeFailure(new QuickServeError({ code: 'PAYLOAD_INVALID', message, hint }), '1.0.0');

it('keeps its own line breaks, and lets no other character act', () => {
  expect(failureOf('two\nlines', 'one\ntwo').text).toBe(
    'quickserveml: PAYLOAD_INVALID: two\nlines\n  one\n  two\n',
  );
  expect(failureOf('a\u001b[31m\u202eb\r').text).toContain('a\\u001b[31m\\u202eb\\u000d');
});

it.each(['\u001b[31mred', '\n::add-path::/tmp', '\b\u0012model', '{"a": \u202e}'])(
  'what JSON.parse quotes of %j does not act, nor begin a line',
  text => {
    try {
      JSON.parse(text);
      expect.unreachable();
    } catch (error) {
      expect(messageOf(error)).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
  },
);
