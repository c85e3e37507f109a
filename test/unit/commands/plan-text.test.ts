import { expect, it } from 'vitest';
import { checkPlanText, watchPlanText } from '../../../src/commands/plan-text.ts';

const record = { branch: 'quickserveml', planned: true, reason: '' };
const check: Parameters<typeof checkPlanText>[0] = {
  base: { kind: 'commit', sha: 'a'.repeat(40), role: 'merge base with origin/main' },
  models: [
    {
      name: 'digits',
      path: 'd.onnx',
      change: 'modified',
      measured: true,
      budgetMs: 1,
      inputs: ['one', 'eight'],
    },
    { name: 'reader', path: 'r.onnx', change: 'identical', measured: false, budgetMs: 1, inputs: [''] },
  ],
  budgetMs: 20_000,
  comparisons: 4,
  alpha: 0.01,
  record,
};

it('says what a check would do, in lines', () => {
  expect(checkPlanText(check).split('\n')).toEqual([
    'Against: merge base with origin/main, aaaaaaaaaa',
    'Models:',
    '  digits: modified, would be measured, with one, eight',
    '  reader: identical, would not be measured',
    'At most 20 s of measuring, errors bounded over 4 comparisons.',
    'A pass would be recorded on the branch quickserveml.',
  ]);
});

it('lists what each shard would check', () => {
  const shard = {
    index: 2,
    assignment: [['digits'], ['reader\u001b[31m'], []],
    comparisons: 4,
    acceptances: [],
  };
  const text = checkPlanText({ ...check, shard });
  expect(text).toContain('\n  1: digits\n  2: reader');
  expect(text).toContain('\n  3: nothing\n');
  expect(text).toContain('This is shard 2');
  expect(text).not.toContain('\u001b');
});

it('says why a check would record nothing, and shows no control characters of a name', () => {
  const [first] = check.models;
  const models = [{ ...first!, name: 'a\u001b[31m', inputs: [''] }];
  const text = checkPlanText({
    ...check,
    base: { kind: 'none', reason: 'first commit' },
    models,
    record: { ...record, planned: false, reason: 'off' },
  });
  expect(text).toContain('Against: nothing (first commit)');
  expect(text).toContain('Nothing would be recorded: off.');
  expect(text).not.toContain('\u001b');
});

it('says what a watch would measure and whom it would tell', () => {
  const models = [{ name: 'digits', version: '1.0.0', sha256: 'a'.repeat(64) }];
  const plan = { models, record: true, reason: '', places: [{ name: 'team', kind: 'slack' }] };
  expect(watchPlanText(plan)).toBe(
    'Would be measured:\n  digits 1.0.0\nThe measurements would be recorded.\nWould be told of a change: team (slack).',
  );
  expect(watchPlanText({ ...plan, places: [] })).toContain('`alerts.places` is not set');
  expect(watchPlanText({ ...plan, models: [], record: false, reason: 'no default branch' })).toBe(
    'Nothing is in production; `quickserveml registry promote NAME@VERSION` puts a version there.\nNothing would be recorded, and nobody told: no default branch.',
  );
});
