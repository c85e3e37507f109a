import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareInterfaces } from '../../../src/contract/compare-interfaces.ts';
import type { ContractChange } from '../../../src/contract/comparison.ts';
import type { Dtype, ModelInterface, ValueInfo } from '../../../src/model/inspection.ts';
import { projectRoot } from '../../support/requirements.ts';

const value = (name: string, shape: ValueInfo['shape'] = ['N', 3], dtype: Dtype = 'float32'): ValueInfo => ({
  name,
  kind: 'tensor',
  dtype,
  shape,
});
const sequence = (name: string, dtype: Dtype = 'float32'): ValueInfo => ({
  name,
  kind: 'sequence',
  dtype,
  shape: null,
  type: `seq(tensor(${dtype === 'float32' ? 'float' : 'double'}))`,
});
const withInterface = (parts: Partial<ModelInterface> = {}): ModelInterface => ({
  inputs: [value('x')],
  outputs: [value('y')],
  optionalInputs: [],
  opsets: { 'ai.onnx': 17 },
  ...parts,
});

type Expected = readonly [rule: string, effect: ContractChange['effect']];

interface RuleCase {
  readonly what: string;
  readonly base: Partial<ModelInterface>;
  readonly candidate: Partial<ModelInterface>;
  /** From base to candidate, and from candidate to base. */
  readonly forward: Expected;
  readonly backward: Expected;
}

const shapes = (side: 'inputs' | 'outputs', before: ValueInfo['shape'], after: ValueInfo['shape']) => ({
  base: { [side]: [value('v', before)] },
  candidate: { [side]: [value('v', after)] },
});
const dtypes = (side: 'inputs' | 'outputs', before: Dtype, after: Dtype) => ({
  base: { [side]: [value('v', [1], before)] },
  candidate: { [side]: [value('v', [1], after)] },
});

const CASES: readonly RuleCase[] = [
  {
    what: 'a required input that is new or gone',
    base: {},
    candidate: { inputs: [value('x'), value('mask', ['N'], 'int64')] },
    forward: ['input-added', 'breaking'],
    backward: ['input-removed', 'breaking'],
  },
  {
    what: 'an optional input that is new or gone',
    base: {},
    candidate: { optionalInputs: [value('threshold', [])] },
    forward: ['optional-input-added', 'compatible'],
    backward: ['optional-input-removed', 'breaking'],
  },
  {
    what: 'an output that is new or gone',
    base: {},
    candidate: { outputs: [value('y'), value('embedding', ['N', 512])] },
    forward: ['output-added', 'compatible'],
    backward: ['output-removed', 'breaking'],
  },
  {
    what: 'a renamed input',
    base: { inputs: [value('pixels')] },
    candidate: { inputs: [value('image')] },
    forward: ['input-renamed', 'breaking'],
    backward: ['input-renamed', 'breaking'],
  },
  {
    what: 'a renamed output',
    base: { outputs: [value('scores')] },
    candidate: { outputs: [value('logits')] },
    forward: ['output-renamed', 'breaking'],
    backward: ['output-renamed', 'breaking'],
  },
  {
    what: 'an input that gets or loses its default',
    base: { inputs: [value('x'), value('threshold', [])] },
    candidate: { optionalInputs: [value('threshold', [])] },
    forward: ['input-made-optional', 'compatible'],
    backward: ['input-made-required', 'breaking'],
  },
  {
    what: 'outputs in another order',
    base: { outputs: [value('label', ['N'], 'int64'), value('scores')] },
    candidate: { outputs: [value('scores'), value('label', ['N'], 'int64')] },
    forward: ['output-order-changed', 'breaking'],
    backward: ['output-order-changed', 'breaking'],
  },
  {
    what: 'a tensor that became a sequence',
    base: { outputs: [value('y', null)] },
    candidate: { outputs: [sequence('y')] },
    forward: ['kind-changed', 'breaking'],
    backward: ['kind-changed', 'breaking'],
  },
  {
    what: 'a wider input',
    ...dtypes('inputs', 'int32', 'int64'),
    forward: ['dtype-widened', 'breaking'],
    backward: ['dtype-changed', 'breaking'],
  },
  {
    what: 'a wider output',
    ...dtypes('outputs', 'float16', 'float32'),
    forward: ['dtype-widened', 'breaking'],
    backward: ['dtype-changed', 'breaking'],
  },
  {
    what: 'an unrelated dtype',
    ...dtypes('inputs', 'float32', 'string'),
    forward: ['dtype-changed', 'breaking'],
    backward: ['dtype-changed', 'breaking'],
  },
  {
    what: 'another rank of an input',
    ...shapes('inputs', [1, 2], [1, 2, 3]),
    forward: ['rank-changed', 'breaking'],
    backward: ['rank-changed', 'breaking'],
  },
  {
    what: 'another rank of an output',
    ...shapes('outputs', [1, 2], []),
    forward: ['rank-changed', 'breaking'],
    backward: ['rank-changed', 'breaking'],
  },
  {
    what: 'a rank of an input that is free now',
    ...shapes('inputs', [1, 2], null),
    forward: ['rank-freed', 'compatible'],
    backward: ['rank-fixed', 'breaking'],
  },
  {
    what: 'a rank of an output that is free now',
    ...shapes('outputs', [1, 2], null),
    forward: ['rank-freed', 'breaking'],
    backward: ['rank-fixed', 'compatible'],
  },
  {
    what: 'another fixed size of an input',
    ...shapes('inputs', ['N', 224], ['N', 256]),
    forward: ['dimension-changed', 'breaking'],
    backward: ['dimension-changed', 'breaking'],
  },
  {
    what: 'another fixed size of an output',
    ...shapes('outputs', ['N', 10], ['N', 12]),
    forward: ['dimension-changed', 'breaking'],
    backward: ['dimension-changed', 'breaking'],
  },
  {
    what: 'a size of an input that is fixed now',
    ...shapes('inputs', ['N', 3], [1, 3]),
    forward: ['dimension-fixed', 'breaking'],
    backward: ['dimension-freed', 'compatible'],
  },
  {
    what: 'a size of an output that is fixed now',
    ...shapes('outputs', [null, 3], [1, 3]),
    forward: ['dimension-fixed', 'compatible'],
    backward: ['dimension-freed', 'breaking'],
  },
  {
    what: 'another symbol',
    ...shapes('inputs', ['N', 3], ['batch', 3]),
    forward: ['symbol-renamed', 'compatible'],
    backward: ['symbol-renamed', 'compatible'],
  },
  {
    what: 'a symbol that lost its name',
    ...shapes('outputs', ['N', 3], [null, 3]),
    forward: ['symbol-renamed', 'compatible'],
    backward: ['symbol-renamed', 'compatible'],
  },
  {
    what: 'a higher opset',
    base: {},
    candidate: { opsets: { 'ai.onnx': 20 } },
    forward: ['opset-raised', 'compatible'],
    backward: ['opset-lowered', 'compatible'],
  },
  {
    what: 'another operator domain',
    base: {},
    candidate: { opsets: { 'ai.onnx': 17, 'com.microsoft': 1 } },
    forward: ['opset-added', 'compatible'],
    backward: ['opset-removed', 'compatible'],
  },
];

const rulesOf = (base: ModelInterface, candidate: ModelInterface): readonly Expected[] =>
  compareInterfaces(base, candidate).changes.map(({ rule, effect }) => [rule, effect] as const);

describe('comparing two interfaces', () => {
  it.each(CASES)('$what has one rule each way', ({ base, candidate, forward, backward }) => {
    expect(rulesOf(withInterface(base), withInterface(candidate))).toEqual([forward]);
    expect(rulesOf(withInterface(candidate), withInterface(base))).toEqual([backward]);
  });

  it('derives kind and bump from the worst change', () => {
    const base = withInterface();
    expect(compareInterfaces(base, base)).toEqual({ kind: 'unchanged', bump: 'patch', changes: [] });
    expect(compareInterfaces(base, withInterface({ opsets: { 'ai.onnx': 18 } }))).toMatchObject({
      kind: 'compatible',
      bump: 'minor',
    });
    expect(compareInterfaces(base, withInterface({ opsets: { 'ai.onnx': 18 }, outputs: [] }))).toMatchObject({
      kind: 'breaking',
      bump: 'major',
    });
  });

  it('takes two inputs of one type that swapped names for what they are: the same', () => {
    const base = withInterface({ inputs: [value('a'), value('b')] });
    expect(rulesOf(base, withInterface({ inputs: [value('b'), value('a')] }))).toEqual([]);
  });

  it('tells two renamed inputs of one type apart by position', () => {
    const base = withInterface({ inputs: [value('ids', ['N'], 'int64'), value('mask', ['N'], 'int64')] });
    const candidate = withInterface({
      inputs: [value('input_ids', ['N'], 'int64'), value('attention', ['N'], 'int64')],
    });
    expect(
      compareInterfaces(base, candidate).changes.map(({ name, candidate: after }) => [name, after?.name]),
    ).toEqual([
      ['ids', 'input_ids'],
      ['mask', 'attention'],
    ]);
  });

  it('does not call it renamed where the type is another one', () => {
    const rules = rulesOf(withInterface(), withInterface({ inputs: [value('z', ['N', 4])] }));
    expect(rules).toEqual([
      ['input-added', 'breaking'],
      ['input-removed', 'breaking'],
    ]);
  });

  it('says every change of one value, with the value in both models and a sentence', () => {
    const base = withInterface({ inputs: [value('x', [1, 3, 224])] });
    const candidate = withInterface({ inputs: [value('x', ['N', 3, 256], 'float16')] });
    const { changes } = compareInterfaces(base, candidate);
    expect(changes.map(({ rule }) => rule)).toEqual([
      'dtype-changed',
      'dimension-changed',
      'dimension-freed',
    ]);
    expect(changes[1]).toMatchObject({
      side: 'input',
      name: 'x',
      base: base.inputs[0],
      candidate: candidate.inputs[0],
      message: 'Input "x" has axis 2 256 instead of 224: a size that was fixed is another one.',
    });
  });

  it('breaks on an opset that the deployment does not know', () => {
    const candidate = withInterface({ opsets: { 'ai.onnx': 22 } });
    expect(
      compareInterfaces(withInterface(), candidate, { maxOpsets: { 'ai.onnx': 21 } }).changes,
    ).toMatchObject([{ rule: 'opset-unsupported', effect: 'breaking', side: 'model', name: 'ai.onnx' }]);
    expect(compareInterfaces(candidate, candidate, { maxOpsets: { 'ai.onnx': 21 } }).kind).toBe('unchanged');
  });

  it('is not confused by names that every object has', () => {
    const opsets = JSON.parse('{"__proto__": 3, "constructor": 1}') as Record<string, number>;
    const base = withInterface({ inputs: [value('__proto__'), value('constructor')], opsets: {} });
    const candidate = withInterface({ inputs: [value('__proto__'), value('constructor')], opsets });
    expect(compareInterfaces(base, candidate).changes.map(({ rule, name }) => [rule, name])).toEqual([
      ['opset-added', '__proto__'],
      ['opset-added', 'constructor'],
    ]);
  });

  it('documents every rule with an example', () => {
    const documented = readFileSync(resolve(projectRoot, 'docs/contracts.md'), 'utf8');
    const rules = new Set([
      'opset-unsupported',
      ...CASES.flatMap(({ forward, backward }) => [forward[0], backward[0]]),
    ]);
    for (const rule of rules) expect(documented, rule).toContain(`### \`${rule}\``);
  });
});
