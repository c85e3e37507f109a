import { describe, expect, it } from 'vitest';
import {
  attribute,
  buildModel,
  encodeGraph,
  externalTensor,
  node,
  tensor,
  tensorValue,
} from '../../../fixtures/generator/onnx-writer.ts';
import { messageField } from '../../../fixtures/generator/protobuf-writer.ts';
import { inspectRead } from '../../../src/model/model-inspection.ts';
import { interfaceOf } from '../../../src/model/model-interface.ts';
import { read, smallModel } from '../../support/model-bytes.ts';

describe('reading a model', () => {
  it('keeps every kind of attribute', () => {
    const attributes = {
      f: attribute.float(0.5),
      i: attribute.int(2n ** 63n - 1n),
      s: attribute.string('text'),
      t: attribute.tensor(tensor('inner', 'int8', [2], [1, 2])),
      fs: attribute.floats([1, 2]),
      is: attribute.ints([-1, 2]),
      ss: attribute.strings(['a', 'b']),
      none: attribute.ints([]),
      tp: {
        kind: 'type',
        value: { kind: 'sequence', element: { kind: 'tensor', dtype: 'int64', shape: [2] } },
      },
    } as const;
    const model = read(smallModel({ nodes: [node('Neg', ['x'], ['y'], attributes)] }));
    const values = Object.fromEntries(
      model.graph.nodes[0]?.attributes.map(({ name, value }) => [name, value]) ?? [],
    );
    expect(values).toMatchObject({
      f: { kind: 'float', value: 0.5 },
      i: { kind: 'int', value: 2n ** 63n - 1n },
      s: { kind: 'string', value: 'text', sizeBytes: 4 },
      t: {
        kind: 'tensor',
        value: { name: 'inner', dtype: 'int8', dims: [2], elementCount: 2, sizeBytes: 2 },
      },
      fs: { kind: 'floats', count: 2, values: [1, 2] },
      is: { kind: 'ints', count: 2, values: [-1, 2] },
      ss: { kind: 'strings', count: 2, values: ['a', 'b'] },
      none: { kind: 'ints', count: 0, values: [] },
      tp: {
        kind: 'type',
        value: { kind: 'sequence', dtype: 'int64', shape: [2], type: 'seq(tensor(int64))' },
      },
    });
  });

  it('counts a long list without keeping it', () => {
    const ints = attribute.ints(Array.from({ length: 5000 }, (_, index) => index));
    const model = read(smallModel({ nodes: [node('Neg', ['x'], ['y'], { ints })] }));
    expect(model.graph.nodes[0]?.attributes[0]?.value).toEqual({ kind: 'ints', count: 5000, values: null });
  });

  it('locates payloads by offset so that they can be read later', () => {
    const bytes = smallModel({ initializers: [tensor('w', 'uint8', [4], [11, 22, 33, 44])] });
    const payload = read(bytes).graph.initializers[0]?.payload;
    if (payload?.kind !== 'raw') throw new Error('The payload is not raw.');
    expect([...bytes.subarray(payload.offset, payload.offset + payload.sizeBytes)]).toEqual([11, 22, 33, 44]);
  });

  it('packs types under one byte', () => {
    const model = read(smallModel({ initializers: [tensor('w', 'int4', [5], [1, 2, 3, 4, 5])] }));
    expect(model.findings).toEqual([]);
    expect(model.graph.initializers[0]).toMatchObject({ elementCount: 5, sizeBytes: 3 });
  });

  it('lists an input with an initializer as optional, and not at all before IR version 4', () => {
    const graph = {
      nodes: [node('Add', ['x', 'bias'], ['y'])],
      inputs: [tensorValue('x', 'float32', [1]), tensorValue('bias', 'float32', [1])],
      initializers: [tensor('bias', 'float32', [1], [0])],
    };
    const modern = interfaceOf(read(smallModel(graph, { irVersion: 8 })));
    expect(modern.inputs.map(({ name }) => name)).toEqual(['x']);
    expect(modern.optionalInputs.map(({ name }) => name)).toEqual(['bias']);
    expect(interfaceOf(read(smallModel(graph, { irVersion: 3 }))).optionalInputs).toEqual([]);
  });

  it('counts nodes of subgraphs and functions, each once', () => {
    const branch = (name: string) =>
      attribute.graph({
        name,
        inputs: [],
        outputs: [tensorValue('b', 'float32', [1])],
        nodes: [node('Neg', ['x'], ['b'])],
      });
    const model = read(
      buildModel({
        opsets: { '': 17, mine: 1 },
        graph: {
          name: 'main',
          inputs: [tensorValue('which', 'bool', []), tensorValue('x', 'float32', [1])],
          outputs: [tensorValue('y', 'float32', [1])],
          nodes: [
            node('If', ['which'], ['a'], { then_branch: branch('then'), else_branch: branch('else') }),
            node('twice', ['a'], ['b'], {}, { domain: 'mine' }),
            node('twice', ['b'], ['y'], {}, { domain: 'mine' }),
          ],
        },
        functions: [
          {
            name: 'twice',
            domain: 'mine',
            inputs: ['p'],
            outputs: ['q'],
            nodes: [node('Add', ['p', 'p'], ['q'])],
            opsets: { '': 17 },
          },
        ],
      }),
    );
    const inspection = inspectRead(model, null);
    expect(inspection).toMatchObject({ nodeCount: 3, subgraphNodeCount: 3, functionCount: 1, findings: [] });
    expect({ ...inspection.operators }).toEqual({ 'mine:twice': 2, Neg: 2, Add: 1, If: 1 });
  });

  it('reads where external data is', () => {
    const model = read(
      smallModel({ initializers: [externalTensor('w', 'float32', [2], 'w.bin', { offset: 8, length: 8 })] }),
    );
    expect(model.graph.initializers[0]?.payload).toEqual({
      kind: 'external',
      location: 'w.bin',
      offset: 8,
      sizeBytes: 8,
      checksum: null,
    });
  });

  it('keeps names that are properties of every object', () => {
    const model = read(
      smallModel(
        {
          nodes: [node('__proto__', ['__proto__'], ['constructor'])],
          inputs: [tensorValue('__proto__', 'float32', [1])],
          outputs: [tensorValue('constructor', 'float32', [1])],
        },
        {
          metadata: Object.fromEntries([['__proto__', 'value']]),
          opsets: [
            ['', 17],
            ['__proto__', 3],
          ],
        },
      ),
    );
    const inspection = JSON.parse(JSON.stringify(inspectRead(model, null))) as Record<string, object>;
    expect(inspection['inputs']).toMatchObject([{ name: '__proto__' }]);
    expect(Object.keys(inspection['operators'] ?? {})).toEqual(['__proto__']);
    expect(Object.keys(inspection['metadata'] ?? {})).toEqual(['__proto__']);
    expect(Object.entries(inspection['opsets'] ?? {})).toEqual([
      ['ai.onnx', 17],
      ['__proto__', 3],
    ]);
  });

  it('gives the same facts through a window as from memory, whatever lies at its edges', () => {
    const initializers = Array.from({ length: 300 }, (_, index) =>
      tensor(
        `weights_of_layer_${index}`,
        'float32',
        [1 + ((index * 37) % 900)],
        new Float32Array(1 + ((index * 37) % 900)),
      ),
    );
    const names = new Set(read(smallModel({ initializers })).graph.initializers.map(({ name }) => name));
    expect(names.size).toBe(300);
    expect(names.has('weights_of_layer_299')).toBe(true);
  });

  it('reads training information and says that it is there', () => {
    const algorithm = messageField(2, [
      encodeGraph({ name: 'step', nodes: [node('Neg', ['x'], ['loss'])], inputs: [], outputs: [] }),
    ]);
    const model = read(smallModel({}, { extraFields: messageField(20, [algorithm]) }));
    expect(model.trainingInfo).toMatchObject([{ initialization: null, algorithm: { name: 'step' } }]);
    expect(inspectRead(model, null).findings).toMatchObject([
      { code: 'MODEL_TRAINING_INFO', severity: 'info' },
    ]);
  });
});
