import { describe, expect, test } from 'vitest';
import { defaultConfig, parseConfig } from '../../../src/config/parse.ts';
import { rulesChanged } from '../../../src/config/rules-changed.ts';

const parse = (lines: string) =>
  parseConfig({
    text: `models:\n  digits:\n    path: digits.onnx\n${lines.replace(/^/gm, '    ')}\n`,
    path: 'quickserveml.yml',
  });

const testsOf = (lines: string) => parse(lines).models?.[0]?.tests;

describe('what a model must still give', () => {
  test('is absent where nothing of it is configured', () => {
    expect(parse('cases: cases').models?.[0]).not.toHaveProperty('tests');
  });

  test('is read with its defaults', () => {
    const found = testsOf(`tolerance: { scores: { absolute: 0.1 }, "*": { relative: 0.01 } }
contract: ./contracts//digits.json
dataset: { path: data/digits.npz }
prepare: python export.py`);
    expect({ ...found?.tolerances }).toEqual({ scores: { absolute: 0.1 }, '*': { relative: 0.01 } });
    expect(found).toMatchObject({
      contractPath: 'contracts/digits.json',
      prepare: 'python export.py',
      dataset: {
        path: 'data/digits.npz',
        average: 'macro',
        batch: null,
        label: null,
        metrics: [{ name: 'accuracy', min: null, maxDrop: null }],
      },
    });
  });

  test('has limits for each metric', () => {
    expect(
      testsOf('dataset: { path: d.csv, metrics: { top-5: { min: 0.9, max-drop: 0.01 }, auc: {} } }')?.dataset
        ?.metrics,
    ).toEqual([
      { name: 'top-5', min: 0.9, maxDrop: 0.01 },
      { name: 'auc', min: null, maxDrop: null },
    ]);
  });

  test.each([
    ['dataset: { path: ../data.npz }', 'leaves the repository'],
    ['contract: /etc/passwd', 'absolute path'],
    ['dataset: { path: d.npz, metrics: { speed: {} } }', 'is no metric'],
    ['dataset: { path: d.npz, metrics: { mae: {}, f1: {} } }', 'mixes metrics'],
    ['dataset: { label: y }', 'needs the key "path"'],
    ['tolerance: { y: { absolute: -1 } }', 'smallest is 0'],
    ['dataset: { path: d.npz, metrics: { f1: { max-drop: 1% } } }', 'not a number of at least 0'],
  ])('%s is refused', (lines, message) => {
    expect(() => parse(lines)).toThrow(message);
  });

  test('is a rule: a change of it is said', () => {
    const base = parse('dataset: { path: d.npz, metrics: { f1: { min: 0.9 } } }');
    const head = parse('dataset: { path: d.npz, metrics: { f1: { min: 0.5 }, auc: { min: 0.8 } } }');
    const [finding] = rulesChanged(base, head);
    expect(finding).toMatchObject({
      code: 'RULES_CHANGED',
      message: expect.stringContaining('dataset.metrics.f1.min 0.9 → 0.5'),
    });
    expect(finding?.message).toContain('dataset.metrics.auc.min none → 0.8');
  });

  test('the first contract and dataset of a model hold at once, and are no change of the rules', () => {
    const none = parse('');
    const both = parse('dataset: { path: d.npz, metrics: { f1: { min: 0.5 } } }\ncontract: c.json');
    expect(rulesChanged(none, both)).toEqual([]);
    expect(rulesChanged(defaultConfig(), both)).toEqual([]);
    expect(rulesChanged(both, none)[0]?.message).toContain('contract c.json → none');
    expect(rulesChanged(both, parse('contract: other.json'))[0]?.message).toContain(
      'contract c.json → other.json',
    );
  });
});
