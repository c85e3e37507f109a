import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  buildModel,
  type GraphSpec,
  type ModelSpec,
  node,
  tensor,
  tensorValue,
} from '../../../fixtures/generator/onnx-writer.ts';
import { compareInterfaces } from '../../../src/contract/compare-interfaces.ts';
import type { ContractChange, ContractComparison } from '../../../src/contract/comparison.ts';
import { compareWithContract, contractOf } from '../../../src/contract/contract-file.ts';
import { inspectModel } from '../../../src/model/model-inspection.ts';
import { interfaceOf } from '../../../src/model/model-interface.ts';
import { readModel } from '../../../src/model/model-reader.ts';
import { projectRoot } from '../../support/requirements.ts';

/** Every rule of docs/contracts.md on a pair of real model files, as `check` sees them. */

type Change = Partial<GraphSpec> & {
  readonly opsets?: ModelSpec['opsets'];
  readonly metadata?: Readonly<Record<string, string>>;
};

const x = tensorValue('x', 'float32', ['N', 3]);
const y = tensorValue('y', 'float32', ['N', 3]);
const mask = tensorValue('mask', 'float32', ['N', 3]);
const second = tensorValue('z', 'float32', ['N', 3]);
const maskDefault = tensor('mask', 'float32', [1, 3], [0, 0, 0]);
const relu = node('Relu', ['x'], ['y']);
const addMask = node('Add', ['x', 'mask'], ['y']);
const withMask: Change = { inputs: [x, mask], nodes: [addMask] };
const withOptionalMask: Change = { ...withMask, initializers: [maskDefault] };
const twoOutputs: Change = { outputs: [y, second], nodes: [relu, node('Neg', ['x'], ['z'])] };
const inputOf = (
  shape: Parameters<typeof tensorValue>[2],
  dtype: Parameters<typeof tensorValue>[1] = 'float32',
): Change => ({
  inputs: [tensorValue('x', dtype, shape)],
});

const PAIRS: Readonly<
  Record<
    string,
    { readonly base: Change; readonly candidate: Change; readonly effect: ContractChange['effect'] }
  >
> = {
  'input-added': { base: {}, candidate: withMask, effect: 'breaking' },
  'optional-input-added': { base: {}, candidate: withOptionalMask, effect: 'compatible' },
  'input-removed': { base: withMask, candidate: {}, effect: 'breaking' },
  'optional-input-removed': { base: withOptionalMask, candidate: {}, effect: 'breaking' },
  'input-renamed': {
    base: {},
    candidate: {
      inputs: [tensorValue('pixels', 'float32', ['N', 3])],
      nodes: [node('Relu', ['pixels'], ['y'])],
    },
    effect: 'breaking',
  },
  'input-made-optional': { base: withMask, candidate: withOptionalMask, effect: 'compatible' },
  'input-made-required': { base: withOptionalMask, candidate: withMask, effect: 'breaking' },
  'output-added': { base: {}, candidate: twoOutputs, effect: 'compatible' },
  'output-removed': { base: twoOutputs, candidate: {}, effect: 'breaking' },
  'output-renamed': {
    base: {},
    candidate: {
      outputs: [tensorValue('scores', 'float32', ['N', 3])],
      nodes: [node('Relu', ['x'], ['scores'])],
    },
    effect: 'breaking',
  },
  'output-order-changed': {
    base: twoOutputs,
    candidate: { ...twoOutputs, outputs: [second, y] },
    effect: 'breaking',
  },
  'kind-changed': {
    base: {},
    candidate: {
      outputs: [
        { name: 'y', type: { kind: 'sequence', element: { kind: 'tensor', dtype: 'float32', shape: null } } },
      ],
      nodes: [node('SequenceConstruct', ['x'], ['y'])],
    },
    effect: 'breaking',
  },
  'dtype-widened': {
    base: inputOf(['N', 3], 'int32'),
    candidate: inputOf(['N', 3], 'int64'),
    effect: 'breaking',
  },
  'dtype-changed': { base: inputOf(['N', 3]), candidate: inputOf(['N', 3], 'float16'), effect: 'breaking' },
  'rank-changed': { base: {}, candidate: inputOf(['N', 3, 1]), effect: 'breaking' },
  'rank-freed': { base: {}, candidate: inputOf(null), effect: 'compatible' },
  'rank-fixed': { base: inputOf(null), candidate: {}, effect: 'breaking' },
  'dimension-changed': { base: {}, candidate: inputOf(['N', 4]), effect: 'breaking' },
  'dimension-fixed': { base: {}, candidate: inputOf([1, 3]), effect: 'breaking' },
  'dimension-freed': { base: inputOf([1, 3]), candidate: {}, effect: 'compatible' },
  'symbol-renamed': { base: {}, candidate: inputOf(['batch', 3]), effect: 'compatible' },
  'opset-raised': { base: { opsets: { '': 17 } }, candidate: { opsets: { '': 18 } }, effect: 'compatible' },
  'opset-lowered': { base: { opsets: { '': 18 } }, candidate: { opsets: { '': 17 } }, effect: 'compatible' },
  'opset-added': { base: {}, candidate: { opsets: { '': 17, 'com.microsoft': 1 } }, effect: 'compatible' },
  'opset-removed': { base: { opsets: { '': 17, 'com.microsoft': 1 } }, candidate: {}, effect: 'compatible' },
  'opset-unsupported': { base: {}, candidate: { opsets: { '': 22 } }, effect: 'breaking' },
  'metadata-changed': {
    base: { metadata: { names: 'cat,dog' } },
    candidate: { metadata: { names: 'dog,cat' } },
    effect: 'breaking',
  },
  'metadata-removed': { base: { metadata: { names: 'cat,dog' } }, candidate: {}, effect: 'breaking' },
};
const NEEDS_A_FILE = ['opset-unsupported', 'metadata-changed', 'metadata-removed'];

const documented = [
  ...readFileSync(join(projectRoot, 'docs/contracts.md'), 'utf8').matchAll(/^### `([\w-]+)`$/gm),
].map(match => match[1] ?? '');

describe('the rules of docs/contracts.md', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'quickserveml-rules-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function write(name: string, change: Change): string {
    const { opsets, metadata, ...graph } = change;
    const path = join(folder, `${name}.onnx`);
    const spec = { graph: { name: 'g', inputs: [x], outputs: [y], nodes: [relu], ...graph } };
    writeFileSync(
      path,
      buildModel({
        ...spec,
        ...(opsets === undefined ? {} : { opsets }),
        ...(metadata === undefined ? {} : { metadata }),
      }),
    );
    return path;
  }

  async function compare(rule: string, base: string, candidate: string): Promise<ContractComparison> {
    const [before, after] = [readModel(base), readModel(candidate)].map(interfaceOf);
    if (before === undefined || after === undefined) throw new Error('two models were read');
    if (!NEEDS_A_FILE.includes(rule)) return compareInterfaces(before, after);
    const { metadata } = await inspectModel(base);
    const contract = {
      ...contractOf({ interface: before, metadata }, null),
      metadata,
      maxOpsets: { 'ai.onnx': 21 },
    };
    return compareWithContract(contract, {
      interface: after,
      metadata: (await inspectModel(candidate)).metadata,
    });
  }

  it('all have a pair of models here, and every pair is of a documented rule', () => {
    expect(Object.keys(PAIRS).toSorted()).toEqual(documented.toSorted());
  });

  for (const [rule, { base, candidate, effect }] of Object.entries(PAIRS)) {
    it(`find ${rule} in a pair of model files: ${effect}`, async () => {
      const comparison = await compare(
        rule,
        write(`${rule}-base`, base),
        write(`${rule}-candidate`, candidate),
      );
      expect(comparison.changes.map(change => [change.rule, change.effect])).toContainEqual([rule, effect]);
      expect(comparison.bump).toBe(comparison.kind === 'breaking' ? 'major' : 'minor');
      if (effect === 'breaking') expect(comparison.kind).toBe('breaking');
    });
  }
});
