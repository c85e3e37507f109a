import { describe, expect, it } from 'vitest';
import { quoteName, terminalSafe } from '../../../src/shared/terminal-text.ts';

describe('terminalSafe', () => {
  it('writes out what would act on a terminal and leaves what shows', () => {
    expect(terminalSafe('\u001b[2J\u009b1m\r\n\u202e\u200b\u2028\ufeff\u00ad')).toBe(
      '\\u001b[2J\\u009b1m\\u000d\\u000a\\u202e\\u200b\\u2028\\ufeff\\u00ad',
    );
    expect(terminalSafe('\u{e0041}\ud800')).toBe('\\u{e0041}\\ud800');
    expect(terminalSafe('größe/画像:0 -x "$(id)"')).toBe('größe/画像:0 -x "$(id)"');
  });
});

describe('quoteName', () => {
  it('leaves out the middle of a long name and says how long it is', () => {
    expect(quoteName('short')).toBe('"short"');
    const quoted = quoteName(`start${'x'.repeat(5000)}end`);
    expect(quoted.length).toBeLessThan(160);
    expect(quoted).toMatch(/^"start.*\.\.\..*end" \(5008 characters\)$/);
  });
});
