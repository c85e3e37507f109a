import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  buildBillionLaughs,
  buildEndlessLoop,
  buildInt4Output,
  buildNestedGraphs,
} from '../../fixtures/generator/hostile-models.ts';
import {
  attribute,
  buildModel,
  externalTensor,
  type FunctionSpec,
  type GraphSpec,
  node,
  type TensorSpec,
  tensor,
  tensorValue,
  type ValueSpec,
} from '../../fixtures/generator/onnx-writer.ts';
import {
  bytesField,
  bytesFieldHeader,
  concatBytes,
  type Text,
  textField,
  varintField,
} from '../../fixtures/generator/protobuf-writer.ts';
import { smallModel } from './model-bytes.ts';

/** A file that means harm, and in what the tool must end: a coded error, a finding, or just output that does nothing. */
export interface HostileFile {
  readonly name: string;
  readonly end: 'error' | 'finding' | 'harmless';
  /** The code of the error or of one finding; null: any. */
  readonly code: string | null;
  /** Writes the file (and what it needs beside it) into an empty folder and says its path. */
  readonly write: (folder: string) => string;
}

type Content = Uint8Array | string;

const file =
  (content: () => Content, prepare: (folder: string) => void = () => undefined, name = 'model.onnx') =>
  (folder: string): string => {
    prepare(folder);
    writeFileSync(join(folder, name), content());
    return join(folder, name);
  };
const refused = (name: string, code: string | null, content: () => Content): HostileFile => ({
  name,
  end: 'error',
  code,
  write: file(content),
});
const found = (
  name: string,
  code: string | null,
  content: () => Content,
  prepare?: (folder: string) => void,
): HostileFile => ({ name, end: 'finding', code, write: file(content, prepare) });
const graph =
  (parts: Partial<GraphSpec>): (() => Content) =>
  () =>
    smallModel(parts);

const whole = smallModel({
  initializers: [tensor('w', 'float32', [2], [1, 2])],
  nodes: [node('Add', ['x', 'w'], ['y'], { a: attribute.ints([1, 2]) })],
});
const head = varintField(1, 8);
const rawTensor = (parts: Partial<TensorSpec>): TensorSpec => ({
  name: 'w',
  dtype: 'float32',
  dims: [1],
  content: { kind: 'bytes', bytes: new Uint8Array(4) },
  ...parts,
});

const truncations: readonly HostileFile[] = [1, 2, 3, 7, 15, 30, 50, 70, 90, 110].map(size =>
  refused(`cut after ${size} bytes`, null, () => whole.subarray(0, size)),
);

const otherFiles: readonly HostileFile[] = (
  [
    ['PNG', () => Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')],
    ['JPEG', () => Buffer.from('ffd8ffe000104a46494600', 'hex')],
    ['PDF', () => '%PDF-1.7\n%\u00e2\u00e3\n1 0 obj\n'],
    ['zip', () => Buffer.from('504b0304140000000800', 'hex')],
    ['gzip of a model', () => gzipSync(whole)],
    [
      'tar',
      () =>
        Buffer.concat([
          Buffer.from('model.onnx'),
          Buffer.alloc(247),
          Buffer.from('ustar\u000000'),
          Buffer.alloc(300),
        ]),
    ],
    ['ELF', () => Buffer.from('7f454c46020101000000000000000000', 'hex')],
    ['HTML error page', () => '<!DOCTYPE html>\n<html><body><h1>404 Not Found</h1></body></html>\n'],
    ['XML', () => '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'],
    ['JSON', () => '{"error": "not found"}\n'],
    ['YAML text', () => 'model:\n  path: x\n'],
    ['plain text', () => 'hello\n'],
    ['HDF5', () => Buffer.from('894844460d0a1a0a0000', 'hex')],
    ['pickle', () => Buffer.from('800495100000000000000000', 'hex')],
    ['NumPy', () => Buffer.from('934e554d5059010076007b27646573637227', 'hex')],
    ['zeros', () => new Uint8Array(4096)],
    ['all ones', () => new Uint8Array(4096).fill(255)],
    [
      'safetensors',
      () =>
        Buffer.concat([
          Buffer.from('4000000000000000', 'hex'),
          Buffer.from('{"weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}  '),
        ]),
    ],
    ['UTF-16 text', () => Buffer.from('\ufeffhello world\n', 'utf16le')],
    [
      'Git LFS pointer',
      () => `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 1234\n`,
    ],
    [
      'a tensor message',
      () =>
        concatBytes([
          varintField(1, 2),
          varintField(2, 1),
          textField(8, 'x'),
          bytesField(9, new Uint8Array(8)),
        ]),
    ],
    ['a bare graph', () => bytesField(1, textField(4, 'Relu'))],
    ['a message of unknown fields', () => varintField(90, 1)],
    ['an ORT file that is cut', () => Buffer.concat([Buffer.from('1c000000', 'hex'), Buffer.from('ORTM')])],
    [
      'an ORT file with wild offsets',
      () => Buffer.concat([Buffer.from('ffffff7f', 'hex'), Buffer.from('ORTM'), Buffer.alloc(64, 0xff)]),
    ],
  ] as const
).map(([name, content]) => refused(name, null, content));

/** A node whose only attribute holds so many empty graphs. */
const manySubgraphs = (count: number): Uint8Array =>
  smallModel({
    extraFields: bytesField(
      1,
      bytesField(
        5,
        concatBytes([
          textField(1, 'many'),
          new Uint8Array(2 * count).map((_, index) => (index % 2 === 0 ? 0x5a : 0)),
        ]),
      ),
    ),
  });

const damaged: readonly HostileFile[] = (
  [
    ['field number 0', 'MODEL_MALFORMED', () => concatBytes([head, Uint8Array.of(0x00, 0x01)])],
    [
      'an over-long varint',
      'MODEL_MALFORMED',
      () => concatBytes([head, Uint8Array.of(0x28, ...Array<number>(11).fill(0x80), 1)]),
    ],
    ['a varint without end', null, () => concatBytes([head, new Uint8Array(100_000).fill(0x80)])],
    [
      'a field number beyond 32 bits',
      'MODEL_MALFORMED',
      () => concatBytes([head, Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0x01)]),
    ],
    ['a group', 'MODEL_MALFORMED', () => concatBytes([head, Uint8Array.of(0x0b)])],
    ['wire type 7', 'MODEL_MALFORMED', () => concatBytes([head, Uint8Array.of(0x0f)])],
    ['a length past the end', null, () => concatBytes([head, bytesFieldHeader(7, 1_000_000)])],
    [
      'a length of 2^63',
      null,
      () => concatBytes([head, Uint8Array.of(0x3a, ...Array<number>(8).fill(0xff), 0x7f)]),
    ],
    [
      'a negative length',
      null,
      () => concatBytes([head, Uint8Array.of(0x3a, ...Array<number>(9).fill(0xff), 0x01)]),
    ],
    [
      'a node longer than its graph',
      'MODEL_MALFORMED',
      () => concatBytes([head, bytesField(7, bytesFieldHeader(1, 9))]),
    ],
    ['a graph as a number', 'MODEL_MALFORMED', () => concatBytes([head, varintField(7, 1)])],
    ['two models in a row', 'MODEL_MALFORMED', () => concatBytes([whole, whole])],
    ['NUL in a name', 'MODEL_MALFORMED', () => smallModel({ name: 'a\0b' })],
    ['a name that is not UTF-8', 'MODEL_MALFORMED', () => smallModel({ name: Uint8Array.of(0xff, 0xfe) })],
    [
      'a name with a lone surrogate',
      'MODEL_MALFORMED',
      () => smallModel({ name: Uint8Array.of(0xed, 0xa0, 0x80) }),
    ],
    ['a name of a megabyte', 'MODEL_LIMIT', () => smallModel({ name: 'n'.repeat(1_000_000) })],
    [
      'an operator of a megabyte',
      'MODEL_LIMIT',
      () => smallModel({ nodes: [node('O'.repeat(1_000_000), ['x'], ['y'])] }),
    ],
    [
      'a value name of a megabyte',
      'MODEL_LIMIT',
      () => smallModel({ nodes: [node('Neg', ['v'.repeat(1_000_000)], ['y'])] }),
    ],
    [
      'names of 80 MB together',
      'MODEL_LIMIT',
      () =>
        smallModel({
          nodes: Array.from({ length: 1300 }, (_, index) =>
            node('Neg', [`${index}${'v'.repeat(60_000)}`], ['y']),
          ),
        }),
    ],
    ['60 graphs inside each other', 'MODEL_LIMIT', () => buildNestedGraphs(60)],
    [
      'messages nested 5,000 deep',
      null,
      () => {
        let bytes = textField(1, 'x');
        for (let depth = 0; depth < 5000; depth += 1)
          bytes = bytesField(5, bytesField(6, bytesField(1, bytes)));
        return concatBytes([head, bytesField(7, bytesField(1, bytes))]);
      },
    ],
    [
      'a type nested 200 deep',
      null,
      () => {
        let type = bytesField(1, varintField(1, 1));
        for (let depth = 0; depth < 200; depth += 1) type = bytesField(4, bytesField(1, type));
        return smallModel({
          extraFields: bytesField(11, concatBytes([textField(1, 'deep'), bytesField(2, type)])),
        });
      },
    ],
    [
      'a tensor of 1,000 dimensions',
      'MODEL_LIMIT',
      () => smallModel({ initializers: [tensor('w', 'float32', Array<number>(1000).fill(1), [1])] }),
    ],
    [
      'a million empty nodes',
      'MODEL_LIMIT',
      () =>
        smallModel({
          extraFields: new Uint8Array(2_000_000).map((_, index) => (index % 2 === 0 ? 0x0a : 0)),
        }),
    ],
    ['half a million subgraphs in one node', 'MODEL_LIMIT', () => manySubgraphs(500_000)],
    [
      '10,000 opsets',
      'MODEL_LIMIT',
      () =>
        smallModel({}, { opsets: Array.from({ length: 10_000 }, (_, index) => [`d${index}`, 1] as const) }),
    ],
    [
      'an attribute of two types',
      'MODEL_MALFORMED',
      () =>
        smallModel({
          nodes: [],
          extraFields: bytesField(
            1,
            bytesField(5, concatBytes([textField(1, 'a'), varintField(3, 1), textField(4, 'x')])),
          ),
        }),
    ],
  ] as const
).map(([name, code, content]) => refused(name, code, content));

const laughs = (functions: readonly FunctionSpec[]): Uint8Array =>
  buildModel({
    graph: {
      inputs: [tensorValue('x', 'float32', [1])],
      outputs: [tensorValue('y', 'float32', [1])],
      nodes: [node('f', ['x'], ['y'], {}, { domain: 'own' })],
    },
    functions,
    opsets: { '': 17, own: 1 },
  });

const broken: readonly HostileFile[] = [
  found('billion-laughs functions', 'MODEL_FUNCTION_EXPANSION', () => buildBillionLaughs(60)),
  found('functions in a ring', null, () =>
    laughs([
      {
        name: 'f',
        domain: 'own',
        inputs: ['a'],
        outputs: ['b'],
        nodes: [node('g', ['a'], ['b'], {}, { domain: 'own' })],
      },
      {
        name: 'g',
        domain: 'own',
        inputs: ['a'],
        outputs: ['b'],
        nodes: [node('f', ['a'], ['b'], {}, { domain: 'own' })],
      },
    ]),
  ),
  found('a function that calls itself', null, () =>
    laughs([
      {
        name: 'f',
        domain: 'own',
        inputs: ['a'],
        outputs: ['b'],
        nodes: [node('f', ['a'], ['b'], {}, { domain: 'own' })],
      },
    ]),
  ),
  found('2,000 functions in a chain', null, () =>
    laughs(
      Array.from({ length: 2000 }, (_, index) => ({
        name: index === 0 ? 'f' : `f${index}`,
        domain: 'own',
        inputs: ['a'],
        outputs: ['b'],
        nodes: [node(`f${index + 1}`, ['a'], ['b'], {}, { domain: 'own' })],
      })),
    ),
  ),
  found('an int4 output that aborts the runtime', null, () => buildInt4Output()),
  found('an unknown operator domain', null, () =>
    smallModel(
      { nodes: [node('Thing', ['x'], ['y'], {}, { domain: 'nobody.knows' })] },
      { opsets: { '': 17, 'nobody.knows': 1 } },
    ),
  ),
  found(
    'a domain that is not imported',
    null,
    graph({ nodes: [node('Thing', ['x'], ['y'], {}, { domain: 'nobody.knows' })] }),
  ),
  found('an opset of the future', null, () => smallModel({}, { opsets: { '': 999 } })),
  found('an opset of 2^62', null, () => smallModel({}, { opsets: [['', 2n ** 62n]] })),
  found('a negative opset', null, () => smallModel({}, { opsets: [['', -1]] })),
  found('an IR version of the future', null, () => smallModel({}, { irVersion: 999 })),
  found('IR version 0', 'MODEL_IR_VERSION', () => smallModel({}, { irVersion: 0 })),
  found('a negative IR version', null, () => smallModel({}, { irVersion: -5 })),
  found('an opset imported twice', 'MODEL_OPSET_DUPLICATE', () =>
    smallModel(
      {},
      {
        opsets: [
          ['', 17],
          ['ai.onnx', 18],
        ],
      },
    ),
  ),
  found('no opset', 'MODEL_OPSET_MISSING', () => smallModel({}, { opsets: [] })),
  found('a negative dimension', 'MODEL_DIMENSION', graph({ initializers: [rawTensor({ dims: [-1] })] })),
  found(
    'dimensions that overflow',
    'MODEL_DIMENSION',
    graph({ initializers: [rawTensor({ dims: [2n ** 40n, 2n ** 40n] })] }),
  ),
  found(
    'a dimension of -2^63',
    'MODEL_DIMENSION',
    graph({ initializers: [rawTensor({ dims: [-(2n ** 63n)] })] }),
  ),
  found(
    'an input of negative size',
    'MODEL_DIMENSION',
    graph({ inputs: [tensorValue('x', 'float32', [-1, 3])] }),
  ),
  found(
    'raw data that is too short',
    'MODEL_TENSOR_SIZE',
    graph({ initializers: [rawTensor({ dims: [2] })] }),
  ),
  found(
    'raw data that is too long',
    'MODEL_TENSOR_SIZE',
    graph({ initializers: [rawTensor({ content: { kind: 'bytes', bytes: new Uint8Array(9) } })] }),
  ),
  found(
    'typed data that is too short',
    'MODEL_TENSOR_SIZE',
    graph({
      initializers: [
        rawTensor({ dtype: 'int32', dims: [3], content: { kind: 'values', values: [1], fields: true } }),
      ],
    }),
  ),
  found('4 TB in four bytes', 'MODEL_TENSOR_SIZE', graph({ initializers: [rawTensor({ dims: [2 ** 40] })] })),
  found(
    'an unknown element type',
    'MODEL_DTYPE_UNKNOWN',
    graph({ initializers: [rawTensor({ dtype: 99 })] }),
  ),
  found(
    'duplicate initializers',
    'MODEL_DUPLICATE_NAME',
    graph({ initializers: [tensor('w', 'int8', [1], [1]), tensor('w', 'int8', [1], [2])] }),
  ),
  found(
    'duplicate outputs',
    'MODEL_DUPLICATE_NAME',
    graph({ outputs: [tensorValue('y', 'float32', [1]), tensorValue('y', 'int8', [2])] }),
  ),
  found(
    'a value that is made twice',
    'MODEL_DUPLICATE_NAME',
    graph({ nodes: [node('Neg', ['x'], ['y']), node('Abs', ['x'], ['y'])] }),
  ),
  found(
    'a cycle',
    'MODEL_CYCLE',
    graph({ nodes: [node('Add', ['x', 'b'], ['a']), node('Neg', ['a'], ['b']), node('Neg', ['b'], ['y'])] }),
  ),
  found('a node that reads itself', 'MODEL_CYCLE', graph({ nodes: [node('Add', ['x', 'y'], ['y'])] })),
  found(
    'nodes out of order',
    'MODEL_NOT_SORTED',
    graph({ nodes: [node('Neg', ['a'], ['y']), node('Neg', ['x'], ['a'])] }),
  ),
  found(
    'a value from nowhere',
    'MODEL_VALUE_UNDEFINED',
    graph({ nodes: [node('Add', ['x', 'nowhere'], ['y'])] }),
  ),
  found(
    'an output from nowhere',
    'MODEL_VALUE_UNDEFINED',
    graph({ outputs: [tensorValue('nowhere', 'float32', [1])] }),
  ),
  found('a node without operator', 'MODEL_NODE_WITHOUT_OPERATOR', graph({ nodes: [node('', ['x'], ['y'])] })),
  found('100,000 subgraphs in one node', 'MODEL_NODE_WITHOUT_OPERATOR', () => manySubgraphs(100_000)),
  found('text that is not UTF-8', 'MODEL_TEXT_ENCODING', () =>
    smallModel({}, { docString: Uint8Array.of(0x41, 0xff) }),
  ),
  found('documentation of ten megabytes', 'MODEL_TEXT_CUT', () =>
    smallModel({}, { docString: 'd'.repeat(10_000_000) }),
  ),
  found(
    '100,000 nodes that each read nothing',
    null,
    graph({
      nodes: Array.from({ length: 100_000 }, (_, index) => node('Neg', [`n${index}`], [`m${index}`])),
    }),
  ),
];

const external = (
  location: string,
  more: Partial<{ offset: number; length: number }> = {},
): (() => Content) => graph({ initializers: [externalTensor('w', 'float32', [4], location, more)] });
const escapes: readonly HostileFile[] = [
  ...(
    [
      '../secret.bin',
      '/etc/passwd',
      'C:\\secret.bin',
      '\\\\server\\share',
      'sub/../../secret.bin',
      'https://example.org/w.bin',
      '',
    ] as const
  ).map(location => found(`external data at "${location}"`, null, external(location))),
  found('external data that is missing', null, external('missing.bin')),
  found('external data that is too short', null, external('short.bin'), folder =>
    writeFileSync(join(folder, 'short.bin'), 'x'),
  ),
  found('external data past its end', null, external('data.bin', { offset: 1_000_000 }), folder =>
    writeFileSync(join(folder, 'data.bin'), Buffer.alloc(16)),
  ),
  found('external data at an offset of 2^52', null, external('data.bin', { offset: 2 ** 52 }), folder =>
    writeFileSync(join(folder, 'data.bin'), Buffer.alloc(16)),
  ),
  found('a link that leads out', null, external('link.bin'), folder =>
    symlinkSync('/etc/passwd', join(folder, 'link.bin')),
  ),
  found('a link to itself', null, external('loop.bin'), folder =>
    symlinkSync('loop.bin', join(folder, 'loop.bin')),
  ),
  found('a folder as external data', null, external('folder'), folder => mkdirSync(join(folder, 'folder'))),
  found('a device as external data', null, external('zero'), folder =>
    symlinkSync('/dev/zero', join(folder, 'zero')),
  ),
  found('a FIFO as external data', null, external('pipe'), folder =>
    execFileSync('mkfifo', [join(folder, 'pipe')]),
  ),
  found('the model itself as external data', null, external('model.onnx')),
  {
    name: 'a FIFO as the model',
    end: 'error',
    code: null,
    write: folder => {
      execFileSync('mkfifo', [join(folder, 'pipe.onnx')]);
      return join(folder, 'pipe.onnx');
    },
  },
  {
    name: 'a folder as the model',
    end: 'error',
    code: null,
    write: folder => {
      mkdirSync(join(folder, 'model.onnx'));
      return join(folder, 'model.onnx');
    },
  },
  { name: 'a device as the model', end: 'error', code: null, write: () => '/dev/zero' },
  {
    name: 'a missing model',
    end: 'error',
    code: 'MODEL_NOT_FOUND',
    write: folder => join(folder, 'nothing.onnx'),
  },
  refused('an empty file', 'MODEL_EMPTY', () => new Uint8Array()),
];

/** What a name could do to a terminal, a log, a comment, a table, a shell or a prototype. */
export const HOSTILE_NAMES: readonly string[] = [
  '\u001b[2J\u001b[31mred',
  '\u001b]0;title\u0007',
  '\u001b]8;;https://example.org\u0007click\u001b]8;;\u0007',
  '\r\n::error::injected',
  '\n::set-output name=x::y',
  '##vso[task.setvariable variable=x]y',
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '[click](https://example.org) @everyone',
  '![](https://example.org/pixel.png)',
  '| a | b |\n|---|',
  '=HYPERLINK("https://example.org")',
  '+1+cmd|" /C calc"!A0',
  '@SUM(1+1)',
  '$(touch /tmp/owned)',
  '`touch /tmp/owned`',
  '"; rm -rf ~; "',
  "' || true #",
  '\u202egnp.exe',
  '\u2066hidden\u2069',
  'zero\u200bwidth',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  '/close\n/label bug',
  '```\n</details>',
  '\u009b31mC1',
  '\ufeffbom',
  '../../etc/passwd',
  '%s%n%x',
];

function named(name: Text): Uint8Array {
  const value = (suffix: string): ValueSpec => tensorValue(`${name}${suffix}`, 'float32', [`${name}`, 3]);
  return smallModel(
    {
      name,
      inputs: [value('in')],
      outputs: [value('out')],
      nodes: [
        node(
          'Add',
          [`${name}in`, `${name}w`],
          [`${name}out`],
          { [`${name}`]: attribute.string(name) },
          { name: `${name}` },
        ),
      ],
      initializers: [tensor(`${name}w`, 'float32', [3], [1, 2, 3])],
      docString: name,
    },
    {
      producerName: name,
      producerVersion: name,
      domain: name,
      metadata: { [`${name}`]: name },
      docString: name,
    },
  );
}

const names: readonly HostileFile[] = HOSTILE_NAMES.map(name => ({
  name: `the name ${JSON.stringify(name)} everywhere`,
  end: 'harmless',
  code: null,
  write: file(() => named(name)),
}));

export const HOSTILE_FILES: readonly HostileFile[] = [
  ...truncations,
  ...otherFiles,
  ...damaged,
  ...broken,
  ...escapes,
  ...names,
  { name: 'a loop without end', end: 'harmless', code: null, write: file(() => buildEndlessLoop()) },
];
