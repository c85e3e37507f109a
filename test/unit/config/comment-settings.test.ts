import { expect, it } from 'vitest';
import { commentSettingsOf } from '../../../src/config/comment-settings.ts';

const defaults = { enabled: true, key: 'default' };

it.each([
  ['', defaults],
  ['model: {}\ncomment: { key: a, enabled: false }\n', { enabled: false, key: 'a' }],
  ['model: {}\ncomment: { key: a }\n', { enabled: true, key: 'a' }],
  ['comment: { key: "--> <b>" }\n', defaults],
  ['comment: { keys: a }\n', defaults],
  ['comment: [\n', defaults],
  ['a: &a [1]\ncomment: *a\n', defaults],
])('%j says of the comment what can be believed', (text, settings) => {
  expect(commentSettingsOf(text)).toEqual(settings);
});
