import { describe, expect, it } from 'vitest';
import {
  type ContractFile,
  type ContractSubject,
  compareWithContract,
  contractOf,
  parseContract,
  serialiseContract,
} from '../../../src/contract/contract-file.ts';
import { modelOf, tensor } from './payload-fixtures.ts';

const model = modelOf([tensor('image', 'float32', ['batch', 3])]);
const subject = (metadata: Record<string, string> = {}, of = model): ContractSubject => ({
  interface: of,
  metadata,
});
const contract: ContractFile = {
  ...contractOf(subject(), null),
  metadata: { names: 'cat,dog' },
  maxOpsets: { 'ai.onnx': 17 },
};
const rules = (to: ContractSubject, from = contract): readonly string[] =>
  compareWithContract(from, to).changes.map(({ effect, rule }) => `${effect} ${rule}`);

describe('contract file', () => {
  it('is kept by the model that it was written from', () => {
    expect(compareWithContract(contractOf(subject(), null), subject())).toEqual({
      kind: 'unchanged',
      bump: 'patch',
      changes: [],
    });
  });

  it('reads back what it writes', () => {
    expect(parseContract(serialiseContract(contract), 'c.json')).toEqual(contract);
  });

  it('is broken by an interface that breaks callers', () => {
    const other = modelOf([tensor('picture', 'int8', ['batch', 3])]);
    expect(compareWithContract(contract, subject({ names: 'cat,dog' }, other)).kind).toBe('breaking');
  });

  it('is broken where declared metadata is gone or another, and not by other metadata', () => {
    expect(rules(subject({ names: 'cat,dog', author: 'Ada' }))).toEqual([]);
    expect(rules(subject({ names: 'dog,cat' }))).toEqual(['breaking metadata-changed']);
    expect(rules(subject({}))).toEqual(['breaking metadata-removed']);
  });

  it("is broken by an opset above the deployment's runtime, also where it always had it", () => {
    const raised = { ...model, opsets: { 'ai.onnx': 18 } };
    const metadata = { names: 'cat,dog' };
    expect(rules(subject(metadata, raised))).toEqual(['breaking opset-unsupported']);
    const always = { ...contract, interface: raised };
    expect(rules(subject(metadata, raised), always)).toEqual(['breaking opset-unsupported']);
    expect(rules(subject(metadata))).toEqual([]);
  });

  it('keeps what was declared when it is written again', () => {
    const again = contractOf(subject({ names: 'cat,dog,cow', author: 'Ada' }), contract);
    expect(again).toMatchObject({ metadata: { names: 'cat,dog,cow' }, maxOpsets: { 'ai.onnx': 17 } });
  });

  it.each([
    ['no JSON', '{'],
    ['another version', '{"contractVersion": 2, "inputs": [], "outputs": []}'],
    ['nothing about outputs', '{"contractVersion": 1, "inputs": []}'],
    ['an unknown key', '{"contractVersion": 1, "inputs": [], "outputs": [], "output": []}'],
    [
      'a negative size',
      '{"contractVersion": 1, "inputs": [{"name": "x", "kind": "tensor", "dtype": "float32", "shape": [-1]}], "outputs": []}',
    ],
    [
      'an unknown dtype',
      '{"contractVersion": 1, "inputs": [{"name": "x", "kind": "tensor", "dtype": "float", "shape": []}], "outputs": []}',
    ],
    [
      'a name twice',
      '{"contractVersion": 1, "inputs": [{"name": "x", "kind": "tensor", "dtype": "bool", "shape": []}, {"name": "x", "kind": "tensor", "dtype": "bool", "shape": []}], "outputs": []}',
    ],
  ])('is refused with %s', (_, text) => {
    expect(() => parseContract(text, 'c.json')).toThrow(
      expect.objectContaining({ code: 'CONTRACT_FILE_INVALID' }),
    );
  });
});
