import { expect, test } from 'vitest';
import { nameSuggestion } from '../../../src/shared/nearest-word.ts';

const models = ['models/digits', 'fraud', 'a/embed', 'b/embed'];

test.each([
  ['digits', 'Did you mean "models/digits"?'],
  ['models/digit', 'Did you mean "models/digits"?'],
  ['digts', 'Did you mean "models/digits"?'],
  ['other/fruad', 'Did you mean "fraud"?'],
  ['models/fraud', 'Did you mean "fraud"?'],
  ['embed', 'Did you mean "a/embed" or "b/embed"?'],
  ['its', null],
  ['speech', null],
  ['', null],
])('for %j: %s', (word, suggestion) => {
  expect(nameSuggestion(word, models)).toBe(suggestion);
});
