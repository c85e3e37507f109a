import { describe, expect, it } from 'vitest';
import { parseMetric } from '../../../src/commands/test-options.ts';

describe('metrics on the command line', () => {
  it.each([
    ['top-5', { metric: 'top-5', policy: { min: null, maxDrop: null } }],
    ['f1>=0.9', { metric: 'f1', policy: { min: 0.9, maxDrop: null } }],
    ['mae <= 2 drop <= 0.1', { metric: 'mae', policy: { min: 2, maxDrop: 0.1 } }],
  ])('%s', (text, wanted) => expect(parseMetric(text)).toEqual(wanted));

  it.each(['speed', 'f1<=0.9', 'mae>=1', 'f1>=much', 'top-0'])('refuses %s', text => {
    expect(() => parseMetric(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  it.each([
    ['acuracy', 'Did you mean accuracy?'],
    ['speed', 'There are accuracy, top-1,'],
    ['top-1>=95%', 'Limits are shares: 0.95, not 95%.'],
  ])('of %s it says what is meant', (text, hint) => {
    expect(() => parseMetric(text)).toThrow(expect.objectContaining({ hint: expect.stringContaining(hint) }));
  });
});
