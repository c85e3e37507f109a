import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildBillionLaughs, buildNestedGraphs } from '../../../fixtures/generator/hostile-models.ts';
import {
  attribute,
  externalTensor,
  node,
  tensor,
  tensorValue,
} from '../../../fixtures/generator/onnx-writer.ts';
import {
  bytesField,
  bytesFieldHeader,
  concatBytes,
  textField,
  varintField,
} from '../../../fixtures/generator/protobuf-writer.ts';
import { inspectRead } from '../../../src/model/model-inspection.ts';
import { QuickServeError } from '../../../src/shared/errors.ts';
import { errorOf, read, smallModel } from '../../support/model-bytes.ts';

const findingsOf = (bytes: Uint8Array) => inspectRead(read(bytes), null).findings;
const codesOf = (bytes: Uint8Array): readonly string[] => findingsOf(bytes).map(({ code }) => code);

describe('a model that is cut off', () => {
  const whole = smallModel(
    {
      initializers: [tensor('w', 'float32', [2], [1, 2])],
      nodes: [node('Neg', ['x'], ['y'], { a: attribute.ints([1, 2]) })],
    },
    { docString: 'documentation', metadata: { key: 'value' } },
  );

  it('ends at every byte in a coded error, or in a finding where a field boundary hides the cut', () => {
    for (let size = 0; size < whole.length; size += 1) {
      let codes: readonly string[];
      try {
        codes = codesOf(whole.subarray(0, size));
      } catch (error) {
        expect(error, `cut at ${size}`).toBeInstanceOf(QuickServeError);
        expect(['MODEL_EMPTY', 'MODEL_TRUNCATED', 'MODEL_NOT_ONNX']).toContain(
          (error as QuickServeError).code,
        );
        continue;
      }
      // Only metadata, which is optional, can go missing without a trace: its last field stands at the end.
      const isWithoutMetadata = size === whole.length - metadataBytes;
      expect(isWithoutMetadata ? [] : codes, `cut at ${size}`).toEqual(
        isWithoutMetadata ? codes : ['MODEL_OPSET_MISSING'],
      );
    }
  });

  const metadataBytes =
    whole.length -
    smallModel(
      {
        initializers: [tensor('w', 'float32', [2], [1, 2])],
        nodes: [node('Neg', ['x'], ['y'], { a: attribute.ints([1, 2]) })],
      },
      { docString: 'documentation' },
    ).length;
});

describe('a damaged model', () => {
  const damage = (field: Uint8Array): Uint8Array => concatBytes([varintField(1, 8), field]);

  it.each([
    ['field number 0', damage(Uint8Array.of(0x00, 0x01)), /number 0/],
    [
      'a number of more than ten bytes',
      damage(Uint8Array.of(0x28, ...Array<number>(11).fill(0x80), 1)),
      /64 bits/,
    ],
    [
      'a field number beyond 32 bits',
      damage(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0x01)),
      /field number/,
    ],
    ['a group', damage(Uint8Array.of(0x0b)), /wire type 3/],
    ['wire type 7', damage(Uint8Array.of(0x0f)), /wire type 7/],
    ['a graph as a number', damage(varintField(7, 1)), /graph.*wire type 0/],
    ['a producer version as a number', damage(varintField(3, 1)), /producer_version/],
    ['two models in a row', concatBytes([smallModel(), smallModel()]), /twice/],
    ['a name with NUL', smallModel({ name: 'a\0b' }), /NUL/],
    ['a name that is not UTF-8', smallModel({ name: Uint8Array.of(0xff, 0xfe) }), /UTF-8/],
    [
      'a node that is longer than its graph',
      damage(bytesField(7, concatBytes([bytesFieldHeader(1, 9)]))),
      /9 bytes.*0 are left/,
    ],
    [
      'an attribute of two types',
      smallModel({
        nodes: [],
        extraFields: bytesField(
          1,
          bytesField(5, concatBytes([textField(1, 'a'), varintField(3, 1), textField(4, 'x')])),
        ),
      }),
      /more than one type/,
    ],
  ])('with %s is refused with the offset', (_, bytes, message) => {
    const error = errorOf(() => read(bytes));
    expect(error.code).toBe('MODEL_MALFORMED');
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/byte \d+/);
    expect(error.hint).not.toBe('');
  });

  it.each([
    ['a name of a megabyte', smallModel({ name: 'n'.repeat(1_000_000) }), /1000000 bytes/],
    ['a nesting bomb', buildNestedGraphs(60), /nested/],
    [
      'a tensor of a thousand dimensions',
      smallModel({ initializers: [tensor('w', 'float32', Array<number>(1000).fill(1), [1])] }),
      /dimensions/,
    ],
    [
      'a million nodes',
      smallModel({ extraFields: new Uint8Array(2_000_000).map((_, index) => (index % 2 === 0 ? 0x0a : 0)) }),
      /nodes/,
    ],
  ])('with %s is over a limit', (_, bytes, message) => {
    const error = errorOf(() => read(bytes));
    expect(error.code).toBe('MODEL_LIMIT');
    expect(error.message).toMatch(message);
  });

  it.each([
    [
      'a tensor',
      concatBytes([
        varintField(1, 2),
        varintField(2, 1),
        textField(8, 'x'),
        bytesField(9, new Uint8Array(8)),
      ]),
      /TensorProto/,
    ],
    ['a bare graph', bytesField(1, textField(4, 'Relu')), /GraphProto/],
    ['a message without any known field', varintField(90, 1), /without the fields/],
  ])('that is another protobuf message, %s, is named', (_, bytes, message) => {
    const error = errorOf(() => read(bytes));
    expect(error.code).toBe('MODEL_NOT_ONNX');
    expect(error.message).toMatch(message);
  });
});

describe('a model that is wrong but readable', () => {
  it.each([
    ['IR version 0', smallModel({}, { irVersion: 0 }), 'MODEL_IR_VERSION', 'warning'],
    ['no IR version', smallModel({}, { irVersion: null }), 'MODEL_IR_VERSION', 'warning'],
    [
      'an opset imported twice',
      smallModel(
        {},
        {
          opsets: [
            ['', 17],
            ['ai.onnx', 18],
          ],
        },
      ),
      'MODEL_OPSET_DUPLICATE',
      'warning',
    ],
    ['opset version 0', smallModel({}, { opsets: [['', 0]] }), 'MODEL_OPSET_VERSION', 'error'],
    ['no opset', smallModel({}, { opsets: [] }), 'MODEL_OPSET_MISSING', 'error'],
    [
      'a duplicate initializer',
      smallModel({ initializers: [tensor('w', 'int8', [1], [1]), tensor('w', 'int8', [1], [2])] }),
      'MODEL_DUPLICATE_NAME',
      'warning',
    ],
    [
      'a duplicate output',
      smallModel({ outputs: [tensorValue('y', 'float32', [1]), tensorValue('y', 'int8', [2])] }),
      'MODEL_DUPLICATE_NAME',
      'warning',
    ],
    [
      'a value defined twice',
      smallModel({ nodes: [node('Neg', ['x'], ['y']), node('Abs', ['x'], ['y'])] }),
      'MODEL_DUPLICATE_NAME',
      'error',
    ],
    [
      'an undefined input of a node',
      smallModel({ nodes: [node('Add', ['x', 'nowhere'], ['y'])] }),
      'MODEL_VALUE_UNDEFINED',
      'error',
    ],
    [
      'an undefined output',
      smallModel({ outputs: [tensorValue('nowhere', 'float32', [1])] }),
      'MODEL_VALUE_UNDEFINED',
      'error',
    ],
    [
      'a cycle',
      smallModel({
        nodes: [node('Add', ['x', 'b'], ['a']), node('Neg', ['a'], ['b']), node('Neg', ['b'], ['y'])],
      }),
      'MODEL_CYCLE',
      'error',
    ],
    [
      'nodes out of order',
      smallModel({ nodes: [node('Neg', ['a'], ['y']), node('Neg', ['x'], ['a'])] }),
      'MODEL_NOT_SORTED',
      'warning',
    ],
    [
      'a node without operator',
      smallModel({ nodes: [node('', ['x'], ['y'])] }),
      'MODEL_NODE_WITHOUT_OPERATOR',
      'error',
    ],
    [
      'a negative dimension of a tensor',
      smallModel({
        initializers: [
          { name: 'w', dtype: 'float32', dims: [-1], content: { kind: 'bytes', bytes: new Uint8Array(4) } },
        ],
      }),
      'MODEL_DIMENSION',
      'error',
    ],
    [
      'dimensions that overflow',
      smallModel({
        initializers: [
          {
            name: 'w',
            dtype: 'float32',
            dims: [2n ** 40n, 2n ** 40n],
            content: { kind: 'bytes', bytes: new Uint8Array(4) },
          },
        ],
      }),
      'MODEL_DIMENSION',
      'error',
    ],
    [
      'a negative dimension of an input',
      smallModel({ inputs: [tensorValue('x', 'float32', [-1, 3])] }),
      'MODEL_DIMENSION',
      'warning',
    ],
    [
      'raw data that is too short',
      smallModel({
        initializers: [
          { name: 'w', dtype: 'float32', dims: [2], content: { kind: 'bytes', bytes: new Uint8Array(4) } },
        ],
      }),
      'MODEL_TENSOR_SIZE',
      'error',
    ],
    [
      'raw data that is too long',
      smallModel({
        initializers: [
          { name: 'w', dtype: 'int4', dims: [3], content: { kind: 'bytes', bytes: new Uint8Array(3) } },
        ],
      }),
      'MODEL_TENSOR_SIZE',
      'error',
    ],
    [
      'typed data that is too short',
      smallModel({
        initializers: [
          { name: 'w', dtype: 'int32', dims: [3], content: { kind: 'values', values: [1], fields: true } },
        ],
      }),
      'MODEL_TENSOR_SIZE',
      'error',
    ],
    [
      'an unknown element type',
      smallModel({
        initializers: [
          { name: 'w', dtype: 99, dims: [1], content: { kind: 'bytes', bytes: new Uint8Array(4) } },
        ],
      }),
      'MODEL_DTYPE_UNKNOWN',
      'error',
    ],
    [
      'text that is not UTF-8',
      smallModel({}, { docString: Uint8Array.of(0x41, 0xff) }),
      'MODEL_TEXT_ENCODING',
      'warning',
    ],
    [
      'fields of another schema',
      smallModel({}, { extraFields: varintField(99, 1) }),
      'MODEL_UNKNOWN_FIELDS',
      'info',
    ],
    ['functions that unfold without end', buildBillionLaughs(60), 'MODEL_FUNCTION_EXPANSION', 'error'],
  ])('says so: %s', (_, bytes, code, severity) => {
    const finding = findingsOf(bytes).find(each => each.code === code);
    expect(finding).toMatchObject({ code, severity });
    expect(finding?.hint).not.toBe('');
  });

  it('finds functions that call each other in a ring', () => {
    const call = (name: string, callee: string) => ({
      name,
      domain: 'd',
      inputs: ['p'],
      outputs: ['q'],
      nodes: [node(callee, ['p'], ['q'], {}, { domain: 'd' })],
      opsets: { d: 1 },
    });
    const bytes = smallModel(
      { nodes: [node('a', ['x'], ['y'], {}, { domain: 'd' })] },
      { opsets: { '': 17, d: 1 }, functions: [call('a', 'b'), call('b', 'a')] },
    );
    expect(codesOf(bytes)).toContain('MODEL_FUNCTION_RECURSION');
  });

  it('lets a subgraph use names of the graph around it, and only those', () => {
    const branch = (uses: string) =>
      attribute.graph({
        name: 'branch',
        inputs: [],
        outputs: [tensorValue('b', 'float32', [1])],
        nodes: [node('Neg', [uses], ['b'])],
      });
    const graph = (uses: string) => ({
      nodes: [
        node('Neg', ['x'], ['a']),
        node('If', ['x'], ['y'], { then_branch: branch(uses), else_branch: branch('x') }),
      ],
    });
    expect(codesOf(smallModel(graph('a')))).toEqual([]);
    expect(codesOf(smallModel(graph('elsewhere')))).toEqual(['MODEL_VALUE_UNDEFINED']);
  });

  it('lists the first findings of a kind and counts the rest', () => {
    const nodes = Array.from({ length: 5000 }, (_, index) =>
      node('Neg', [`nowhere_${index}`], [`z_${index}`]),
    );
    const findings = findingsOf(smallModel({ nodes: [...nodes, node('Neg', ['x'], ['y'])] }));
    expect(findings).toHaveLength(9);
    expect(findings.at(-1)?.message).toBe('4992 more of the same kind are not listed.');
  });

  it('writes control characters of names out in messages', () => {
    const [finding] = findingsOf(smallModel({ nodes: [node('Add', ['x', '\u001b[31mred\u202e'], ['y'])] }));
    expect(finding?.message).toContain('\\u001b[31mred\\u202e');
    expect(finding?.message).not.toContain('\u001b');
  });
});

describe('a model that is built to be slow', () => {
  const graphs = (count: number) => concatBytes(Array.from({ length: count }, () => Uint8Array.of(0x5a, 0)));
  const attributeOfGraphs = (count: number) =>
    bytesField(1, bytesField(5, concatBytes([textField(1, 'many'), graphs(count)])));

  it.each([
    [
      'a hundred thousand subgraphs in one node',
      smallModel({ extraFields: attributeOfGraphs(100_000) }),
      'MODEL_NODE_WITHOUT_OPERATOR',
    ],
    [
      'a hundred thousand external files',
      smallModel({
        initializers: Array.from({ length: 100_000 }, (_, index) =>
          externalTensor(`w${index}`, 'int8', [1], `missing-${index}`),
        ),
      }),
      'MODEL_LIMIT',
    ],
  ])('ends soon: %s', { timeout: 10_000 }, (_, bytes, code) => {
    expect(codesOf(bytes)).toContain(code);
  });

  it('may not import operator sets without end', () => {
    const opsets = Array.from({ length: 300 }, (_, index) => [`d${index}`, 1] as const);
    expect(errorOf(() => read(smallModel({}, { opsets }))).code).toBe('MODEL_LIMIT');
  });
});

describe('arbitrary bytes', () => {
  const whole = smallModel(
    { initializers: [tensor('w', 'float32', [2], [1, 2])] },
    { metadata: { key: 'value' } },
  );

  it('never end in anything but an inspection or a coded error', { timeout: 20_000 }, () => {
    const edits = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }).map(bytes => ({ bytes })),
          edits.map(list => ({ list })),
        ),
        input => {
          const bytes = 'bytes' in input ? input.bytes : Uint8Array.from(whole);
          if ('list' in input) for (const [offset, value] of input.list) bytes[offset] = value;
          try {
            JSON.stringify(inspectRead(read(bytes), null));
          } catch (error) {
            if (!(error instanceof QuickServeError)) throw error;
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});
