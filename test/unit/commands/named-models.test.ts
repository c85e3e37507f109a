import { expect, it } from 'vitest';
import { uselessLabels } from '../../../src/commands/check/named-models.ts';

const models = ['models/digits', 'fraud'];

it.each([
  ['accept-slower:digits', 'there is no model "digits".', 'Did you mean "models/digits"?'],
  [
    'accept-slow:fraud',
    'there is no finding "slow"; did you mean "slower"?',
    'for example slower:models/digits',
  ],
])('the label %s is said to let nothing through', (label, message, hint) => {
  expect(uselessLabels([label], models)).toEqual([
    {
      code: 'LABEL_UNUSED',
      severity: 'warning',
      message: `The label ${label} lets nothing through: ${message}`,
      hint: expect.stringContaining(hint),
    },
  ]);
});

it.each(['accept-slower:fraud', 'accept-break:models/digits', 'accept-risk', 'accept-terms:all', 'bug'])(
  'the label %s is left alone',
  label => {
    expect(uselessLabels([label], models)).toEqual([]);
  },
);
