import { describe, expect, test } from 'vitest';
import { resolveModels } from '../../../src/config/discovery.ts';
import { defaultConfig, parseConfig } from '../../../src/config/parse.ts';
import { effectiveRules } from '../../../src/config/policy-for.ts';
import { rulesChanged } from '../../../src/config/rules-changed.ts';

const parse = (text: string) => parseConfig({ text, path: 'quickserveml.yml' });
const withLimit = (name: string, path: string, limit: string) =>
  parse(`models: { ${name}: { path: ${path}, policy: { latency: { max-regression: ${limit} } } } }`);
const only = (config: ReturnType<typeof parse>, files: readonly string[] = []) =>
  resolveModels(config, files)[0]!;

describe('the rules of a model', () => {
  test.each([
    ['under the same name and path', withLimit('digits', 'd.onnx', '5%'), 'd.onnx'],
    ['under another name', withLimit('numbers', 'd.onnx', '5%'), 'd.onnx'],
    ['at another path', withLimit('digits', 'old.onnx', '5%'), 'old.onnx'],
    ['under another name and at another path', withLimit('numbers', 'old.onnx', '5%'), 'old.onnx'],
    ['only as a file that was found', defaultConfig(), 'd.onnx'],
  ])('are those of the base that knew it %s', (_how, base, basePath) => {
    const head = withLimit('digits', 'd.onnx', '50%');
    const { policy, source } = effectiveRules({ base, model: only(head), basePath });
    expect({ limit: policy.latency.maxRegression, source }).toEqual({ limit: 0.05, source: 'base' });
  });

  test.each([
    ['it is new', defaultConfig(), null],
    ['the base lists other models only', withLimit('other', 'o.onnx', '5%'), 'd.onnx'],
    ['there is no base', null, null],
  ])('are those of the head where %s', (_why, base, basePath) => {
    const head = withLimit('digits', 'd.onnx', '50%');
    const { policy, source } = effectiveRules({ base, model: only(head), basePath });
    expect({ limit: policy.latency.maxRegression, source }).toEqual({ limit: 0.5, source: 'head' });
  });

  test('a break that the change accepts for itself is not accepted', () => {
    const base = parse('models: { d: { path: d.onnx } }');
    const head = parse('models: { d: { path: d.onnx, policy: { contract: { gate: off, accept: [x] } } } }');
    const { accept, policy } = effectiveRules({ base, model: only(head), basePath: 'd.onnx' });
    expect(accept).toEqual([]);
    expect(policy.contract.gate).toBe('hard');
  });
});

describe('a change of the rules', () => {
  const findings = (base: string, head: string) => rulesChanged(parse(base), parse(head));

  test('is a warning that names each key with both values', () => {
    const [finding, ...more] = rulesChanged(withLimit('d', 'd.onnx', '5%'), withLimit('d', 'd.onnx', '50%'));
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ code: 'RULES_CHANGED', severity: 'warning' });
    expect(finding?.message).toContain('models.d.policy.latency.max-regression 5% → 50%.');
  });

  test('under `defaults` is said once, not again for each model', () => {
    const models =
      'models: { a: { path: a.onnx }, b: { path: b.onnx, policy: { contract: { accept: [x] } } } }';
    const [finding] = findings(models, `defaults: { policy: { inconclusive: fail } }\n${models}`);
    expect(finding?.message).toContain(': defaults.policy.inconclusive pass → fail.');
  });

  test('nothing is said where the files differ but the rules do not', () => {
    expect(findings('', 'defaults: { policy: { latency: { max-regression: 5.0% } } } # as before')).toEqual(
      [],
    );
    expect(rulesChanged(defaultConfig(), parse('models: { d: { path: d.onnx } }'))).toEqual([]);
    expect(rulesChanged(null, withLimit('d', 'd.onnx', '50%'))).toEqual([]);
  });

  test('of what is measured has its own name, since it is in effect at once', () => {
    const found = findings(
      'models: { d: { path: d.onnx } }',
      'models: { d: { path: d.onnx, benchmark: { budget: 1s }, dims: { n: [8] }, cases: c } }\nruntime: { version: 1.20.0 }',
    );
    expect(found.map(({ code }) => code)).toEqual(['MEASUREMENT_CHANGED']);
    expect(found[0]?.message).toContain(
      'runtime.version 1.30.0 → 1.20.0, models.d.benchmark.budget 30s → 1s, models.d.dims none → {n: [8]}, models.d.cases none → c.',
    );
  });

  test('a model taken out of the list is named; a renamed or moved one is not', () => {
    const base = 'models: { a: { path: a.onnx }, b: { path: b.onnx }, c: { path: c.onnx } }';
    const found = findings(base, 'models: { a: { path: moved.onnx }, renamed: { path: b.onnx } }');
    expect(found.map(({ code, message }) => `${code} ${message}`)).toEqual([
      'MODEL_UNCONFIGURED quickserveml.yml no longer lists what the base commit checks: models.c.',
    ]);
  });

  test('dropping the list for discovery compares with the defaults', () => {
    const found = rulesChanged(withLimit('d', 'd.onnx', '2%'), defaultConfig());
    expect(found[0]?.message).toContain('models.d.policy.latency.max-regression 2% → 5%');
  });
});
