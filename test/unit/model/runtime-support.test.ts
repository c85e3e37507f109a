import { describe, expect, it } from 'vitest';
import { attribute, node, type TypeSpec, tensorValue } from '../../../fixtures/generator/onnx-writer.ts';
import { predictSupport } from '../../../src/model/runtime-support.ts';
import { read, smallModel } from '../../support/model-bytes.ts';

const messagesOf = (bytes: Uint8Array): readonly string[] =>
  predictSupport(read(bytes)).map(({ code, message }) => `${code}: ${message}`);

const output = (type: TypeSpec) => smallModel({ outputs: [{ name: 'y', type }] });

describe('what the runtime cannot do', () => {
  it('is nothing for an ordinary model', () => {
    expect(messagesOf(smallModel())).toEqual([]);
  });

  it.each([
    ['RUNTIME_UNSUPPORTED_IR', 'IR version 14', smallModel({}, { irVersion: 14 })],
    ['RUNTIME_UNSUPPORTED_OPSET', 'opset 27 of "ai.onnx"', smallModel({}, { opsets: { '': 27 } })],
    [
      'RUNTIME_UNSUPPORTED_OPSET',
      'opset 6 of "ai.onnx.ml"',
      smallModel({}, { opsets: { '': 17, 'ai.onnx.ml': 6 } }),
    ],
    [
      'RUNTIME_UNSUPPORTED_DOMAIN',
      'Node "n" (my.ops:Fast)',
      smallModel({ nodes: [node('Fast', ['x'], ['y'], {}, { name: 'n', domain: 'my.ops' })] }),
    ],
    [
      'RUNTIME_UNSUPPORTED_OPERATOR',
      'lacks the attribute "to"',
      smallModel({ nodes: [node('Cast', ['x'], ['y'])] }),
    ],
    [
      'RUNTIME_UNSUPPORTED_DTYPE',
      'Input "x" is bfloat16',
      smallModel({ inputs: [tensorValue('x', 'bfloat16', [1])] }),
    ],
    [
      'RUNTIME_UNSUPPORTED_DTYPE',
      'aborts the process',
      output({ kind: 'tensor', dtype: 'uint4', shape: [1] }),
    ],
    [
      'RUNTIME_UNSUPPORTED_DTYPE',
      '(of node "negate" (Neg)) is float8e5m2',
      output({ kind: 'tensor', dtype: 'float8e5m2', shape: [1] }),
    ],
    [
      'RUNTIME_UNSUPPORTED_TYPE',
      'seq(tensor(float))',
      output({ kind: 'sequence', element: { kind: 'tensor', dtype: 'float32', shape: null } }),
    ],
    [
      'RUNTIME_UNSUPPORTED_TYPE',
      'map(int64,tensor(float))',
      output({ kind: 'map', key: 'int64', value: { kind: 'tensor', dtype: 'float32', shape: null } }),
    ],
    [
      'RUNTIME_UNSUPPORTED_TYPE',
      'may crash',
      output({ kind: 'optional', element: { kind: 'tensor', dtype: 'float32', shape: null } }),
    ],
    [
      'RUNTIME_UNSUPPORTED_TYPE',
      'sparse_tensor(float)',
      output({ kind: 'sparse_tensor', dtype: 'float32', shape: [1] }),
    ],
  ])('is said: %s, %s', (code, text, bytes) => {
    const messages = messagesOf(bytes);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain(code);
    expect(messages[0]).toContain(text);
  });

  it('is found in subgraphs and functions too', () => {
    const foreign = node('Fast', ['x'], ['b'], {}, { domain: 'my.ops' });
    const branch = attribute.graph({
      name: 'branch',
      inputs: [],
      outputs: [tensorValue('b', 'float32', [1])],
      nodes: [foreign],
    });
    const inSubgraph = smallModel({
      nodes: [node('If', ['x'], ['y'], { then_branch: branch, else_branch: branch })],
    });
    expect(messagesOf(inSubgraph)).toHaveLength(2);
    const inFunction = smallModel(
      { nodes: [node('mine', ['x'], ['y'], {}, { domain: 'd' })] },
      {
        opsets: { '': 17, d: 1 },
        functions: [{ name: 'mine', domain: 'd', inputs: ['x'], outputs: ['b'], nodes: [foreign] }],
      },
    );
    expect(messagesOf(inFunction)).toHaveLength(1);
  });

  it('does not count functions that the model defines as unknown operators', () => {
    const bytes = smallModel(
      { nodes: [node('mine', ['x'], ['y'], {}, { domain: 'd' })] },
      {
        opsets: { '': 17, d: 1 },
        functions: [
          { name: 'mine', domain: 'd', inputs: ['x'], outputs: ['b'], nodes: [node('Neg', ['x'], ['b'])] },
        ],
      },
    );
    expect(messagesOf(bytes)).toEqual([]);
  });
});
