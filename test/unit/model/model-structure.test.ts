import { describe, expect, it } from 'vitest';
import { attribute, node, tensor, tensorValue } from '../../../fixtures/generator/onnx-writer.ts';
import { bytesField } from '../../../fixtures/generator/protobuf-writer.ts';
import { describeStructure } from '../../../src/model/model-structure.ts';
import { renderStructure } from '../../../src/report/structure-text.ts';
import { read, smallModel } from '../../support/model-bytes.ts';

const body = (name: string) =>
  attribute.graph({
    name,
    inputs: [],
    outputs: [tensorValue('z', 'float32', [1])],
    nodes: [node('Neg', ['x'], ['z'])],
  });

describe('the structure of a model', () => {
  it('has nothing to say of an ordinary one', () => {
    const structure = describeStructure(read(smallModel()));
    expect(structure).toMatchObject({
      functions: [],
      subgraphs: [],
      optionalInputs: [],
      quantisation: null,
      trainingStepCount: 0,
    });
    expect(renderStructure(structure)).toBe('');
  });

  it('names subgraphs by the node and attribute that hold them', () => {
    const model = read(
      smallModel({
        nodes: [
          node('If', ['c'], ['y'], { then_branch: body('yes'), else_branch: body('no') }, { name: 'choice' }),
        ],
        initializers: [tensor('c', 'bool', [], [1])],
      }),
    );
    const { subgraphs, subgraphCount } = describeStructure(model);
    expect(subgraphCount).toBe(2);
    expect(subgraphs).toEqual([
      { place: 'choice.then_branch', name: 'yes', nodeCount: 1 },
      { place: 'choice.else_branch', name: 'no', nodeCount: 1 },
    ]);
  });

  it('tells overloads of a function apart, with their calls', () => {
    const overload = (name: string) => ({
      name: 'f',
      domain: 'own',
      overload: name,
      inputs: ['a'],
      outputs: ['b'],
      nodes: [node('Neg', ['a'], ['b'])],
    });
    const model = read(
      smallModel(
        {
          nodes: [
            { ...node('f', ['x'], ['m'], {}, { domain: 'own' }), overload: 'one' },
            { ...node('f', ['m'], ['y'], {}, { domain: 'own' }), overload: 'one' },
          ],
        },
        { functions: [overload('one'), overload('two')], opsets: { '': 17, own: 1 }, irVersion: 10 },
      ),
    );
    expect(describeStructure(model).functions).toEqual([
      { name: 'own:f:one', nodeCount: 1, calls: 2 },
      { name: 'own:f:two', nodeCount: 1, calls: 0 },
    ]);
  });

  it('finds optional inputs, sparse weights, training steps, and how it is quantised', () => {
    const model = read(
      smallModel(
        {
          inputs: [tensorValue('x', 'float32', ['N', 3]), tensorValue('w', 'float32', [3])],
          initializers: [tensor('w', 'float32', [3], [1, 2, 3])],
          sparseInitializers: [
            { values: tensor('s', 'float32', [1], [1]), indices: tensor('', 'int64', [1], [0]), dims: [4] },
          ],
          nodes: [node('DequantizeLinear', ['x', 'w'], ['d']), node('MatMulInteger', ['d', 'w'], ['y'])],
          valueInfos: [tensorValue('d', 'float32', [3])],
        },
        {
          domain: 'org.example',
          modelVersion: 7,
          docString: 'about the model',
          extraFields: bytesField(20, new Uint8Array()),
        },
      ),
    );
    const structure = describeStructure(model);
    expect(structure).toMatchObject({
      domain: 'org.example',
      modelVersion: 7,
      documentation: { model: 'about the model', graph: '' },
      optionalInputs: [{ name: 'w' }],
      sparseInitializerCount: 1,
      valueInfoCount: 1,
      trainingStepCount: 1,
      quantisation: 'QDQ and QOperator',
    });
    expect(renderStructure(structure)).toMatch(/Quantised {4}QDQ and QOperator/);
  });
});
