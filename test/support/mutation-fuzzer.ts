import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  buildBillionLaughs,
  buildEndlessLoop,
  buildNestedGraphs,
} from '../../fixtures/generator/hostile-models.ts';
import {
  type AttributeSpec,
  attribute,
  buildModel,
  externalTensor,
  type GraphSpec,
  type NodeSpec,
  node,
  tensor,
  tensorValue,
} from '../../fixtures/generator/onnx-writer.ts';
import { diffModels } from '../../src/model/diff/model-diff.ts';
import { outlineGraph } from '../../src/model/drawing/outline-graph.ts';
import { inspectRead } from '../../src/model/model-inspection.ts';
import { readModelBytes } from '../../src/model/model-reader.ts';
import { renderInspection } from '../../src/report/inspection-text.ts';
import { QuickServeError } from '../../src/shared/errors.ts';
import { modelsFolder, projectRoot } from './requirements.ts';

/** One change of a file. Positions are shares of its length, so that a counterexample shrinks with the file. */
type Mutation =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'set'; readonly at: number; readonly bytes: readonly number[] }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: readonly number[] }
  | { readonly kind: 'remove'; readonly at: number; readonly count: number }
  | { readonly kind: 'repeat'; readonly at: number; readonly count: number; readonly times: number }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'graft'; readonly at: number; readonly from: number; readonly count: number };

const everything = buildModel({
  producerName: 'fuzz',
  docString: 'everything that the format has',
  metadata: { key: 'value' },
  opsets: { '': 17, own: 1, 'com.microsoft': 1 },
  graph: {
    name: 'everything',
    docString: 'a graph',
    inputs: [
      tensorValue('x', 'float32', ['N', 3]),
      { name: 's', type: { kind: 'sequence', element: { kind: 'tensor', dtype: 'int64', shape: [null] } } },
      {
        name: 'm',
        type: { kind: 'map', key: 'int64', value: { kind: 'tensor', dtype: 'float32', shape: [] } },
      },
      { name: 'o', type: { kind: 'optional', element: { kind: 'tensor', dtype: 'string', shape: null } } },
    ],
    outputs: [tensorValue('y', 'float32', ['N', 3])],
    initializers: [
      tensor('w', 'float32', [3], [1, 2, 3]),
      tensor('q', 'int4', [4], [1, 2, 3, 4]),
      externalTensor('e', 'float32', [4], 'missing.bin'),
    ],
    sparseInitializers: [
      { values: tensor('sv', 'float32', [1], [1]), indices: tensor('si', 'int64', [1], [2]), dims: [8] },
    ],
    nodes: [
      node('twice', ['x'], ['a'], {}, { domain: 'own', name: 'call' }),
      node('Mul', ['a', 'w'], ['b'], { list: attribute.ints([1, 2, 3]), text: attribute.string('t') }),
      node('If', ['c'], ['y'], {
        then_branch: attribute.graph({
          inputs: [],
          outputs: [tensorValue('b', 'float32', null)],
          nodes: [node('Neg', ['b'], ['t'])],
        }),
        else_branch: attribute.graph({ inputs: [], outputs: [tensorValue('b', 'float32', null)], nodes: [] }),
      }),
      node('Constant', [], ['c'], { value: attribute.tensor(tensor('', 'bool', [], [1])) }),
    ],
  },
  functions: [
    {
      name: 'twice',
      domain: 'own',
      inputs: ['i'],
      outputs: ['j'],
      attributes: ['k'],
      nodes: [node('Add', ['i', 'i'], ['j'])],
    },
  ],
});

/** Small files of every kind that the reader knows. */
function seedFiles(): readonly Uint8Array[] {
  const optional = [
    join(projectRoot, 'fixtures/models/hang-load/model.onnx'),
    join(projectRoot, 'fixtures/models/aborts/model.onnx'),
    ...[
      'mnist_ort_format/model.ort',
      'scan_rnn/model.onnx',
      'logreg_iris_zipmap/model.onnx',
      'light_squeezenet/model.onnx',
    ].map(name => join(modelsFolder, name)),
  ];
  return [
    everything,
    buildEndlessLoop(),
    buildBillionLaughs(8),
    buildNestedGraphs(6),
    ...optional.filter(existsSync).map(path => readFileSync(path)),
  ];
}

/** A hang, or time that grows faster than the file: the slowest take some milliseconds. */
const HANG_MS = 20_000;

const share = fc.double({ min: 0, max: 1, noNaN: true });
const byte = fc.integer({ min: 0, max: 255 });
/** Bytes that decide something in this format: tags, lengths, ends of varints. */
const telling = fc.constantFrom<readonly number[]>(
  [0],
  [0x7f],
  [0x80],
  [0xff],
  [0x80, 0x80, 0x80, 0x80, 0x10],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
  [0x0a, 0],
  [0x3a, 0xff, 0xff, 0x03],
  [0x22, 0],
  [0x2a, 2, 0x32, 0],
  [0x08, 0x99, 1],
);
const bytes = fc.oneof(telling, fc.array(byte, { minLength: 1, maxLength: 8 }));
const count = fc.integer({ min: 1, max: 64 });
/** Changes that leave lengths alone come far: most others end at the first length that does not fit any more. */
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('flip' as const),
      at: share,
      bit: fc.integer({ min: 0, max: 7 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      at: share,
      bytes: fc.tuple(fc.oneof(fc.constantFrom(0, 1, 2, 3, 0x7f), byte)),
    }),
  },
  ...[
    fc.record({ kind: fc.constant('set' as const), at: share, bytes }),
    fc.record({ kind: fc.constant('insert' as const), at: share, bytes }),
    fc.record({ kind: fc.constant('remove' as const), at: share, count }),
    fc.record({
      kind: fc.constant('repeat' as const),
      at: share,
      count,
      times: fc.integer({ min: 2, max: 50 }),
    }),
    fc.record({ kind: fc.constant('cut' as const), at: share }),
    fc.record({ kind: fc.constant('graft' as const), at: share, from: share, count }),
  ].map(arbitrary => ({ weight: 1, arbitrary })),
);

function apply(file: Uint8Array, change: Mutation, donor: Uint8Array): Uint8Array {
  const at = Math.floor(change.at * file.length);
  const splice = (removed: number, inserted: Uint8Array): Uint8Array =>
    Buffer.concat([file.subarray(0, at), inserted, file.subarray(at + removed)]);
  switch (change.kind) {
    case 'flip':
      return file.map((value, index) => (index === at ? value ^ (1 << change.bit) : value));
    case 'set':
      return splice(change.bytes.length, Uint8Array.from(change.bytes));
    case 'insert':
      return splice(0, Uint8Array.from(change.bytes));
    case 'remove':
      return splice(change.count, new Uint8Array());
    case 'repeat': {
      const part = file.subarray(at, at + change.count);
      return splice(0, Buffer.concat(Array.from({ length: change.times }, () => part)));
    }
    case 'cut':
      return file.subarray(0, at);
    case 'graft': {
      const from = Math.floor(change.from * donor.length);
      return splice(0, donor.subarray(from, from + change.count));
    }
  }
}

/** Few names, so that they collide: cycles, values made twice, initializers that are outputs, nodes that read themselves. */
const name = fc.constantFrom('', 'a', 'b', 'c', 'd', 'e', 'x', 'y', '__proto__');
const operator = fc.constantFrom(
  'Add',
  'Conv',
  'Cast',
  'Constant',
  'Identity',
  'If',
  'Loop',
  'MatMul',
  'Relu',
  'Reshape',
  'Shape',
  'f',
  'g',
);
const dimension = fc.oneof(
  fc.integer({ min: -2, max: 5 }),
  fc.constantFrom<number | bigint | string | null>('N', null, 2n ** 40n, 2 ** 31),
);
const shape = fc.oneof(fc.array(dimension, { maxLength: 4 }), fc.constant(null));
const value = fc.tuple(name, shape).map(([each, sizes]) => tensorValue(each, 'float32', sizes));
const weight = fc
  .tuple(name, fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }), fc.nat({ max: 40 }))
  .map(([each, dims, size]) => ({
    name: each,
    dtype: 'float32' as const,
    dims,
    content: { kind: 'bytes' as const, bytes: new Uint8Array(size) },
  }));
const graphSpec = fc.letrec<{ graph: GraphSpec; node: NodeSpec; attribute: AttributeSpec }>(tie => ({
  attribute: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.integer().map(attribute.int),
    fc.array(fc.integer({ min: -1, max: 4 }), { maxLength: 5 }).map(attribute.ints),
    fc.string({ maxLength: 5 }).map(attribute.string),
    weight.map(attribute.tensor),
    tie('graph').map(attribute.graph),
  ),
  node: fc
    .tuple(
      operator,
      fc.array(name, { maxLength: 4 }),
      fc.array(name, { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('to', 'perm', 'value', 'body', 'axis'), tie('attribute'), { maxKeys: 2 }),
      fc.constantFrom('', 'own', 'ai.onnx'),
    )
    .map(([op, inputs, outputs, attributes, domain]) => node(op, inputs, outputs, attributes, { domain })),
  graph: fc.record({
    nodes: fc.array(tie('node'), { maxLength: 12 }),
    inputs: fc.array(value, { maxLength: 3 }),
    outputs: fc.array(value, { maxLength: 3 }),
    initializers: fc.array(weight, { maxLength: 3 }),
  }),
})).graph;

/** Well-formed bytes of a graph that makes no sense. */
const nonsense: fc.Arbitrary<Uint8Array> = fc
  .tuple(graphSpec, fc.array(fc.tuple(operator, graphSpec), { maxLength: 2 }))
  .map(([graph, bodies]) =>
    buildModel({
      graph,
      opsets: { '': 17, own: 1 },
      functions: bodies.map(([called, body]) => ({
        name: called,
        domain: 'own',
        inputs: ['a'],
        outputs: ['b'],
        nodes: body.nodes,
      })),
    }),
  );

export interface FuzzResult {
  readonly cases: number;
  readonly refused: number;
  readonly longestMs: number;
  readonly peakRssBytes: number;
}

/**
 * Mutates small files, makes senseless ones, and does all that `inspect` does without a runtime. Throws with a counterexample where anything
 * but a coded error comes out, or one case takes over two seconds.
 */
export function fuzzReader(options: {
  readonly runs: number;
  readonly timeLimitMs?: number;
  readonly seed?: number;
}): FuzzResult {
  const seeds = seedFiles();
  let [cases, refused, longestMs, peakRssBytes] = [0, 0, 0, 0];
  const mutated = fc
    .tuple(
      fc.nat({ max: seeds.length - 1 }),
      fc.nat({ max: seeds.length - 1 }),
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
    )
    .map(([seed, donor, changes]) =>
      changes.reduce((bytes, change) => apply(bytes, change, seeds[donor]!), seeds[seed]!),
    );
  const property = fc.property(
    fc.oneof({ weight: 3, arbitrary: mutated }, { weight: 1, arbitrary: nonsense }),
    file => {
      const startMs = performance.now();
      try {
        const model = readModelBytes(file, 'fuzz.onnx');
        renderInspection(inspectRead(model, null));
        outlineGraph(model.graph);
        // Payloads are not at hand: the file is in memory only.
        const bare = { ...model, graph: { ...model.graph, initializers: [] }, functions: [] };
        diffModels(bare, bare);
      } catch (error) {
        if (!(error instanceof QuickServeError)) throw error;
        refused += 1;
      }
      const tookMs = performance.now() - startMs;
      cases += 1;
      longestMs = Math.max(longestMs, tookMs);
      if (cases % 64 === 0) peakRssBytes = Math.max(peakRssBytes, process.memoryUsage.rss());
      if (tookMs > HANG_MS) throw new Error(`took ${Math.round(tookMs)} ms`);
    },
  );
  fc.assert(property, {
    numRuns: options.runs,
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(options.timeLimitMs === undefined ? {} : { interruptAfterTimeLimit: options.timeLimitMs }),
  });
  return { cases, refused, longestMs, peakRssBytes };
}
